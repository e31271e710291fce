// Requests to the appliance. Problems come back as the sentence that the appliance gave.

/** What a request ended with: never a thrown error. */
export type Answer<T> = { ok: true; value: T } | { ok: false; problem: string };

const LIMIT_MS = 15_000;

type Fetch = (address: string, init: RequestInit) => Promise<Response>;

export async function get<T>(path: string, via: Fetch = fetch): Promise<Answer<T>> {
  return await ask<T>(path, { method: 'GET', headers: { accept: 'application/json' } }, via);
}

export async function post<T>(path: string, body: object = {}, via: Fetch = fetch): Promise<Answer<T>> {
  return await ask<T>(
    path,
    {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    },
    via,
  );
}

async function ask<T>(path: string, init: RequestInit, via: Fetch): Promise<Answer<T>> {
  try {
    const response = await via(path, { ...init, signal: AbortSignal.timeout(LIMIT_MS) });
    const text = await response.text();
    if (!response.ok) return { ok: false, problem: problemText(response.status, text) };
    return { ok: true, value: (text === '' ? {} : JSON.parse(text)) as T };
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      return { ok: false, problem: 'The appliance did not answer in time.' };
    }
    if (error instanceof SyntaxError) {
      return { ok: false, problem: 'The appliance answered something that is not JSON.' };
    }
    return { ok: false, problem: 'The appliance cannot be reached.' };
  }
}

/** The sentence in a problem+json body (RFC 9457), else one made from the status. */
export function problemText(status: number, body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) {
      const { detail, title } = value as Record<string, unknown>;
      for (const text of [detail, title]) {
        if (typeof text === 'string' && text.trim() !== '') return text;
      }
    }
  } catch {
    // Not JSON: a proxy's page, say.
  }
  return `The appliance refused (HTTP ${status}).`;
}
