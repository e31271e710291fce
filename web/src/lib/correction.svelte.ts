// Putting right what the machine got wrong: choose a ball, then say what it is, or where.

import { ballLook } from './balls';
import type { BallState, Done, TableState, XY } from './messages';
import { notices } from './notices.svelte';
import { post } from './rest';

/** A ball as it was when it was chosen: track numbers mean nothing in another epoch. */
interface Chosen {
  epoch: number;
  ball: BallState;
}

export type Step =
  | { kind: 'off' }
  | { kind: 'choose' }
  | ({ kind: 'name' } & Chosen)
  | ({ kind: 'place' } & Chosen);

interface Change {
  label?: string;
  position_m?: XY;
  absent?: true;
}

class Correction {
  step = $state.raw<Step>({ kind: 'off' });

  start(): void {
    this.step = { kind: 'choose' };
  }

  stop(): void {
    this.step = { kind: 'off' };
  }

  choose(ball: BallState, table: TableState): void {
    this.step = { kind: 'name', ball, epoch: table.epoch };
  }

  /** The ball is the right one, but lies elsewhere. */
  place(): void {
    if (this.step.kind === 'name') this.step = { ...this.step, kind: 'place' };
  }

  /** A finger on the table: it chooses a ball, or says where the chosen one lies. */
  tap(point: XY, reach: number, table: TableState): void {
    if (this.step.kind === 'place') {
      void this.#send({ position_m: point }, 'moved');
    } else {
      const ball = ballAt(table.balls, point, reach);
      if (ball) this.choose(ball, table);
    }
  }

  name(label: string): void {
    void this.#send({ label }, `now the ${ballLook(label).name}`);
  }

  remove(): void {
    void this.#send({ absent: true }, 'no longer taken for a ball');
  }

  async #send(change: Change, outcome: string): Promise<void> {
    if (this.step.kind !== 'name' && this.step.kind !== 'place') return;
    const { epoch, ball } = this.step;
    this.stop();
    const answer = await post<Done>('api/v1/game/correct_ball', { track: ball.track, epoch, ...change });
    if (!answer.ok) notices.problem(answer.problem);
    else if (!answer.value.ok) notices.problem(answer.value.detail);
    else notices.done(`Put right: ${ballLook(ball.label).name} ${outcome}.`);
  }
}

/** The ball nearest to a point of the table, if one lies within reach (metres). */
export function ballAt<B extends Pick<BallState, 'x_m' | 'y_m'>>(
  balls: readonly B[],
  [x, y]: XY,
  reach: number,
): B | null {
  let best: B | null = null;
  let least = reach;
  for (const ball of balls) {
    const distance = Math.hypot(ball.x_m - x, ball.y_m - y);
    if (distance <= least) [best, least] = [ball, distance];
  }
  return best;
}

export const correction = new Correction();
