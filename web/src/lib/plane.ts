// From the table frame (metres) to what is drawn: the plan of the table, or the camera's picture.

import type { XY } from './messages';

export interface Plane {
  /** Where a point of the cloth is drawn; null where it cannot be seen. */
  point(p: XY): XY | null;
  /** Drawn units per metre near a point. */
  scale(p: XY): number;
  /** Direction on the drawing (degrees clockwise from the right) of a table direction (radians). */
  direction(p: XY, angle: number): number;
}

export interface Plan extends Plane {
  landscape: boolean;
  point(p: XY): XY;
  /** The point of the table that is drawn at a point of the viewBox. */
  under(q: XY): XY;
  /** SVG viewBox in millimetres. */
  viewBox: string;
  /** Size of the viewBox in millimetres. */
  size: XY;
}

/**
 * The table from above, in millimetres.  Portrait: the head at the bottom, as one stands there.
 * Landscape: the head at the left.
 * @param border metres drawn beyond the noses on each side
 */
export function plan(width: number, length: number, landscape: boolean, border: number): Plan {
  const along = (length + 2 * border) * 1000;
  const across = (width + 2 * border) * 1000;
  const size: XY = landscape ? [along, across] : [across, along];
  const mm = (v: number): number => Math.round(v * 10_000) / 10;
  return {
    landscape,
    size,
    viewBox: `${mm(-border)} ${mm(-border)} ${size[0].toFixed(1)} ${size[1].toFixed(1)}`,
    point: landscape ? ([x, y]) => [mm(y), mm(x)] : ([x, y]) => [mm(x), mm(length - y)],
    under: landscape
      ? ([x, y]) => [y / 1000, x / 1000]
      : ([x, y]) => [x / 1000, length - y / 1000],
    scale: () => 1000,
    direction: (_, angle) => {
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      return ((landscape ? Math.atan2(c, s) : Math.atan2(-s, c)) * 180) / Math.PI;
    },
  };
}

/** Repeats the last point while the next lies closer to it than `least`. */
export function steady(least: number, next: () => XY): () => XY {
  let last: XY | null = null;
  return () => {
    const p = next();
    if (last === null || Math.hypot(p[0] - last[0], p[1] - last[1]) >= least) last = p;
    return last;
  };
}

/** A path through points of a plane; points that cannot be seen break it. */
export function pathThrough(points: readonly XY[], plane: Plane, close = false): string {
  let path = '';
  let pen = 'M';
  for (const p of points) {
    const q = plane.point(p);
    if (q === null) {
      pen = 'M';
      continue;
    }
    path += `${pen}${q[0].toFixed(1)} ${q[1].toFixed(1)}`;
    pen = 'L';
  }
  return close && path !== '' ? `${path}Z` : path;
}

/** Points on a circle from `start` counter-clockwise to `end` (radians), both included. */
export function arcPoints(
  [x, y]: XY,
  radius: number,
  start = 0,
  end = 2 * Math.PI,
): readonly XY[] {
  let sweep = (end - start) % (2 * Math.PI);
  if (sweep <= 0) sweep += 2 * Math.PI;
  const count = Math.max(4, Math.ceil((sweep / (2 * Math.PI)) * 56));
  return Array.from({ length: count + 1 }, (_, i): XY => {
    const a = start + (sweep * i) / count;
    return [x + radius * Math.cos(a), y + radius * Math.sin(a)];
  });
}
