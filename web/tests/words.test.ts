import { describe, expect, it } from 'vitest';

import { ballLook, bandPath } from '../src/lib/balls';
import { age, ago, decimal, degrees, duration, magnitude, mebibytes, percent, plural } from '../src/lib/format';
import { exposedAt, freshness } from '../src/lib/freshness';
import type { Alert, EventKind, GameState, Level, ModuleStatus, Prediction, ShotEvent, SystemStatus, TableState } from '../src/lib/messages';
import { parseEnvelope, SCHEMA } from '../src/lib/messages';
import { problemText } from '../src/lib/rest';
import { judgeSchema } from '../src/lib/schema';
import { eventText, toShow, withEvent } from '../src/lib/shotEvents';
import { overall, phaseText, predictionToShow, sourceLabel, targetPocket, trouble, withAlert } from '../src/lib/verdict';

describe('numbers', () => {
  it('say nothing where nothing is known', () => {
    for (const text of [decimal(null), percent(undefined), degrees(NaN), mebibytes(null), duration(null)]) {
      expect(text).toBe('–');
    }
    expect(magnitude(null)).toBeNull();
  });

  it('are rounded for people', () => {
    expect(decimal(-0.04, 1)).toBe('0.0');
    expect(percent(0.824)).toBe('82');
    expect(degrees(Math.PI / 6)).toBe('30');
    expect(mebibytes(180 * 2 ** 20)).toBe('180');
    expect(magnitude(-0.3)).toBe(0.3);
    expect(plural(1, 'shot')).toBe('1 shot');
    expect(plural(0, 'shot')).toBe('0 shots');
  });

  it.each([
    [0.42, '0.4 s'],
    [9.97, '10 s'],
    [59.7, '1 min'],
    [200, '3 min 20 s'],
    [3600, '1 h'],
    [18_120, '5 h 2 min'],
    [273_600, '3 d 4 h'],
  ])('%d seconds last %s', (seconds, text) => expect(duration(seconds)).toBe(text));

  it('age in whole seconds', () => {
    expect([1_999, 12_400, 75_000].map(age)).toEqual(['1 s', '12 s', '1 min 15 s']);
  });

  it.each([
    [1, 'now'],
    [42, '42 s ago'],
    [179, '2 min ago'],
    [7_300, '2 h ago'],
    [900_000, '10 d ago'],
  ])('%d seconds ago is %s', (seconds, text) => expect(ago(seconds)).toBe(text));
});

describe('balls', () => {
  it('of pool repeat their colours as stripes', () => {
    for (let n = 1; n <= 7; n += 1) {
      const [solid, stripe] = [ballLook(`${n}`), ballLook(`${n + 8}`)];
      expect(stripe.colour).toBe(solid.colour);
      expect([solid.striped, stripe.striped]).toEqual([false, true]);
      expect(stripe.number).toBe(`${n + 8}`);
    }
    expect(ballLook('8')).toMatchObject({ striped: false, number: '8' });
  });

  it('that are not known look unknown', () => {
    for (const label of ['unknown', '16', '0', '', 'constructor']) {
      expect(ballLook(label)).toMatchObject({ uncertain: true, number: '?' });
    }
    expect(ballLook('stripe')).toMatchObject({ uncertain: true, striped: true });
    expect(ballLook('pink')).toMatchObject({ uncertain: false, name: 'pink ball' });
  });

  it('have a band within their outline', () => {
    const numbers = bandPath(10).match(/-?\d+\.\d+/g)?.map(Number) ?? [];
    expect(Math.max(...numbers.map(Math.abs))).toBeLessThanOrEqual(10);
  });
});

describe('freshness', () => {
  it('counts from the exposure, not from the arrival', () => {
    expect(freshness(exposedAt(10_000, 900), 10_100)).toEqual({ kind: 'live', age: 1_000 });
    expect(freshness(exposedAt(10_000, 900), 10_700)).toEqual({ kind: 'stale', age: 1_600 });
  });

  it('is unknown before the first picture', () => {
    expect(freshness(null, 5)).toEqual({ kind: 'none' });
    expect(exposedAt(5, null)).toBe(5);
  });
});

