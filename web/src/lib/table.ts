// The table as it is drawn: cushions, pockets, sights and markings, in metres of the table frame
// (origin in the near left nose corner, x along the short side, y towards the foot).
// Cuts of the pockets follow billiards_trainer/table.py; tests/web/ holds them against it.

import type { TableState, XY } from './messages';

export type Game = 'pool' | 'snooker' | 'carom';

export interface Pocket {
  kind: 'corner' | 'side';
  centre: XY;
  radius: number;
  /** What is seen of the hole: the rail covers its far side. */
  hole: { centre: XY; radius: number };
  /** Cloth between the jaws and the hole. */
  throat: readonly XY[];
}

export interface TableShape {
  game: Game;
  width: number;
  length: number;
  /** Nose to outer edge. */
  rail: number;
  /** Rubber seen from above, one polygon each; the first two points are the nose. */
  cushions: readonly (readonly XY[])[];
  pockets: readonly Pocket[];
  diamonds: readonly XY[];
  strings: readonly (readonly [XY, XY])[];
  spots: readonly XY[];
  /** The snooker D: centre on the baulk line, and radius. */
  d: { centre: XY; radius: number } | null;
}

interface PocketCut {
  mouth: number;
  /** Angle of the rubber between nose and facing, radians. */
  cut: number;
  shelf: number;
  hole: number;
}

const rad = (deg: number): number => (deg * Math.PI) / 180;
const INCH = 0.0254;
const CUTS: Record<'pool' | 'snooker', { corner: PocketCut; side: PocketCut }> = {
  pool: {
    corner: { mouth: 4.5625 * INCH, cut: rad(142), shelf: 0.035, hole: 0.0595 },
    side: { mouth: 5.0625 * INCH, cut: rad(104), shelf: 0.005, hole: 0.0635 },
  },
  snooker: {
    corner: { mouth: 0.089, cut: rad(135), shelf: 0.028, hole: 0.045 },
    side: { mouth: 0.106, cut: rad(110), shelf: 0.006, hole: 0.047 },
  },
};
const RAIL = 0.128;
const RUBBER = 0.046;
/** Wood left outside a side pocket. */
const COVER = 0.026;

/** Which game's table it is: by its name, or by the size of its balls when measured by hand. */
export function gameOf(state: Pick<TableState, 'table' | 'ball_radius'>): Game {
  if (state.table.startsWith('snooker')) return 'snooker';
  if (state.table.startsWith('carom')) return 'carom';
  return state.table.startsWith('pool') || state.ball_radius < 0.0296 ? 'pool' : 'carom';
}

export function tableShape(game: Game, width: number, length: number): TableShape {
  const { cushions, pockets } =
    game === 'carom' ? closed(width, length) : pocketed(width, length, CUTS[game]);
  return {
    game,
    width,
    length,
    rail: RAIL,
    cushions,
    pockets,
    diamonds: diamonds(game, width, length),
    ...markings(game, width, length),
  };
}

function closed(w: number, l: number): Pick<TableShape, 'cushions' | 'pockets'> {
  const corners: readonly XY[] = [
    [0, 0],
    [w, 0],
    [w, l],
    [0, l],
  ];
  const cushions = corners.map((a, i) => rubber(a, corners[(i + 1) % 4] as XY, rad(135), rad(135)));
  return { cushions, pockets: [] };
}

