// What is drawn of a table: rubber, pocket holes, markings, in metres of the table frame.

import type { CushionSegment, Jaw, Pocket, Table, XY } from './messages';

export interface Hole {
  /** What is seen of the hole: the rail covers its far side. */
  centre: XY;
  radius: number;
  /** Cloth between the jaws and the hole. */
  throat: readonly XY[];
}

export interface Rubber {
  nose: readonly [XY, XY];
  /** Seen from above: nose, rounded points, facings, back edge. */
  outline: readonly XY[];
}

export interface TableShape {
  rubber: readonly Rubber[];
  holes: readonly Hole[];
  /** The snooker D: centre on the baulk line, and radius. */
  d: { centre: XY; radius: number } | null;
}

/** How far the rubber reaches back from the nose. */
const DEPTH = 0.046;
/** Wood left outside a side pocket. */
const COVER = 0.026;
const ROUND_STEPS = 5;

export function tableShape(table: Table): TableShape {
  const noses = table.segments.filter((s) => s.kind === 'nose');
  const facings = table.segments.filter((s) => s.kind === 'facing');
  // Walking round, each nose lies between two facings and two jaws; without pockets, between none.
  const rubber = noses.map((nose, i) =>
    facings.length === 0
      ? mitred(nose)
      : cut(nose, pair(facings, i), pair(table.jaws, i)),
  );
  const holes = table.pockets.map((pocket, i): Hole => {
    const behind = (rubber[i] as Rubber).outline.at(BACK_END) as XY;
    const ahead = (rubber[(i + 1) % rubber.length] as Rubber).outline.at(BACK_START) as XY;
    const [jaw0, jaw1] = pocket.jaws;
    return { ...seen(pocket, table.rail_width), throat: [jaw0, behind, ahead, jaw1] };
  });
  const baulk = table.strings['baulk'];
  const d =
    table.d_radius === null || baulk === undefined
      ? null
      : { centre: middle(...baulk), radius: table.d_radius };
  return { rubber, holes, d };
}

// The back edge ends an outline, so that it is found from behind whatever the points are like.
const BACK_END = -2;
const BACK_START = -1;

function pair<T>(list: readonly T[], i: number): readonly [T, T] {
  return [list[2 * i] as T, list[2 * i + 1] as T];
}

/** Rubber whose ends meet those of its neighbours at 45 degrees. */
function mitred({ start, end }: CushionSegment): Rubber {
  const [ux, uy] = unit(start, end);
  const back = ([x, y]: XY, along: number): XY => [
    x + (uy + along * ux) * DEPTH,
    y + (-ux + along * uy) * DEPTH,
  ];
  return { nose: [start, end], outline: [start, end, back(end, 1), back(start, -1)] };
}

/** Rubber that ends in facings, its points rounded by the jaws. */
function cut(
  { start, end }: CushionSegment,
  [facing0, facing1]: readonly [CushionSegment, CushionSegment],
  [jaw0, jaw1]: readonly [Jaw, Jaw],
): Rubber {
  const [ux, uy] = unit(start, end);
  const depth = ([x, y]: XY): number => (x - start[0]) * uy - (y - start[1]) * ux;
  /** Where a facing has reached the back edge. */
  const back = ({ start: a, end: b }: CushionSegment): XY => {
    const t = (DEPTH - depth(a)) / (depth(b) - depth(a));
    return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
  };
  return {
    nose: [start, end],
    outline: [
      ...rounded(facing0.start, start, jaw0),
      ...rounded(end, facing1.start, jaw1),
      back(facing1),
      back(facing0),
    ],
  };
}

/** The shorter way round a jaw. */
function rounded(from: XY, to: XY, { centre: [x, y], radius }: Jaw): readonly XY[] {
  const a = Math.atan2(from[1] - y, from[0] - x);
  const whole = Math.atan2(to[1] - y, to[0] - x) - a;
  const turn = whole - 2 * Math.PI * Math.round(whole / (2 * Math.PI));
  return Array.from({ length: ROUND_STEPS + 1 }, (_, i): XY => {
    const angle = a + (turn * i) / ROUND_STEPS;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
}

function seen({ kind, centre, radius, jaws }: Pocket, rail: number): Omit<Hole, 'throat'> {
  const mouth = middle(...jaws);
  const out = unit(mouth, centre);
  const shelf = Math.hypot(centre[0] - mouth[0], centre[1] - mouth[1]) - radius;
  const uncovered = kind === 'side' ? Math.min(radius, (rail - COVER - shelf) / 2) : radius;
  const reach = shelf + uncovered;
  return {
    centre: [mouth[0] + out[0] * reach, mouth[1] + out[1] * reach],
    radius: uncovered,
  };
}

function middle(a: XY, b: XY): XY {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

function unit(a: XY, b: XY): XY {
  const d = Math.hypot(b[0] - a[0], b[1] - a[1]);
  return [(b[0] - a[0]) / d, (b[1] - a[1]) / d];
}
