// What a ball of each label looks like from above.

export interface BallLook {
  /** Colour of the ball, or of its band. */
  colour: string;
  /** White with a coloured band. */
  striped: boolean;
  /** What stands in the white spot, if the ball has one. */
  number: string | null;
  /** The label is only half known, or not at all. */
  uncertain: boolean;
  /** For people and screen readers. */
  name: string;
}

const IVORY = '#f6f2e6';
const POOL = [
  '#f2b705', // 1 and 9: yellow
  '#1e4fb4', // 2 and 10: blue
  '#d3261f', // 3 and 11: red
  '#5b2a8c', // 4 and 12: purple
  '#ee6c12', // 5 and 13: orange
  '#0f7a48', // 6 and 14: green
  '#7b1f24', // 7 and 15: maroon
] as const;
const BLACK = '#1a1a1c';

const PLAIN = new Map(
  Object.entries({
    red: '#c2191f',
    yellow: '#f3c11b',
    green: '#117a45',
    brown: '#6d3f1f',
    blue: '#1f57c3',
    pink: '#f08aa5',
    black: BLACK,
    white: IVORY,
  }),
);

const look = (colour: string, name: string, over: Partial<BallLook> = {}): BallLook => ({
  colour,
  striped: false,
  number: null,
  uncertain: false,
  name,
  ...over,
});

const CUE = look(IVORY, 'cue ball');
const SOLID = look('#8d98a1', 'a solid', { uncertain: true });
const STRIPE = look('#8d98a1', 'a stripe', { uncertain: true, striped: true });
const STRANGER = look('#8d98a1', 'unknown ball', { uncertain: true, number: '?' });

/** The look of a label of `BallState.label`; anything unheard of looks unknown. */
export function ballLook(label: string): BallLook {
  if (label === 'cue') return CUE;
  if (label === 'solid') return SOLID;
  if (label === 'stripe') return STRIPE;
  const plain = PLAIN.get(label);
  if (plain !== undefined) return look(plain, `${label} ball`);
  if (label === '8') return look(BLACK, '8 ball', { number: '8' });
  if (/^([1-9]|1[0-5])$/.test(label)) {
    const n = Number(label);
    const colour = POOL[(n - 1) % 8];
    if (colour !== undefined) {
      return look(colour, `${label} ball`, { number: label, striped: n > 8 });
    }
  }
  return STRANGER;
}

/** The band of a striped ball of radius r about the origin, as an SVG path. */
export function bandPath(r: number): string {
  const half = 0.56 * r;
  const x = Math.sqrt(r * r - half * half);
  const f = (v: number) => v.toFixed(2);
  return (
    `M${f(-x)} ${f(-half)}H${f(x)}A${f(r)} ${f(r)} 0 0 1 ${f(x)} ${f(half)}` +
    `H${f(-x)}A${f(r)} ${f(r)} 0 0 1 ${f(-x)} ${f(-half)}Z`
  );
}
