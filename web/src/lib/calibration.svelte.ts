// What is calibrated, asked for again whenever another calibration comes into force.

import { readCameraModel, type CameraModel } from './camera';
import type { CalibrationStatus } from './messages';
import { get } from './rest';

class Calibration {
  status = $state.raw<CalibrationStatus | null>(null);
  /** The camera in force, for drawing over its picture; null while it is not known. */
  camera = $state.raw<CameraModel | null>(null);
  /** Why the status is not known; empty when it is. */
  problem = $state.raw('');

  async refresh(): Promise<void> {
    const answer = await get<CalibrationStatus>('api/v1/calibration/status');
    if (answer.ok) {
      this.status = answer.value;
      this.camera = readCameraModel(answer.value.camera_model);
      this.problem = '';
    } else {
      this.problem = answer.problem;
    }
  }
}

export const calibration = new Calibration();
