// Strokes that are turned, moved, resized, drawn with another pen, shaken, or rubbed out. Pure functions.

import { PAPER } from "../draw/geometry.js";

export const STEPS = 15;

/** @type {think.Move} */
const moved = (strokes, to) =>
  strokes.map(({ width, points }) => ({ width, points: points.map((point, i) => ({ ...point, ...to(point, i) })) }));

/** @type {think.Spun} about their middle; the pen stays */
function spun(strokes, size, angle) {
  const all = strokes.flatMap(({ points }) => points);
  /** @param {number[]} values */
  const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  const [cx, cy] = [middle(all.map(({ x }) => x)), middle(all.map(({ y }) => y))];
  const [a, b] = [size * Math.cos(angle), size * Math.sin(angle)];
  return moved(strokes, ({ x, y }) => ({
    x: cx + a * (x - cx) - b * (y - cy),
    y: cy + b * (x - cx) + a * (y - cy),
  }));
}

/** @param {number} seed of a number from -1 to 1 */
const chance = (seed) => 2 * (Math.abs(Math.sin(seed * 12.9898) * 43758.5453) % 1) - 1;

/** @type {think.Change} */
const shaken = (strokes, far) =>
  moved(strokes, ({ x, y }, i) => ({ x: x + far * chance(i + x), y: y + far * chance(i + y + 1) }));

/** @type {think.Change} without a share of the points, the last ones */
function rubbed(strokes, share) {
  let left = Math.ceil(strokes.flatMap(({ points }) => points).length * (1 - share));
  return strokes.flatMap(({ width, points }) => {
    const kept = points.slice(0, Math.max(0, left));
    left -= points.length;
    return kept.length ? [{ width, points: kept }] : [];
  });
}

const SHARE = PAPER / 100;

/** @type {think.Way[]} */
export const WAYS = [
  ["Turn", "°", 7, 0, 15, (strokes, degrees) => spun(strokes, 1, (degrees * Math.PI) / 180)],
  ["Shift", " %", 7, 0, 7, (strokes, far) => moved(strokes, ({ x, y }) => ({ x: x + far * SHARE, y }))],
  ["Size", " %", 7, 100, 12, (strokes, size) => spun(strokes, size / 100, 0)],
  ["Pen", " %", 7, 100, 12, (strokes, by) => strokes.map((one) => ({ ...one, width: (one.width * by) / 100 }))],
  ["Noise", " %", 0, 0, 0.5, (strokes, far) => shaken(strokes, far * SHARE)],
  ["Rubber", " %", 0, 0, 6, (strokes, gone) => rubbed(strokes, gone / 100)],
];

/** @type {(way: think.Way, step: number) => number} */
const value = ([, , rest, from, by], step) => from + by * (step - rest);

/** @type {(way: think.Way, step: number) => string} */
export const words = (way, step) => `${value(way, step)}${way[1]}`;

/** @type {think.Changed} changed in all ways, each by its step */
export const changed = (strokes, steps) =>
  WAYS.reduce((done, way, i) => (steps[i] === way[2] ? done : way[5](done, value(way, steps[i]))), strokes);

/** @param {(number | undefined)[]} digits that win @returns the steps at which another does than at the one before */
export const flips = (digits) => digits.flatMap((digit, step) => (step && digit !== digits[step - 1] ? [step] : []));
