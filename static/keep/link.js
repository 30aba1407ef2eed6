// A drawing as the fragment of a link: browsers keep that part of an address to themselves, so no server sees it.

import { PAPER, thickness, thin } from "../draw/geometry.js";

const MARK = "#draw=";
const LONGEST = 2048; // characters of a link that all programs pass on
const FARTHEST = 4 * PAPER;
const WIDEST = 80;

/**
 * The fragment that holds a drawing, with fewer points where there are too many, or null where that is not enough.
 * A stroke has one width: how hard a pen was pressed goes into that.
 * @param {Sheet} sheet
 */
export function toFragment({ strokes, wide }) {
  for (let step = 1; step <= 8; step *= 2) {
    const text = MARK + encode([Number(wide), ...strokes.flatMap((stroke) => numbers(stroke, step))]);
    if (text.length <= LONGEST) return text;
  }
  return null;
}

/**
 * The drawing in a fragment, or null where there is none.
 * @param {string} text
 * @returns {Sheet | null}
 */
export function fromFragment(text) {
  if (!/^#draw=[\w-]+$/.test(text) || text.length > LONGEST) return null;
  const [wide, ...rest] = decode(text.slice(MARK.length));
  const strokes = [];
  while (rest.length) {
    const [width, count] = rest.splice(0, 2);
    const places = rest.splice(0, 2 * count);
    if (!(width > 0 && width <= WIDEST && count > 0 && places.length === 2 * count)) return null;
    strokes.push({ width, points: points(places) });
  }
  const near = strokes.every((stroke) => stroke.points.every(({ x, y }) => Math.hypot(x, y) < FARTHEST));
  return near && strokes.length && wide >> 1 === 0 ? { strokes, wide: wide === 1 } : null;
}

/**
 * Width, how many points, and each point less the one before.
 * @param {Stroke} stroke
 * @param {number} step only every so many points
 */
function numbers(stroke, step) {
  const all = thin(stroke.points);
  const kept = all.filter((_, i) => i % step === 0 || i === all.length - 1);
  const pressed = stroke.points.reduce((sum, { pressure }) => sum + thickness(pressure), 0) / stroke.points.length;
  const places = kept.map(({ x, y }) => [Math.round(x), Math.round(y)]);
  const steps = places.flatMap(([x, y], i) => (i ? [x - places[i - 1][0], y - places[i - 1][1]] : [x, y]));
  return [Math.max(1, Math.round(stroke.width * pressed)), kept.length, ...steps];
}

/** @param {number[]} steps */
function points(steps) {
  let [x, y] = [0, 0];
  return Array.from({ length: steps.length / 2 }, (_, i) => {
    x += steps[2 * i];
    y += steps[2 * i + 1];
    return { x, y, pressure: 0.5 };
  });
}

/**
 * Whole numbers as text: zigzag and seven bits a byte, as protocol buffers have them, then base64 for addresses.
 * @param {number[]} numbers
 */
function encode(numbers) {
  const bytes = [];
  for (const number of numbers) {
    let rest = number < 0 ? -2 * number - 1 : 2 * number;
    for (; rest > 127; rest >>= 7) bytes.push((rest & 127) | 128);
    bytes.push(rest);
  }
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** @param {string} text */
function decode(text) {
  const found = [];
  let [number, shift] = [0, 0];
  for (const char of readable(text)) {
    const byte = char.charCodeAt(0);
    number |= (byte & 127) << shift;
    shift += 7;
    if (byte > 127) continue;
    found.push(number & 1 ? -(number + 1) / 2 : number / 2);
    [number, shift] = [0, 0];
  }
  return found;
}

/** @param {string} text */
function readable(text) {
  return text.length % 4 === 1 ? "" : atob(text.replaceAll("-", "+").replaceAll("_", "/"));
}
