// Which ink belongs to which digit of a number. Pure functions.

import { PAPER } from "./geometry.js";

const NEARLY_ALL = 0.8; // a stroke of which so much lies in one box is not cut

/**
 * The strokes of each box. A stroke that runs through several digits is cut where it passes from one to the next.
 * @param {Stroke[]} strokes
 * @param {Box[]} boxes
 * @returns {Stroke[][]} one list a box
 */
export function shared(strokes, boxes) {
  /** @type {Stroke[][]} */
  const shares = boxes.map(() => []);
  for (const stroke of strokes) {
    const owners = stroke.points.map((point) => nearest(point, boxes));
    const most = boxes.findIndex((_, i) => owners.filter((owner) => owner === i).length >= NEARLY_ALL * owners.length);
    if (most >= 0) shares[most].push(stroke);
    else for (const { owner, points } of runs(stroke.points, owners)) shares[owner].push({ ...stroke, points });
  }
  return shares;
}

/**
 * @param {Point} point
 * @param {Box[]} boxes
 */
function nearest({ x, y }, boxes) {
  const away = boxes.map(([left, top, width, height]) =>
    Math.hypot(Math.max(left - x, 0, x - left - width), Math.max(top - y, 0, y - top - height)),
  );
  return away.indexOf(Math.min(...away));
}

/**
 * Neighbouring points of one owner.
 * @param {Point[]} points
 * @param {number[]} owners
 */
function runs(points, owners) {
  /** @type {{owner: number, points: Point[]}[]} */
  const found = [];
  points.forEach((point, i) => {
    if (i === 0 || owners[i] !== owners[i - 1]) found.push({ owner: owners[i], points: [] });
    found[found.length - 1].points.push(point);
  });
  return found;
}

/**
 * Strokes as they are on a square paper: those that stick out of it on the right are moved to its middle.
 * @param {Stroke[]} strokes
 * @returns {Stroke[]}
 */
export function squared(strokes) {
  const across = strokes.flatMap(({ points }) => points.map(({ x }) => x));
  const [left, right] = [Math.min(...across), Math.max(...across)];
  if (right <= PAPER) return strokes;
  const by = (PAPER - left - right) / 2;
  return strokes.map((stroke) => ({ ...stroke, points: stroke.points.map((p) => ({ ...p, x: p.x + by })) }));
}
