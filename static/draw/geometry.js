// Arithmetic on strokes, away from the page: distances, smoothing. Pure functions.

/** Side of the square paper in its own units; the picture that is sent has as many pixels. A wide one is twice as wide. */
export const PAPER = 280;

/** Points nearer than this to the one before add jitter, not shape. */
const STEP = 1;

/**
 * The point half-way between two.
 * @param {Point} a
 * @param {Point} b
 * @returns {Point}
 */
export function between(a, b) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, pressure: (a.pressure + b.pressure) / 2 };
}

/**
 * Positions from `a` (left out) to `b`, no more than `size` apart: what a fast hand skipped.
 * @param {Position} a
 * @param {Position} b
 * @param {number} size
 * @returns {Position[]}
 */
export function walk(a, b, size) {
  const count = Math.max(1, Math.ceil(Math.hypot(b.x - a.x, b.y - a.y) / size));
  return Array.from({ length: count }, (_, i) => {
    const t = (i + 1) / count;
    return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
  });
}

/**
 * Distance of a point from the line from `a` to `b` (which may be one and the same point).
 * @param {Position} point
 * @param {Position} a
 * @param {Position} b
 */
export function distance(point, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const along = length ? ((point.x - a.x) * dx + (point.y - a.y) * dy) / length : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - a.x - t * dx, point.y - a.y - t * dy);
}

/**
 * Whether a point lies on a stroke's ink or within `reach` of it.
 * @param {Stroke} stroke
 * @param {Position} point
 */
export function touches(stroke, point, reach = 0) {
  const near = reach + stroke.width / 2;
  return stroke.points.some((b, i) => distance(point, stroke.points[Math.max(0, i - 1)], b) <= near);
}

/**
 * Whether any ink of the strokes falls onto a paper so wide.
 * @param {Stroke[]} strokes
 * @param {number} paper
 */
export function onPaper(strokes, paper = PAPER) {
  return strokes.some(({ width, points }) =>
    points.some(({ x, y }) => Math.max(-x, x - paper, -y, y - PAPER) < width / 2),
  );
}

/**
 * The same points without those that hardly differ from their predecessor; the last one always stays.
 * @param {Point[]} points
 */
export function thin(points) {
  const kept = points.slice(0, 1);
  for (const point of points.slice(1)) {
    const last = kept[kept.length - 1];
    if (Math.hypot(point.x - last.x, point.y - last.y) >= STEP) kept.push(point);
  }
  if (kept.length > 1) kept[kept.length - 1] = points[points.length - 1];
  return kept;
}

/**
 * A smooth line through a stroke: quadratic curves from midpoint to midpoint, each bent by the point
 * between them (the usual way of drawing freehand lines), each with its width. It starts and ends
 * exactly at the stroke's ends.
 * @param {Stroke} stroke
 * @returns {Curve[]}
 */
export function curves(stroke) {
  const points = thin(stroke.points);
  const last = points.length - 1;
  if (last < 1) return points.map((p) => curve(stroke, p, p, p));
  return points.map((point, i) =>
    curve(
      stroke,
      i === 0 ? point : between(points[i - 1], point),
      point,
      i === last ? point : between(point, points[i + 1]),
    ),
  );
}

/**
 * @param {Stroke} stroke
 * @param {Point} from
 * @param {Point} bend
 * @param {Point} to
 * @returns {Curve}
 */
function curve(stroke, from, bend, to) {
  return { from, bend, to, width: stroke.width * thickness(bend.pressure) };
}

/**
 * How much of its width a pen gives at this pressure: all of it at one half, which is what a mouse reports.
 * @param {number} pressure
 */
export function thickness(pressure) {
  return 0.5 + Math.min(1, Math.max(0, pressure));
}
