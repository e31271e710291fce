// How old what is shown is, and whether that is too old to be called live.

import type { Millis } from './connection';

/** Older than this and the table is greyed: it no longer shows what is. */
export const STALE_MS = 1_500;

export type Freshness =
  | { kind: 'none' }
  | { kind: 'live'; age: Millis }
  | { kind: 'stale'; age: Millis };

/** A message's exposure on this browser's clock, from its age when it was sent. */
export function exposedAt(received: Millis, ageMs: number | null): Millis {
  return received - Math.max(0, ageMs ?? 0);
}

/** @param exposed when the newest picture was taken, on the clock of `now`; null before the first */
export function freshness(exposed: Millis | null, now: Millis): Freshness {
  if (exposed === null) return { kind: 'none' };
  const age = Math.max(0, now - exposed);
  return age > STALE_MS ? { kind: 'stale', age } : { kind: 'live', age };
}
