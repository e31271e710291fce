// The camera model of billiards_trainer/camera_model.py, one way: from the table to the picture.

import type { CameraGeometry, XY, XYZ } from './messages';
import type { Plane } from './plane';

/** Pixel of a point of the table (metres); null behind the camera. */
export function toPixel(m: CameraGeometry, [x, y, z]: XYZ): XY | null {
  const r = m.rotation as readonly [
    number, number, number, number, number, number, number, number, number,
  ];
  const cx = r[0] * x + r[1] * y + r[2] * z + m.translation[0];
  const cy = r[3] * x + r[4] * y + r[5] * z + m.translation[1];
  const cz = r[6] * x + r[7] * y + r[8] * z + m.translation[2];
  if (cz <= 1e-6) return null;
  const [u, v] = distort(cx / cz, cy / cz, m.distortion);
  return [u * m.focal[0] + m.centre[0], v * m.focal[1] + m.centre[1]];
}

function distort(x: number, y: number, coefficients: readonly number[]): XY {
  const [k1, k2, p1, p2, k3] = coefficients as readonly [number, number, number, number, number];
  const r2 = x * x + y * y;
  const radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3));
  return [
    x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
    y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
  ];
}

/** The cloth (z = 0) as the camera sees it, in pixels. */
export function pictureOfCloth(model: CameraGeometry): Plane {
  const at = (p: XY): XY | null => toPixel(model, [p[0], p[1], 0]);
  const moved = (p: XY, angle: number): { from: XY; to: XY } | null => {
    const h = 0.01;
    const from = at(p);
    const to = at([p[0] + h * Math.cos(angle), p[1] + h * Math.sin(angle)]);
    return from && to && { from, to };
  };
  const stretch = (p: XY, angle: number): number => {
    const m = moved(p, angle);
    return m === null ? 0 : Math.hypot(m.to[0] - m.from[0], m.to[1] - m.from[1]) / 0.01;
  };
  return {
    point: at,
    scale: (p) => Math.sqrt(stretch(p, 0) * stretch(p, Math.PI / 2)),
    direction: (p, angle) => {
      const m = moved(p, angle);
      if (m === null) return 0;
      return (Math.atan2(m.to[1] - m.from[1], m.to[0] - m.from[0]) * 180) / Math.PI;
    },
  };
}
