// The table that hangs below the camera, asked for again whenever another one is in play.

import type { Table } from './messages';
import { get } from './rest';

class Geometry {
  table = $state.raw<Table | null>(null);

  async refresh(): Promise<void> {
    const answer = await get<Table>('api/v1/table');
    if (answer.ok) this.table = answer.value;
  }
}

export const geometry = new Geometry();
