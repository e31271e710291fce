// Numbers as people read them. What is not known is an en dash, never a zero.

export const UNKNOWN = '–';

type Maybe = number | null | undefined;

function known(value: Maybe): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

export function decimal(value: Maybe, digits = 0): string {
  if (!known(value)) return UNKNOWN;
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text;
}

export function percent(share: Maybe): string {
  return known(share) ? decimal(share * 100) : UNKNOWN;
}

export function degrees(radians: Maybe, digits = 0): string {
  return known(radians) ? decimal((radians * 180) / Math.PI, digits) : UNKNOWN;
}

/** How far off, whichever side. */
export function magnitude(value: Maybe): number | null {
  return known(value) ? Math.abs(value) : null;
}

export function mebibytes(bytes: Maybe): string {
  return known(bytes) ? decimal(bytes / 2 ** 20) : UNKNOWN;
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `5 h 2 min`, `3 d 4 h` */
export function duration(seconds: Maybe): string {
  if (!known(seconds)) return UNKNOWN;
  if (seconds < 9.95) return `${decimal(Math.max(0, seconds), 1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return pair(minutes, 'min', s % 60, 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, 'h', minutes % 60, 'min');
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** How old what is shown is, in whole seconds. */
export function age(ms: number): string {
  const s = Math.floor(ms / 1000);
  return s < 10 ? `${s} s` : duration(s);
}

/** `now`, `8 s ago`, `3 min ago`, `2 h ago`, `4 d ago` */
export function ago(seconds: number): string {
  if (seconds < 3) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `far-left` → `far left` */
export function words(name: string): string {
  return name.replaceAll(/[-_]/g, ' ');
}
