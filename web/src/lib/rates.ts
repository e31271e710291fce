// Frame rate and latency over the last seconds, from the messages themselves.

import type { Millis } from './connection';

/** A window of samples (when, value); the oldest fall out. */
export class Window {
  private readonly times: Millis[] = [];
  private readonly values: number[] = [];

  constructor(private readonly span: Millis) {}

  add(now: Millis, value: number): void {
    this.times.push(now);
    this.values.push(value);
    this.drop(now);
  }

  /** Middle value of those not older than the span; null when there are none. */
  median(now: Millis): number | null {
    this.drop(now);
    if (this.values.length === 0) return null;
    const sorted = [...this.values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    const upper = sorted[middle] as number;
    return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
  }

  /** Samples a second; null while they cover less than a third of the span: too few to tell. */
  rate(now: Millis): number | null {
    this.drop(now);
    const count = this.times.length;
    const elapsed = (this.times[count - 1] ?? 0) - (this.times[0] ?? 0);
    return elapsed >= this.span / 3 ? ((count - 1) * 1000) / elapsed : null;
  }

  private drop(now: Millis): void {
    let old = 0;
    while (old < this.times.length && now - (this.times[old] as number) > this.span) old += 1;
    if (old > 0) {
      this.times.splice(0, old);
      this.values.splice(0, old);
    }
  }
}

/** Points of a small curve in a box of width × height; gaps (null) break the line. */
export function sparkline(
  values: readonly (number | null)[],
  width: number,
  height: number,
  top: number,
): string {
  const stride = values.length > 1 ? width / (values.length - 1) : 0;
  let path = '';
  let pen = 'M';
  values.forEach((value, i) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    const y = height - (Math.min(Math.max(value, 0), top) / top) * height;
    path += `${pen}${(i * stride).toFixed(1)} ${y.toFixed(1)}`;
    pen = 'L';
  });
  return path;
}
