// What the page says in words about the whole: source, health, phase of play.

import type {
  Alert,
  GameState,
  Level,
  Prediction,
  SourceKind,
  SystemStatus,
  TableState,
} from './messages';
import type { Connection } from './connection';
import { words } from './format';

export interface SourceLabel {
  /** Anything that is not a real table seen now is said loudly. */
  loud: boolean;
  short: string;
  sentence: string;
}

export function sourceLabel(kind: SourceKind | null, name: string): SourceLabel | null {
  switch (kind) {
    case 'simulated':
      return {
        loud: true,
        short: 'VIRTUAL TABLE',
        sentence: 'Simulated: no real table is seen.',
      };
    case 'film':
      return {
        loud: true,
        short: 'FILM – NOT LIVE',
        sentence: name === '' ? 'A recording is being played.' : `Playing the recording ${name}.`,
      };
    case 'network':
    case 'v4l2':
      return { loud: false, short: 'Live camera', sentence: name };
    case null:
      return null;
  }
}

export const LEVEL_WORD: Readonly<Record<Level, string>> = {
  HEALTHY: 'Healthy',
  DEGRADED: 'Degraded',
  UNHEALTHY: 'Unhealthy',
  UNKNOWN: 'Unknown',
};

export interface Overall {
  level: Level;
  word: string;
  /** Why, when the level does not say it. */
  why: string;
}

/** The supervisor speaks twice a second. */
const STATUS_SILENCE_MS = 3_000;

/** @param silentMs since the supervisor's last word was spoken */
export function overall(
  connection: Connection['kind'],
  everConnected: boolean,
  status: SystemStatus | null,
  silentMs: number,
): Overall {
  if (connection !== 'open') {
    return { level: 'UNKNOWN', word: everConnected ? 'Offline' : 'Connecting', why: '' };
  }
  if (status === null) return { level: 'UNKNOWN', word: 'Waiting', why: '' };
  if (silentMs > STATUS_SILENCE_MS) {
    return { level: 'UNKNOWN', word: 'Unknown', why: 'The supervisor has fallen silent.' };
  }
  return { level: status.status, word: LEVEL_WORD[status.status], why: trouble(status) };
}

interface ModuleText {
  name: string;
  duty: string;
}

const MODULES = new Map<string, ModuleText>(
  Object.entries({
    simulation: { name: 'Virtual table', duty: 'plays and films the simulated balls' },
    camera: { name: 'Camera', duty: 'takes the pictures' },
    vision: { name: 'Vision', duty: 'finds balls and cue' },
    core: { name: 'Core', duty: 'predicts and records shots' },
    projector: { name: 'Projector', duty: 'draws on the cloth' },
    api: { name: 'Web', duty: 'serves this page' },
    storage: { name: 'Storage', duty: 'keeps shots and settings' },
    host: { name: 'Machine', duty: 'processor, memory and disk' },
    configuration: { name: 'Settings', duty: 'configuration in force' },
    orchestrator: { name: 'Supervisor', duty: 'starts and watches the others' },
  }),
);

export function moduleText(key: string): ModuleText {
  return MODULES.get(key) ?? { name: key.charAt(0).toUpperCase() + words(key).slice(1), duty: '' };
}

/** A module's detail, unless the orchestrator said nothing worth a line. */
export function moduleDetail(status: SystemStatus, key: string): string {
  const module = status.modules[key];
  if (module === undefined) return '';
  if (module.detail !== '') return module.detail;
  if (module.status === 'HEALTHY') return moduleText(key).duty;
  return words(module.state.toLowerCase());
}

/** One sentence about what is wrong with the whole; empty when nothing is. */
export function trouble(status: SystemStatus | null): string {
  if (status === null || status.status === 'HEALTHY') return '';
  if (status.detail !== '') return status.detail;
  const order: readonly Level[] = ['UNHEALTHY', 'DEGRADED', 'UNKNOWN'];
  for (const level of order) {
    const found = Object.entries(status.modules).find(([, m]) => m.status === level);
    if (found) return `${moduleText(found[0]).name}: ${moduleDetail(status, found[0])}`;
  }
  return '';
}

/** What the table is doing, in a few words. */
export function phaseText(
  game: GameState | null,
  table: TableState | null,
  status: SystemStatus | null,
): string {
  if (status !== null && !('vision' in status.modules)) return 'Vision is switched off';
  if (table === null) return 'Waiting for the first picture';
  if (!table.quality.usable) return table.quality.problem ?? 'The picture cannot be used';
  if (table.calibration === null) return 'Looking for the table';
  switch (game?.phase) {
    case 'aiming':
      return 'Aiming';
    case 'shot':
      return 'Balls rolling';
    case 'idle':
      return 'At rest';
    case 'waiting':
      return 'Waiting for balls';
    case undefined:
      return table.balls.length === 1 ? '1 ball on the table' : `${table.balls.length} balls on the table`;
  }
}

/** A shot is declared some pictures after the stroke has ended the aim. */
const STROKE_MS = 1_000;

/**
 * While balls roll, what was predicted when they were struck stays to be compared with.
 * @param age milliseconds since `shown` was the prediction for the aim
 */
export function predictionToShow(
  game: GameState,
  shown: Prediction | null,
  age: number,
): Prediction | null {
  return game.prediction ?? (game.phase === 'shot' || age < STROKE_MS ? shown : null);
}

/** Into which pocket the first object ball is predicted to drop; null when it is not. */
export function targetPocket(prediction: Prediction): string | null {
  const path = prediction.paths.find(
    (p) =>
      p.end === 'pocketed' &&
      (prediction.target_track !== null && p.track !== null
        ? p.track === prediction.target_track
        : p.label === prediction.target),
  );
  return path?.pocket ?? null;
}

const MOST_ALERTS = 30;

/** Takes a new alert into the list, newest first; a later word about the same thing replaces it. */
export function withAlert(list: readonly Alert[], alert: Alert): readonly Alert[] {
  const isOlder = list.some(
    (a) => a.name === alert.name && a.epoch === alert.epoch && a.sequence > alert.sequence,
  );
  if (isOlder) return list;
  // What a supervisor that is gone had raised is nobody's to clear.
  const rest = list.filter((a) => a.name !== alert.name && (a.epoch === alert.epoch || !a.active));
  return [alert, ...rest].slice(0, MOST_ALERTS);
}
