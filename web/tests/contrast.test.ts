import { describe, expect, it } from 'vitest';

import css from '../src/styles/theme.css?raw';

// WCAG 2.2, 1.4.3: text needs a contrast of 4.5 to what it stands on.

const [dark, light] = css.split('@media (prefers-color-scheme: light)').map(colours);

function colours(text: string): Map<string, string> {
  return new Map([...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((m) => [m[1]!, m[2]!]));
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const v = parseInt(hex.slice(i, i + 2), 16) / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const PAIRS = [
  ...['ground', 'surface', 'raised'].flatMap((on) =>
    ['ink', 'ink-soft', 'ink-faint', 'accent', 'good', 'warn', 'bad'].map((ink) => [ink, on]),
  ),
  ['accent-ink', 'accent'],
  ['loud-ink', 'loud'],
  ['ink', 'warn-wash'],
  ['ink', 'bad-wash'],
  ['warn', 'warn-wash'],
  ['bad', 'bad-wash'],
] as [string, string][];

describe.each([
  ['dark', dark],
  ['light', light],
])('in the %s theme', (_, theme) => {
  it.each(PAIRS)('%s can be read on %s', (ink, on) => {
    const [a, b] = [theme!.get(ink)!, theme!.get(on)!].map(luminance).sort((x, y) => y - x);
    expect((a! + 0.05) / (b! + 0.05)).toBeGreaterThanOrEqual(4.5);
  });
});