describe('the schema number', () => {
  const memory = () => {
    const kept = new Map<string, string>();
    return {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
  };

  it('makes the page reload once for each number', () => {
    const m = memory();
    expect(judgeSchema(SCHEMA, m)).toBe('same');
    expect(judgeSchema(SCHEMA + 1, m)).toBe('reload');
    expect(judgeSchema(SCHEMA + 1, m)).toBe('stuck');
    expect(judgeSchema(SCHEMA + 2, m)).toBe('reload');
  });

  it('never makes it reload for ever', () => {
    expect(judgeSchema(SCHEMA + 1, null)).toBe('stuck');
    const broken = {
      getItem: () => null,
      setItem: () => {
        throw new Error('full');
      },
    };
    expect(judgeSchema(SCHEMA + 1, broken)).toBe('stuck');
  });
});

describe('what arrives', () => {
  it('is read by topic', () => {
    const text = JSON.stringify({ topic: 'flip', age_ms: 3.5, data: { frame: 7 } });
    expect(parseEnvelope(text)).toEqual({ topic: 'flip', age_ms: 3.5, data: { frame: 7 } });
  });

  it.each([
    '',
    'nonsense',
    'null',
    '[]',
    '{"subscribed":["game"]}',
    '{"topic":"later","age_ms":1,"data":{}}',
    '{"topic":"game","age_ms":1,"data":null}',
  ])('is passed over when it is %j', (text) => expect(parseEnvelope(text)).toBeNull());

  it('may come without an age', () => {
    expect(parseEnvelope('{"topic":"game","data":{}}')?.age_ms).toBeNull();
  });
});

describe('words', () => {
  const module = (status: Level, detail = ''): ModuleStatus => ({
    status,
    state: 'BACKOFF',
    pid: null,
    restarts: 0,
    heartbeat_age_s: null,
    detail,
    measures: {},
  });
  const system = (status: Level, modules: Record<string, ModuleStatus>, detail = ''): SystemStatus => ({
    schema_number: 1,
    status,
    version: '1',
    source: '',
    source_kind: 'v4l2',
    uptime_s: 0,
    environment: 'testing',
    modules,
    detail,
  });
  const table = (over: Partial<TableState> = {}): TableState =>
    ({ balls: [], calibration: 'c', quality: { usable: true, problem: null }, ...over }) as TableState;

  it('say loudly when no real table is seen', () => {
    expect(sourceLabel('simulated', '')).toMatchObject({ loud: true, short: 'VIRTUAL TABLE' });
    expect(sourceLabel('film', 'a.mp4')?.sentence).toContain('a.mp4');
    expect(sourceLabel('v4l2', 'v4l2:0')).toMatchObject({ loud: false });
    expect(sourceLabel(null, '')).toBeNull();
  });

  it('name the worst module', () => {
    expect(trouble(null)).toBe('');
    expect(trouble(system('HEALTHY', { vision: module('HEALTHY') }))).toBe('');
    const two = { core: module('DEGRADED', 'slow'), vision: module('UNHEALTHY') };
    expect(trouble(system('UNHEALTHY', two))).toBe('Vision: backoff');
    expect(trouble(system('DEGRADED', two, 'all of it'))).toBe('all of it');
  });

  it('say how the whole is, as long as it is known', () => {
    const sick = system('DEGRADED', { core: module('DEGRADED', 'slow') });
    expect(overall('connecting', false, null, 0).word).toBe('Connecting');
    expect(overall('waiting', true, sick, 0)).toMatchObject({ level: 'UNKNOWN', word: 'Offline' });
    expect(overall('open', true, null, 0).word).toBe('Waiting');
    expect(overall('open', true, sick, 100)).toEqual({ level: 'DEGRADED', word: 'Degraded', why: 'Core: slow' });
    expect(overall('open', true, sick, 3_500)).toMatchObject({ level: 'UNKNOWN', word: 'Unknown' });
  });

  it('tell what the table does', () => {
    expect(phaseText(null, null, null)).toBe('Waiting for the first picture');
    expect(phaseText(null, table({ calibration: null }), null)).toBe('Looking for the table');
    expect(phaseText(null, table({ quality: { usable: false, problem: 'Too dark.' } }), null)).toBe('Too dark.');
    expect(phaseText(null, table(), null)).toBe('0 balls on the table');
    expect(phaseText(null, null, system('HEALTHY', {}))).toBe('Vision is switched off');
  });

  it('keep the prediction while the balls roll', () => {
    const made = { target: '9' } as Prediction;
    const game = (over: Partial<GameState>) => ({ prediction: null, phase: 'idle', ...over }) as GameState;
    expect(predictionToShow(game({ phase: 'aiming', prediction: made }), null, 0)).toBe(made);
    expect(predictionToShow(game({ phase: 'shot' }), made, 5_000)).toBe(made);
    expect(predictionToShow(game({}), made, 300)).toBe(made);
    expect(predictionToShow(game({}), made, 5_000)).toBeNull();
  });

  it('find the pocket of the first object ball', () => {
    const prediction = {
      target: '9',
      target_track: 4,
      paths: [
        { label: 'cue', track: 1, points: [], end: 'rest', pocket: null },
        { label: '9', track: 5, points: [], end: 'pocketed', pocket: 'left' },
        { label: '9', track: 4, points: [], end: 'pocketed', pocket: 'far-left' },
      ],
    } as unknown as Prediction;
    expect(targetPocket(prediction)).toBe('far-left');
    expect(targetPocket({ ...prediction, paths: [] })).toBeNull();
  });

  it('keep one alert of each name, the newest word about it', () => {
    const alert = (name: string, sequence: number, active = true, epoch = 1): Alert => ({
      schema_number: 1,
      epoch,
      sequence,
      severity: 'ERROR',
      name,
      text: '',
      active,
    });
    let list = withAlert([], alert('disk', 1));
    list = withAlert(list, alert('cpu', 2));
    list = withAlert(list, alert('disk', 3, false));
    list = withAlert(list, alert('disk', 1));
    expect(list.map((a) => [a.name, a.active])).toEqual([
      ['disk', false],
      ['cpu', true],
    ]);
    list = withAlert(list, alert('memory', 1, true, 2));
    expect(list.map((a) => a.name)).toEqual(['memory', 'disk']);
  });
});

describe('events of a shot', () => {
  const event = (sequence: number, kind: EventKind = 'ball_collision', at = sequence): ShotEvent => ({
    schema_number: 1,
    exposure_ns: at,
    sequence,
    kind,
    labels: ['cue', '1'],
    pocket: null,
  });
  const told = (...events: ShotEvent[]) => events.reduce(withEvent, [] as readonly ShotEvent[]);
  const numbers = (events: readonly ShotEvent[]) => events.map((e) => e.sequence);

  it('are put in order, each once', () => {
    const shot = [event(1, 'shot_start'), event(4), event(2), event(3), event(4)];
    expect(numbers(told(...shot))).toEqual([1, 2, 3, 4]);
    expect(numbers(told(event(9), event(7, 'shot_start'), event(8)))).toEqual([7, 8, 9]);
  });

  it('begin anew with each shot, also of a core that counts anew', () => {
    expect(numbers(told(event(1, 'shot_start'), event(2), event(3, 'shot_start')))).toEqual([3]);
    expect(numbers(told(event(5, 'shot_start'), event(6), event(1, 'shot_start', 90)))).toEqual([1]);
    expect(numbers(told(event(5, 'shot_start'), event(4)))).toEqual([5]);
  });

  it('are told in few words', () => {
    const potted = { ...event(3, 'pocketed'), pocket: 'far-left' };
    const shot = [event(1, 'shot_start'), event(2, 'cushion_collision'), potted, event(4, 'at_rest')];
    expect(toShow(shot).map(eventText)).toEqual(['cushion', 'far left pocket']);
    expect(eventText(event(5))).toBe('');
    expect(eventText({ ...potted, pocket: null })).toBe('pocket');
  });
});

describe('problems', () => {
  it('are told in the sentence of the appliance', () => {
    expect(problemText(409, '{"title":"Conflict","detail":"The shot is under way."}')).toBe(
      'The shot is under way.',
    );
    expect(problemText(503, '{"title":"Service Unavailable"}')).toBe('Service Unavailable');
    expect(problemText(502, '<html>')).toBe('The appliance refused (HTTP 502).');
    expect(problemText(500, 'null')).toBe('The appliance refused (HTTP 500).');
  });
});
