// The live state of the appliance as this browser knows it: owns the socket and the clock, keeps
// the newest message of each topic, and measures rate and latency.  Decisions are made elsewhere
// (connection, freshness, schema); here are their effects.

import {
  start,
  step,
  type Connection,
  type ConnectionAction,
  type ConnectionEvent,
} from './connection';
import { exposedAt, freshness, type Freshness } from './freshness';
import {
  parseEnvelope,
  TOPIC_NAMES,
  type Alert,
  type Flip,
  type GameState,
  type Prediction,
  type Scene,
  type ShotEvent,
  type SystemMetrics,
  type SystemStatus,
  type TableState,
  type TopicName,
} from './messages';
import { Window } from './rates';
import { judgeSchema, type Memory } from './schema';
import { withEvent } from './shotEvents';
import { overall, predictionToShow, withAlert, type Overall } from './verdict';

const TICK_MS = 250;
const MEASURED_MS = 3_000;
const HISTORY = 60;
/** A page that nobody has looked at for this long stops asking for every picture's messages. */
const PAUSE_AFTER_MS = 3_000;
const FAST_TOPICS: readonly TopicName[] = ['table', 'game', 'scene', 'flip'];
/** Table, game and scene of one picture come in this order; they are not drawn one by one. */
const PATIENCE_MS = 12;

export interface Measures {
  /** Pictures a second that reached this page; null before there are any. */
  fps: number | null;
  /** Middle of the exposure to the projector's flip, milliseconds. */
  flipMs: number | null;
  /** Middle of the exposure to this page's drawing, milliseconds. */
  pageMs: number | null;
}

const NOTHING: Measures = { fps: null, flipMs: null, pageMs: null };

class Live {
  connection = $state.raw<Connection>({ kind: 'connecting', attempt: 1, since: 0 });
  /** How many connections stood so far; whoever streams over another one starts anew with it. */
  opened = $state.raw(0);
  table = $state.raw<TableState | null>(null);
  game = $state.raw<GameState | null>(null);
  /** The prediction for the present aim, or the one the balls now rolling were struck on. */
  prediction = $state.raw<Prediction | null>(null);
  scene = $state.raw<Scene | null>(null);
  status = $state.raw<SystemStatus | null>(null);
  /** Of the whole: what the supervisor says, as long as it says it. */
  overall = $state.raw<Overall>(overall('connecting', false, null, 0));
  metrics = $state.raw<SystemMetrics | null>(null);
  alerts = $state.raw<readonly Alert[]>([]);
  /** Of the shot that is being played, or of the last one. */
  events = $state.raw<readonly ShotEvent[]>([]);
  measures = $state.raw<Measures>(NOTHING);
  /** One sample a second, oldest first. */
  history = $state.raw<readonly Measures[]>([]);
  freshness = $state.raw<Freshness>({ kind: 'none' });
  /** Monotonic milliseconds, four times a second. */
  now = $state.raw(performance.now());
  /** The appliance speaks another schema, and reloading has not helped. */
  mismatch = $state.raw(false);

  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #stop = new AbortController();
  #exposed: number | null = null;
  #spoken = 0;
  #predicted = 0;
  #pending: { table?: TableState; game?: GameState; scene?: Scene } = {};
  #drawn: { exposed: number } | null = null;
  #request = 0;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #pictures = new Window(MEASURED_MS);
  #flips = new Window(MEASURED_MS);
  #pages = new Window(MEASURED_MS);
  #sampled = 0;
  #flipFrame = -1;

  start(): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const wake = (): void => this.#handle({ kind: 'wake' });
    window.addEventListener('online', wake, { signal });
    document.addEventListener(
      'visibilitychange',
      () => {
        clearTimeout(this.#pause);
        if (document.hidden) {
          this.#pause = setTimeout(() => this.#send({ unsubscribe: FAST_TOPICS }), PAUSE_AFTER_MS);
        } else {
          this.#send({ subscribe: TOPIC_NAMES });
          wake();
        }
      },
      { signal },
    );
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    const first = start(performance.now());
    this.connection = first.next;
    this.#act(first.action);
  }

  stop(): void {
    this.#stop.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#pause);
    cancelAnimationFrame(this.#request);
    clearTimeout(this.#patience);
    this.#drop();
  }

  #handle(event: ConnectionEvent): void {
    const { next, action } = step(this.connection, event, performance.now(), Math.random());
    this.connection = next;
    this.#act(action);
  }

  #act(action: ConnectionAction): void {
    if (action === 'connect') this.#connect();
    if (action === 'close') this.#drop();
  }

