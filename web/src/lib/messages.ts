// The messages of billiards_trainer/messages.py that the page reads; SI units throughout.
// tests/web/test_messages.py holds every field here against the models there.

/** Schema number that this page was built for; another one makes it load itself anew. */
export const SCHEMA = 1;

export type XY = readonly [number, number];
export type XYZ = readonly [number, number, number];

export type Level = 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY' | 'UNKNOWN';
export type SourceKind = 'simulated' | 'film' | 'network' | 'v4l2';
export type Assistance = 'off' | 'beginner' | 'intermediate' | 'advanced' | 'drill';
export type Phase = 'waiting' | 'idle' | 'aiming' | 'shot';

export interface SourceInfo {
  kind: SourceKind;
  name: string;
}

export interface BallSet {
  name: string;
  diameter: number;
  labels: readonly string[];
}

export interface CushionSegment {
  start: XY;
  end: XY;
  kind: 'nose' | 'facing';
}

export interface Jaw {
  centre: XY;
  radius: number;
}

export interface Pocket {
  name: string;
  kind: 'corner' | 'side';
  centre: XY;
  radius: number;
  jaws: readonly [XY, XY];
}

export interface Table {
  name: string;
  width: number;
  length: number;
  balls: BallSet;
  rail_width: number;
  segments: readonly CushionSegment[];
  jaws: readonly Jaw[];
  pockets: readonly Pocket[];
  diamonds: readonly XY[];
  spots: Readonly<Record<string, XY>>;
  strings: Readonly<Record<string, readonly [XY, XY]>>;
  d_radius: number | null;
}

export interface BallState {
  track: number;
  label: string;
  x_m: number;
  y_m: number;
  vx: number;
  vy: number;
  confidence: number;
  visible: boolean;
  moving: boolean;
  in_hand: boolean;
  x_px: number | null;
  y_px: number | null;
  radius_px: number | null;
}

export interface CueState {
  tip_m: XYZ;
  angle_rad: number;
  elevation_rad: number;
  confidence: number;
  tip_px: XY | null;
  direction_px: XY | null;
}

export interface PictureQuality {
  usable: boolean;
  problem: string | null;
}

export interface TableState {
  schema_number: number;
  frame: number;
  exposure_ns: number;
  epoch: number;
  table: string;
  width: number;
  length: number;
  ball_radius: number;
  source: SourceInfo;
  calibration: string | null;
  head_guessed: boolean;
  balls: readonly BallState[];
  cue: CueState | null;
  quality: PictureQuality;
  stages_ms: Readonly<Record<string, number>>;
}

export interface PathPiece {
  label: string;
  track: number | null;
  points: readonly XY[];
  end: 'rest' | 'pocketed' | 'cut_off';
  pocket: string | null;
}

export interface Prediction {
  speed: number;
  angle_rad: number;
  ghost_ball: XY | null;
  target: string | null;
  target_track: number | null;
  cut_angle_rad: number | null;
  paths: readonly PathPiece[];
  pot_probability: number | null;
  scratch_probability: number;
  compute_ms: number;
}

export interface ShotSummary {
  number: number;
  recorded: boolean;
  shot_id: string | null;
  potted: readonly string[];
  cue_speed: number | null;
  events: number;
  error_mm: number | null;
  error_rad: number | null;
}

export type EventKind =
  | 'shot_start'
  | 'ball_collision'
  | 'cushion_collision'
  | 'pocketed'
  | 'at_rest'
  | 'shot_end';

export interface ShotEvent {
  schema_number: number;
  exposure_ns: number;
  sequence: number;
  kind: EventKind;
  labels: readonly string[];
  pocket: string | null;
}

export interface GameState {
  schema_number: number;
  frame: number;
  exposure_ns: number;
  session: string | null;
  phase: Phase;
  assistance: Assistance;
  player: string;
  shots: number;
  potted: readonly string[];
  last_shot: ShotSummary | null;
  prediction: Prediction | null;
}

interface Drawn {
  colour: string;
  opacity: number;
}

export interface Line extends Drawn {
  kind: 'line';
  points: readonly XY[];
  width: number;
  dash: XY | null;
}

export interface Arc extends Drawn {
  kind: 'arc';
  centre: XY;
  radius: number;
  start: number;
  end: number;
  width: number;
}

