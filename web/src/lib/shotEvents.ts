// What happens in a shot, put together from the events that the socket tells one by one.

import type { ShotEvent } from './messages';

/**
 * Takes an event into those of the newest shot.  Each counts once; those that were lost on the way
 * come late, and their numbers say where they belong.
 */
export function withEvent(known: readonly ShotEvent[], event: ShotEvent): readonly ShotEvent[] {
  const same = (e: ShotEvent): boolean =>
    e.sequence === event.sequence && e.exposure_ns === event.exposure_ns;
  if (known.some(same)) return known;
  const first = known[0];
  if (first !== undefined) {
    const later = event.exposure_ns > first.exposure_ns;
    if (later && event.kind === 'shot_start') return [event];
    if (!later && first.kind === 'shot_start') return known;
  }
  return [...known, event].sort((a, b) => a.sequence - b.sequence);
}

/** Those that people care for: not that a ball has come to rest, say. */
export function toShow(events: readonly ShotEvent[]): readonly ShotEvent[] {
  return events.filter(
    ({ kind }) =>
      kind === 'ball_collision' || kind === 'cushion_collision' || kind === 'pocketed',
  );
}

/** What is said beside the balls of an event. */
export function eventText(event: ShotEvent): string {
  if (event.kind === 'cushion_collision') return 'cushion';
  if (event.kind === 'pocketed') return `${(event.pocket ?? '').replace('-', ' ')} pocket`.trim();
  return '';
}
