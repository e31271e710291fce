// What is calibrated, asked for again whenever another calibration comes into force.

import type { CalibrationStatus } from './messages';
import { get } from './rest';

class Calibration {
  status = $state.raw<CalibrationStatus | null>(null);
  /** Why the status is not known; empty when it is. */
  problem = $state.raw('');

  async refresh(): Promise<void> {
    const answer = await get<CalibrationStatus>('api/v1/calibration/status');
    if (answer.ok) {
      this.status = answer.value;
      this.problem = '';
    } else {
      this.problem = answer.problem;
    }
  }
}

export const calibration = new Calibration();
