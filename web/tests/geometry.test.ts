import { describe, expect, it } from 'vitest';

import { pictureOfCloth, toPixel } from '../src/lib/camera';
import { ballAt } from '../src/lib/correction.svelte';
import type { CameraGeometry, Element, XY } from '../src/lib/messages';
import { arcPoints, pathThrough, plan, steady, type Plane } from '../src/lib/plane';
import { sparkline, Window } from '../src/lib/rates';
import { drawable } from '../src/lib/scene';

const [W, L] = [1.27, 2.54];
const near = (a: XY, b: XY) => Math.hypot(a[0] - b[0], a[1] - b[1]);
const numbers = (path: string) => (path.match(/-?\d+(\.\d+)?/g) ?? []).map(Number);

describe('the plan', () => {
  it('shows the head at the bottom in portrait', () => {
    const p = plan(W, L, false, 0.1);
    expect(p.point([0, 0])).toEqual([0, 2540]);
    expect(p.point([W, L])).toEqual([1270, 0]);
    expect(p.size).toEqual([1470, 2740]);
  });

  it('shows the head at the left in landscape, x downwards', () => {
    const p = plan(W, L, true, 0.1);
    expect(p.point([0, 0])).toEqual([0, 0]);
    expect(p.point([W, L])).toEqual([2540, 1270]);
    expect(p.viewBox).toBe('-100 -100 2740.0 1470.0');
  });

  it.each([true, false])('turns directions as it turns points (landscape %s)', (landscape) => {
    const p = plan(W, L, landscape, 0);
    for (const angle of [0, 0.4, 1.9, -2.5, Math.PI]) {
      const a = p.point([0.5, 0.5]);
      const b = p.point([0.5 + 0.4 * Math.cos(angle), 0.5 + 0.4 * Math.sin(angle)]);
      const turn = (p.direction([0.5, 0.5], angle) * Math.PI) / 180;
      expect(near(b, [a[0] + 400 * Math.cos(turn), a[1] + 400 * Math.sin(turn)])).toBeLessThan(0.3);
    }
  });

  it('keeps handedness: the far left corner is to the left of the far right one', () => {
    const portrait = plan(W, L, false, 0);
    expect(portrait.point([0, L])[0]).toBeLessThan(portrait.point([W, L])[0]);
    // Standing at the head (left), looking to the foot (right), left is up.
    const landscape = plan(W, L, true, 0);
    expect(landscape.point([0, L])[1]).toBeLessThan(landscape.point([W, L])[1]);
  });
});

it('does not follow noise', () => {
  const given: XY[] = [[0, 0], [0.3, 0.3], [0.6, 0], [0.5, 0]];
  const follow = steady(0.6, () => given.shift() as XY);
  expect([follow(), follow(), follow(), follow()]).toEqual([[0, 0], [0, 0], [0.6, 0], [0.6, 0]]);
});

describe('paths', () => {
  it('break where a point cannot be seen', () => {
    const blind: Plane = {
      point: ([x, y]) => (x < 0 ? null : [x, y]),
      scale: () => 1,
      direction: () => 0,
    };
    const path = pathThrough([[0, 0], [1, 0], [-1, 0], [2, 0], [3, 0]], blind);
    expect(path).toBe('M0.0 0.0L1.0 0.0M2.0 0.0L3.0 0.0');
    expect(pathThrough([[-1, 0]], blind, true)).toBe('');
  });

  it('of arcs lie on their circle, from start to end counter-clockwise', () => {
    const points = arcPoints([1, 2], 0.5, Math.PI / 2, Math.PI);
    for (const p of points) expect(near(p, [1, 2])).toBeCloseTo(0.5, 9);
    expect(near(points[0] as XY, [1, 2.5])).toBeLessThan(1e-9);
    expect(near(points.at(-1) as XY, [0.5, 2])).toBeLessThan(1e-9);
    expect(arcPoints([0, 0], 1, 3, -3).length).toBeLessThan(arcPoints([0, 0], 1).length);
  });
});