export interface Ring extends Drawn {
  kind: 'ring';
  centre: XY;
  radius: number;
  width: number;
}

export interface Area extends Drawn {
  kind: 'area';
  points: readonly XY[];
}

export interface Text extends Drawn {
  kind: 'text';
  text: string;
  position: XY;
  height: number;
  angle: number;
}

export type Element = Line | Arc | Ring | Area | Text;

export interface Scene {
  schema_number: number;
  frame: number;
  exposure_ns: number;
  table: string;
  width: number;
  length: number;
  ball_radius: number;
  elements: readonly Element[];
}

export interface Flip {
  schema_number: number;
  frame: number;
  exposure_ns: number;
  flip_ns: number;
  draw_ms: number;
  mode: 'fullscreen' | 'window' | 'offscreen';
}

export interface ModuleStatus {
  status: Level;
  state: string;
  pid: number | null;
  restarts: number;
  heartbeat_age_s: number | null;
  detail: string;
  measures: Readonly<Record<string, number>>;
}

export interface SystemStatus {
  schema_number: number;
  status: Level;
  version: string;
  source: string;
  source_kind: SourceKind;
  uptime_s: number;
  environment: string;
  modules: Readonly<Record<string, ModuleStatus>>;
  detail: string;
}

export interface ProcessUsage {
  cpu_percent: number;
  rss_bytes: number;
  fds: number;
  threads: number;
}

export interface SystemMetrics {
  schema_number: number;
  cpu_percent: number;
  load_1: number;
  memory_percent: number;
  disk_percent: number;
  temperature_c: number | null;
  processes: Readonly<Record<string, ProcessUsage>>;
}

export interface Alert {
  schema_number: number;
  epoch: number;
  sequence: number;
  severity: 'WARNING' | 'ERROR' | 'CRITICAL';
  name: string;
  text: string;
  active: boolean;
}

/** A pinhole with Brown-Conrady distortion and a pose, as camera_model.py defines them. */
export interface CameraGeometry {
  width: number;
  height: number;
  /** fx, fy in pixels. */
  focal: XY;
  centre: XY;
  /** Table to camera, 3×3 row by row. */
  rotation: readonly number[];
  translation: XYZ;
  /** k1, k2, p1, p2, k3. */
  distortion: readonly number[];
}

export interface CalibrationStatus {
  camera: string | null;
  camera_date: string | null;
  camera_residual_mm: number | null;
  projector: string | null;
  projector_date: string | null;
  projector_residual_mm: number | null;
  recalibrate_projector: boolean;
  colours: string | null;
  detail: string;
  camera_model: CameraGeometry | null;
}

export interface Done {
  ok: boolean;
  detail: string;
}

export interface ShotInfo {
  id: string;
  number: number;
  started_at: string;
  duration_s: number;
  source_kind: SourceKind;
  /** Empty: a guest. */
  player: string;
  potted: readonly string[];
  events: number;
  cue_speed: number | null;
  error_mm: number | null;
  error_rad: number | null;
}

export interface ShotPage {
  shots: readonly ShotInfo[];
  next_before: number | null;
}

/** What arrives under each name of the socket's protocol. */
export interface Topics {
  table: TableState;
  game: GameState;
  scene: Scene;
  flip: Flip;
  status: SystemStatus;
  metrics: SystemMetrics;
  alerts: Alert;
  events: ShotEvent;
}

export type TopicName = keyof Topics;
export const TOPIC_NAMES: readonly TopicName[] = [
  'table',
  'game',
  'scene',
  'flip',
  'status',
  'metrics',
  'alerts',
  'events',
];

export type Envelope = {
  [T in TopicName]: { topic: T; age_ms: number | null; data: Topics[T] };
}[TopicName];

/**
 * Reads one text frame of the socket.
 * @returns the envelope, or null for anything that is not one (acknowledgements, later topics).
 */
export function parseEnvelope(text: string): Envelope | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { topic, data, age_ms: age } = value as Record<string, unknown>;
  if (!TOPIC_NAMES.includes(topic as TopicName)) return null;
  if (typeof data !== 'object' || data === null) return null;
  return {
    topic,
    data,
    age_ms: typeof age === 'number' && Number.isFinite(age) ? age : null,
  } as Envelope;
}
