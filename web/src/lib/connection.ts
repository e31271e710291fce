// The connection to the appliance as a state machine: pure, the clock is handed in.

/** Milliseconds of any monotonic clock. */
export type Millis = number;

/** `attempt` counts the attempts since a connection last stood. */
export type Connection =
  | { kind: 'connecting'; attempt: number; since: Millis }
  | { kind: 'open'; attempt: number; since: Millis; heard: Millis }
  | { kind: 'waiting'; attempt: number; since: Millis; until: Millis };

export type ConnectionEvent =
  | { kind: 'opened' }
  | { kind: 'heard' }
  | { kind: 'closed' }
  /** The browser came back to the page or to the network: try at once. */
  | { kind: 'wake' }
  | { kind: 'tick' };

/** What the owner of the socket has to do. */
export type ConnectionAction = 'none' | 'connect' | 'close';

export interface Step {
  next: Connection;
  action: ConnectionAction;
}

export const FIRST_WAIT_MS = 400;
export const LONGEST_WAIT_MS = 8_000;
/** A socket that does not open for this long is given up. */
export const OPENING_LIMIT_MS = 5_000;
/** The appliance speaks twice a second; an open socket this silent is dead. */
export const SILENCE_LIMIT_MS = 6_000;
/** A connection that held this long stood; one that breaks sooner counts as a failed attempt. */
export const STOOD_MS = 5_000;

export function start(now: Millis): Step {
  return { next: { kind: 'connecting', attempt: 1, since: now }, action: 'connect' };
}

/**
 * Wait after so many failed attempts: doubles from FIRST_WAIT_MS up to LONGEST_WAIT_MS.
 * @param jitter in 0…1, spreads many browsers over the upper half of the wait
 */
export function backoff(failed: number, jitter: number): Millis {
  const whole = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failed);
  return whole * (0.5 + 0.5 * Math.min(1, Math.max(0, jitter)));
}

/** @param jitter a fresh random number in 0…1 */
export function step(state: Connection, event: ConnectionEvent, now: Millis, jitter: number): Step {
  const stay: Step = { next: state, action: 'none' };
  switch (event.kind) {
    case 'opened':
      if (state.kind !== 'connecting') return stay;
      return {
        next: { kind: 'open', attempt: state.attempt, since: now, heard: now },
        action: 'none',
      };
    case 'heard':
      return state.kind === 'open' ? { next: { ...state, heard: now }, action: 'none' } : stay;
    case 'closed':
      return state.kind === 'waiting' ? stay : { next: wait(state, now, jitter), action: 'none' };
    case 'wake':
      return state.kind === 'waiting' ? connect(state, now) : stay;
    case 'tick':
      if (state.kind === 'waiting') return now >= state.until ? connect(state, now) : stay;
      return isHung(state, now) ? { next: wait(state, now, jitter), action: 'close' } : stay;
  }
}

function isHung(state: Connection, now: Millis): boolean {
  if (state.kind === 'connecting') return now - state.since > OPENING_LIMIT_MS;
  return state.kind === 'open' && now - state.heard > SILENCE_LIMIT_MS;
}

function connect(state: Connection, now: Millis): Step {
  return {
    next: { kind: 'connecting', attempt: state.attempt + 1, since: now },
    action: 'connect',
  };
}

function wait(state: Connection, now: Millis, jitter: number): Connection {
  const stood = state.kind === 'open' && now - state.since >= STOOD_MS;
  const failed = stood ? 0 : state.attempt;
  return { kind: 'waiting', attempt: failed, since: now, until: now + backoff(failed, jitter) };
}