describe('the scene', () => {
  const p = plan(W, L, false, 0);
  const least = { width: 2, text: 30 };
  const drawn = { colour: '#ffffff', opacity: 0.5 };

  it('draws every kind of element', () => {
    const elements: Element[] = [
      { kind: 'line', points: [[0, 0], [1, 1]], width: 0.004, dash: [0.02, 0.01], ...drawn },
      { kind: 'arc', centre: [0.5, 0.5], radius: 0.1, start: 0, end: 1, width: 0.001, ...drawn },
      { kind: 'ring', centre: [0.5, 0.5], radius: 0.1, width: 0.004, ...drawn },
      { kind: 'area', points: [[0, 0], [1, 0], [1, 1]], ...drawn },
      { kind: 'text', text: '82 %', position: [0.5, 0.5], height: 0.04, angle: 0, ...drawn },
    ];
    const [line, arc, ring, area, text] = elements.map((e) => drawable(e, p, least));
    expect(line).toMatchObject({ kind: 'stroke', width: 4, dash: '20.0 10.0', opacity: 0.5 });
    expect(arc).toMatchObject({ kind: 'stroke', width: 2 });
    expect(ring?.kind === 'stroke' && ring.d.endsWith('Z')).toBe(true);
    expect(area).toMatchObject({ kind: 'fill' });
    expect(text).toMatchObject({ kind: 'text', x: 500, y: 2040, size: 40, text: '82 %' });
  });

  it.each([0, 0.5, 1.57, 2.2, Math.PI, -1.57, -2.5])('keeps text at %d rad readable', (angle) => {
    for (const landscape of [true, false]) {
      const text = drawable(
        { kind: 'text', text: 'x', position: [0, 0], height: 0.1, angle, ...drawn },
        plan(W, L, landscape, 0),
        least,
      );
      if (text?.kind !== 'text') throw new Error('no text');
      expect(text.turn).toBeGreaterThanOrEqual(-90);
      expect(text.turn).toBeLessThanOrEqual(89);
    }
  });

  it('is nothing where nothing can be seen', () => {
    const blind: Plane = { point: () => null, scale: () => 0, direction: () => 0 };
    const text: Element = { kind: 'text', text: 'x', position: [0, 0], height: 1, angle: 0, ...drawn };
    const ring: Element = { kind: 'ring', centre: [0, 0], radius: 1, width: 0.1, ...drawn };
    const area: Element = { kind: 'area', points: [], ...drawn };
    for (const element of [text, ring, area]) expect(drawable(element, blind, least)).toBeNull();
  });
});

describe('the camera', () => {
  // Straight above the middle, the picture's right along y: rotation rows are its x, y and z axes.
  const camera: CameraGeometry = {
    width: 1280,
    height: 720,
    focal: [1000, 1000],
    centre: [639.5, 359.5],
    rotation: [0, 1, 0, 1, 0, 0, 0, 0, -1],
    translation: [-1.27, -0.635, 2.5],
    distortion: [0, 0, 0, 0, 0],
  };

  it('sees what lies below it in the middle', () => {
    expect(toPixel(camera, [0.635, 1.27, 0])).toEqual([639.5, 359.5]);
    expect(toPixel(camera, [0.635, 1.27, 2.5])).toBeNull();
  });

  it('sees higher points farther out', () => {
    const [low, high] = [toPixel(camera, [0.2, 0.3, 0]), toPixel(camera, [0.2, 0.3, 0.03])];
    expect(near(high as XY, [639.5, 359.5])).toBeGreaterThan(near(low as XY, [639.5, 359.5]));
  });

  it('bends by its lens as OpenCV does', () => {
    // cv2.projectPoints with k1 -0.1, k2 0.02, p1 0.001, p2 -0.002, k3 0.003 at (0.4, -0.3, 1).
    const bent = { ...camera, rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1], translation: [0, 0, 0] as const };
    const pixel = toPixel({ ...bent, distortion: [-0.1, 0.02, 0.001, -0.002, 0.003] }, [0.4, -0.3, 1]);
    expect(pixel?.[0]).toBeCloseTo(1028.63875, 5);
    expect(pixel?.[1]).toBeCloseTo(67.5209375, 5);
  });

  it('scales and turns what lies on the cloth', () => {
    const cloth = pictureOfCloth(camera);
    expect(cloth.scale([0.6, 1.2])).toBeCloseTo(400, 1);
    expect(cloth.direction([0.6, 1.2], Math.PI / 2)).toBeCloseTo(0, 6);
    expect(cloth.direction([0.6, 1.2], 0)).toBeCloseTo(90, 6);
  });
});

describe('a finger', () => {
  const balls = [
    { x_m: 0.5, y_m: 0.5 },
    { x_m: 0.6, y_m: 0.5 },
  ];

  it('means the nearest ball within its reach', () => {
    expect(ballAt(balls, [0.54, 0.5], 0.05)).toBe(balls[0]);
    expect(ballAt(balls, [0.56, 0.5], 0.05)).toBe(balls[1]);
    expect(ballAt(balls, [0.5, 0.56], 0.05)).toBeNull();
  });

  it.each([true, false])('touches the point that is drawn under it (landscape %s)', (landscape) => {
    const p = plan(W, L, landscape, 0.1);
    const [x, y] = p.under(p.point([0.3, 1.9]));
    expect(near([x, y], [0.3, 1.9])).toBeLessThan(1e-4);
  });
});

describe('rates', () => {
  it('are measured over the window only', () => {
    const w = new Window(1000);
    for (let t = 0; t <= 3000; t += 100) w.add(t, t);
    expect(w.rate(3000)).toBeCloseTo(10, 6);
    expect(w.median(3000)).toBe(2500);
    expect(w.median(3950)).toBe(3000);
    expect(w.rate(3950)).toBeNull();
    expect(w.median(9000)).toBeNull();
  });

  it('draw as a curve with gaps', () => {
    expect(sparkline([0, 5, null, 20], 30, 10, 10)).toBe('M0.0 10.0L10.0 5.0M30.0 0.0');
    expect(numbers(sparkline([], 30, 10, 10))).toEqual([]);
  });
});
