import { describe, expect, it } from 'vitest';

import {
  backoff,
  FIRST_WAIT_MS,
  LONGEST_WAIT_MS,
  OPENING_LIMIT_MS,
  SILENCE_LIMIT_MS,
  start,
  step,
  STOOD_MS,
  type Connection,
  type ConnectionEvent,
} from '../src/lib/connection';

const WIDEST = 1; // jitter that waits longest

/** Plays events at times; returns the last state and every action but `none`. */
function play(state: Connection, ...events: [number, ConnectionEvent['kind']][]) {
  const actions: string[] = [];
  for (const [now, kind] of events) {
    const { next, action } = step(state, { kind }, now, WIDEST);
    state = next;
    if (action !== 'none') actions.push(`${now} ${action}`);
  }
  return { state, actions };
}

describe('the connection', () => {
  it('begins with an attempt', () => {
    expect(start(5)).toEqual({
      next: { kind: 'connecting', attempt: 1, since: 5 },
      action: 'connect',
    });
  });

  it('waits longer after each failed attempt, up to a limit', () => {
    let state: Connection = start(0).next;
    let now = 0;
    const waits: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      state = step(state, { kind: 'closed' }, now, WIDEST).next;
      if (state.kind !== 'waiting') throw new Error('expected to wait');
      waits.push(state.until - now);
      now = state.until;
      const woken = step(state, { kind: 'tick' }, now, WIDEST);
      expect(woken.action).toBe('connect');
      state = woken.next;
    }
    expect(waits).toEqual([800, 1600, 3200, 6400, 8000, 8000, 8000, 8000]);
  });

  it('spreads the waits of many browsers, and never waits nothing', () => {
    expect(backoff(0, 0)).toBe(FIRST_WAIT_MS / 2);
    expect(backoff(0, 1)).toBe(FIRST_WAIT_MS);
    expect(backoff(1000, 1)).toBe(LONGEST_WAIT_MS);
    expect(backoff(3, 7)).toBe(backoff(3, 1));
  });

  it('tries at once when the browser wakes', () => {
    const { state, actions } = play(start(0).next, [10, 'closed'], [20, 'wake']);
    expect(state).toEqual({ kind: 'connecting', attempt: 2, since: 20 });
    expect(actions).toEqual(['20 connect']);
  });

  it('does not connect twice', () => {
    const { actions } = play(start(0).next, [1, 'wake'], [2, 'opened'], [3, 'wake'], [4, 'tick']);
    expect(actions).toEqual([]);
  });

  it('forgets failures once a connection stood', () => {
    const flapping = play(start(0).next, [1, 'closed'], [900, 'tick'], [950, 'opened'], [960, 'closed']);
    expect(flapping.state).toMatchObject({ kind: 'waiting', attempt: 2 });
    const stood = play(
      start(0).next,
      [1, 'closed'],
      [900, 'tick'],
      [950, 'opened'],
      [950 + STOOD_MS, 'closed'],
    );
    expect(stood.state).toMatchObject({ kind: 'waiting', attempt: 0 });
  });

  it('gives up a socket that does not open', () => {
    const { state, actions } = play(
      start(0).next,
      [OPENING_LIMIT_MS, 'tick'],
      [OPENING_LIMIT_MS + 1, 'tick'],
    );
    expect(state.kind).toBe('waiting');
    expect(actions).toEqual([`${OPENING_LIMIT_MS + 1} close`]);
  });

  it('gives up an open socket that has fallen silent, not one that speaks', () => {
    const spoken = 4_000;
    const { state, actions } = play(
      start(0).next,
      [1, 'opened'],
      [spoken, 'heard'],
      [SILENCE_LIMIT_MS + 2, 'tick'],
      [spoken + SILENCE_LIMIT_MS + 1, 'tick'],
    );
    expect(actions).toEqual([`${spoken + SILENCE_LIMIT_MS + 1} close`]);
    expect(state.kind).toBe('waiting');
  });

  it('ignores what an old socket says', () => {
    const waiting = step(start(0).next, { kind: 'closed' }, 1, 0).next;
    for (const kind of ['opened', 'heard', 'closed'] as const) {
      expect(step(waiting, { kind }, 2, 0)).toEqual({ next: waiting, action: 'none' });
    }
  });
});
