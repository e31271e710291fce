// The projector's scene as SVG: the same elements that fall on the cloth.

import type { Element } from './messages';
import { arcPoints, pathThrough, type Plane } from './plane';

export type Drawable =
  | {
      kind: 'stroke';
      d: string;
      colour: string;
      opacity: number;
      width: number;
      dash: string | undefined;
    }
  | { kind: 'fill'; d: string; colour: string; opacity: number }
  | {
      kind: 'text';
      text: string;
      x: number;
      y: number;
      size: number;
      turn: number;
      colour: string;
      opacity: number;
    };

/** Least width of a line and least height of text, in drawn units: what can be seen at this size. */
export interface Least {
  width: number;
  text: number;
}

/** An element as it is drawn on a plane; null when nothing of it can be seen. */
export function drawable(element: Element, plane: Plane, least: Least): Drawable | null {
  const { colour, opacity } = element;
  switch (element.kind) {
    case 'line':
      return stroke(pathThrough(element.points, plane), element.points[0] ?? [0, 0]);
    case 'arc': {
      const points = arcPoints(element.centre, element.radius, element.start, element.end);
      return stroke(pathThrough(points, plane), element.centre);
    }
    case 'ring':
      return stroke(
        pathThrough(arcPoints(element.centre, element.radius).slice(0, -1), plane, true),
        element.centre,
      );
    case 'area': {
      const d = pathThrough(element.points, plane, true);
      return d === '' ? null : { kind: 'fill', d, colour, opacity };
    }
    case 'text': {
      const at = plane.point(element.position);
      if (at === null) return null;
      return {
        kind: 'text',
        text: element.text,
        x: at[0],
        y: at[1],
        size: Math.max(least.text, element.height * plane.scale(element.position)),
        turn: readable(plane.direction(element.position, element.angle)),
        colour,
        opacity,
      };
    }
  }

  function stroke(d: string, near: readonly [number, number]): Drawable | null {
    if (d === '' || !('width' in element)) return null;
    const scale = plane.scale(near);
    const dash =
      element.kind === 'line' && element.dash !== null
        ? element.dash.map((v) => (v * scale).toFixed(1)).join(' ')
        : undefined;
    return {
      kind: 'stroke',
      d,
      colour,
      opacity,
      width: Math.max(least.width, element.width * scale),
      dash,
    };
  }
}

/** On the cloth text faces the player; on a page it is read upright. */
function readable(degrees: number): number {
  const turned = ((((degrees + 180) % 360) + 360) % 360) - 180;
  const upright = turned > 90 ? turned - 180 : turned < -90 ? turned + 180 : turned;
  // A baseline straight up and straight down are the same line: read it from the right.
  return Math.abs(upright - 90) < 1 ? -90 : upright;
}