  #connect(): void {
    this.#drop();
    const address = new URL('ws', document.baseURI);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => {
      this.#send({ subscribe: TOPIC_NAMES });
      this.opened += 1;
      // Those that are still active are told anew.
      this.alerts = this.alerts.filter((a) => !a.active);
      this.#handle({ kind: 'opened' });
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (typeof event.data === 'string') this.#receive(event.data);
    };
    socket.onclose = () => this.#handle({ kind: 'closed' });
  }

  #send(wish: { subscribe?: readonly TopicName[]; unsubscribe?: readonly TopicName[] }): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(wish));
  }

  #drop(): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#socket = null;
  }

  #receive(text: string): void {
    const now = performance.now();
    const { connection } = this;
    if (connection.kind === 'open' && now - connection.heard > TICK_MS) this.#handle({ kind: 'heard' });
    const envelope = parseEnvelope(text);
    if (envelope === null || !this.#isOurSchema(envelope.data.schema_number)) return;
    switch (envelope.topic) {
      case 'table': {
        const exposed = exposedAt(now, envelope.age_ms);
        this.#exposed = exposed;
        this.#drawn = { exposed };
        this.#pending.table = envelope.data;
        this.#pictures.add(now, 0);
        break;
      }
      case 'game':
        this.#pending.game = envelope.data;
        break;
      case 'scene':
        this.#pending.scene = envelope.data;
        this.#draw();
        return;
      case 'flip':
        this.#flipped(envelope.data, now);
        return;
      case 'status':
        this.status = envelope.data;
        this.#spoken = exposedAt(now, envelope.age_ms);
        return;
      case 'metrics':
        this.metrics = envelope.data;
        return;
      case 'alerts':
        this.alerts = withAlert(this.alerts, envelope.data);
        return;
      case 'events':
        this.events = withEvent(this.events, envelope.data);
        return;
    }
    this.#patience ??= setTimeout(() => this.#draw(), PATIENCE_MS);
  }

  #isOurSchema(number: unknown): boolean {
    switch (judgeSchema(number, memory())) {
      case 'same':
        return true;
      case 'reload':
        location.reload();
        return false;
      case 'stuck':
        this.mismatch = true;
        return false;
    }
  }

  /** Draws soon; what comes until then is drawn with it. */
  #draw(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#request ||= requestAnimationFrame(() => this.#commit());
  }

  /** Everything that came since the last drawing. */
  #commit(): void {
    this.#request = 0;
    const { table, game, scene } = this.#pending;
    const now = performance.now();
    this.#pending = {};
    if (table) this.table = table;
    if (game) {
      this.game = game;
      if (game.prediction) this.#predicted = now;
      this.prediction = predictionToShow(game, this.prediction, now - this.#predicted);
    }
    if (scene) this.scene = scene;
    if (this.#drawn) {
      this.#pages.add(now, now - this.#drawn.exposed);
      this.#drawn = null;
      if (this.freshness.kind !== 'live') this.freshness = freshness(this.#exposed, now);
    }
  }

  /** Only the first flip that shows a picture says how late it was; later ones repeat it. */
  #flipped(flip: Flip, now: number): void {
    if (flip.frame === this.#flipFrame) return;
    this.#flipFrame = flip.frame;
    this.#flips.add(now, (flip.flip_ns - flip.exposure_ns) / 1e6);
  }

  #tick(): void {
    const now = performance.now();
    this.now = now;
    this.#handle({ kind: 'tick' });
    this.freshness = freshness(this.#exposed, now);
    this.overall = overall(this.connection.kind, this.opened > 0, this.status, now - this.#spoken);
    if (now - this.#sampled < 950) return;
    this.#sampled = now;
    const live = this.freshness.kind === 'live';
    this.measures = {
      fps: live ? this.#pictures.rate(now) : null,
      flipMs: this.#flips.median(now),
      pageMs: live && !document.hidden ? this.#pages.median(now) : null,
    };
    this.history = [...this.history.slice(1 - HISTORY), this.measures];
  }
}

function memory(): Memory | null {
  try {
    return window.sessionStorage;
  } catch {
    return null; // forbidden by the browser's settings
  }
}

export const live = new Live();
