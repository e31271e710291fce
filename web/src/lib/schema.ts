// A page that speaks another schema than the appliance loads itself anew, once per number.

import { SCHEMA } from './messages';

const KEY = 'reloaded-for-schema';

export type SchemaVerdict = 'same' | 'reload' | 'stuck';

/** What `sessionStorage` offers; absent where the browser forbids it. */
export interface Memory {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/**
 * Compares a message's schema number with the page's own.
 * @returns `reload` the first time a number is seen, `stuck` when reloading has not helped
 */
export function judgeSchema(number: unknown, memory: Memory | null): SchemaVerdict {
  if (typeof number !== 'number' || number === SCHEMA) return 'same';
  try {
    if (memory === null || memory.getItem(KEY) === String(number)) return 'stuck';
    memory.setItem(KEY, String(number));
  } catch {
    return 'stuck'; // without a memory the page would reload for ever
  }
  return 'reload';
}