function pocketed(
  w: number,
  l: number,
  { corner, side }: { corner: PocketCut; side: PocketCut },
): Pick<TableShape, 'cushions' | 'pockets'> {
  const a = corner.mouth / Math.SQRT2;
  const h = side.mouth / 2;
  const m = l / 2;
  // Walking round with the cloth on the left: from, to, pocket behind, pocket ahead.
  const noses: readonly (readonly [XY, XY, PocketCut, PocketCut])[] = [
    [[a, 0], [w - a, 0], corner, corner],
    [[w, a], [w, m - h], corner, side],
    [[w, m + h], [w, l - a], side, corner],
    [[w - a, l], [a, l], corner, corner],
    [[0, l - a], [0, m + h], corner, side],
    [[0, m - h], [0, a], side, corner],
  ];
  const cushions = noses.map(([from, to, behind, ahead]) =>
    rubber(from, to, behind.cut, ahead.cut),
  );
  const pockets = noses.map(([, jaw0, , cut], i): Pocket => {
    const next = (i + 1) % noses.length;
    const jaw1 = (noses[next] as (typeof noses)[number])[0];
    const [ux, uy] = unit(jaw0, jaw1);
    const [mx, my] = [(jaw0[0] + jaw1[0]) / 2, (jaw0[1] + jaw1[1]) / 2];
    const outward = (reach: number): XY => [mx + uy * reach, my - ux * reach];
    const seen = cut === side ? Math.min(cut.hole, (RAIL - COVER - cut.shelf) / 2) : cut.hole;
    const back0 = (cushions[i] as readonly XY[])[2] as XY;
    const back1 = (cushions[next] as readonly XY[])[3] as XY;
    return {
      kind: cut === side ? 'side' : 'corner',
      centre: outward(cut.shelf + cut.hole),
      radius: cut.hole,
      hole: { centre: outward(cut.shelf + seen), radius: seen },
      throat: [jaw0, back0, back1, jaw1],
    };
  });
  return { cushions, pockets };
}

/** Nose, then the back edge, which reaches past the nose into the pockets by the cut angles. */
function rubber(from: XY, to: XY, cutFrom: number, cutTo: number): readonly XY[] {
  const [ux, uy] = unit(from, to);
  const reach0 = RUBBER * Math.tan(cutFrom - Math.PI / 2);
  const reach1 = RUBBER * Math.tan(cutTo - Math.PI / 2);
  const out: XY = [uy * RUBBER, -ux * RUBBER];
  return [
    from,
    to,
    [to[0] + ux * reach1 + out[0], to[1] + uy * reach1 + out[1]],
    [from[0] - ux * reach0 + out[0], from[1] - uy * reach0 + out[1]],
  ];
}

function diamonds(game: Game, w: number, l: number): readonly XY[] {
  if (game === 'snooker') return [];
  const out = 0.72 * RAIL;
  const alongLong = [1, 2, 3, 4, 5, 6, 7].filter((k) => game === 'carom' || k !== 4);
  return [
    ...[-out, l + out].flatMap((y) => [1, 2, 3].map((k): XY => [(w * k) / 4, y])),
    ...[-out, w + out].flatMap((x) => alongLong.map((k): XY => [x, (l * k) / 8])),
  ];
}

function markings(
  game: Game,
  w: number,
  l: number,
): Pick<TableShape, 'strings' | 'spots' | 'd'> {
  const x = w / 2;
  if (game === 'snooker') {
    const scale = l / 3.569;
    const baulk = 0.737 * scale;
    const radius = 0.292 * scale;
    return {
      strings: [
        [
          [0, baulk],
          [w, baulk],
        ],
      ],
      spots: [
        [x - radius, baulk],
        [x, baulk],
        [x + radius, baulk],
        [x, l / 2],
        [x, (l * 3) / 4],
        [x, l - 0.324 * scale],
      ],
      d: { centre: [x, baulk], radius },
    };
  }
  const aside = (0.1825 * l) / 2.84;
  const spots: XY[] = [
    [x, l / 4],
    [x, l / 2],
    [x, (l * 3) / 4],
  ];
  if (game === 'carom') spots.push([x - aside, l / 4], [x + aside, l / 4]);
  return {
    strings: [
      [
        [0, l / 4],
        [w, l / 4],
      ],
    ],
    spots,
    d: null,
  };
}

function unit(a: XY, b: XY): XY {
  const d = Math.hypot(b[0] - a[0], b[1] - a[1]);
  return [(b[0] - a[0]) / d, (b[1] - a[1]) / d];
}
