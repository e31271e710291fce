// Drives a real Chromium for tests/web/browser.py: one JSON object a line in, one a line out.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');

// The test has ended: so does the browser.
process.stdout.on('error', () => browser.close().then(() => process.exit()));

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-quic',
    '--no-first-run',
    '--disable-component-update',
    '--disable-sync',
  ],
});

let context;
let page;
let said = [];

const verbs = {
  async open({ url, ...options }) {
    await context?.close();
    said = [];
    context = await browser.newContext(options);
    page = await context.newPage();
    // Content-Security-Policy violations arrive as errors on the console.
    page.on('console', (m) => said.push({ level: m.type(), text: m.text(), at: m.location().url }));
    page.on('pageerror', (e) => said.push({ level: 'exception', text: String(e), at: page.url() }));
    await page.goto(url, { waitUntil: 'load' });
  },
  evaluate: ({ script }) => page.evaluate(script),
  async wait({ script, timeout }) {
    // Not waitForFunction: that evaluates text inside the page, which the page's policy forbids.
    const end = Date.now() + timeout;
    while (Date.now() < end) {
      const value = await page.evaluate(script).catch(() => false); // the page is being loaded
      if (value) return value;
      await new Promise((resume) => setTimeout(resume, 50));
    }
    throw new Error(`not within ${timeout} ms`);
  },
  click: ({ selector }) => page.click(selector, { timeout: 5000 }),
  press: ({ key }) => page.keyboard.press(key),
  offline: ({ on }) => context.setOffline(on),
  screenshot: ({ path, whole }) => page.screenshot({ path, fullPage: whole }).then(() => null),
  said: () => said,
  async close() {
    await context?.close();
    context = undefined;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { verb, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await verbs[verb](rest)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
