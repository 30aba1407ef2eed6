// The drawing as data: strokes, with undo and redo. It knows nothing of canvases or pointers.

import { PAPER, touches } from "./geometry.js";

const STEPS = 200; // that can be undone: a page that is open all day grows no further

/**
 * Strokes in the order they were drawn. Each step replaces the list and never alters one, so that
 * the past can be kept as it is. Dispatches "change" after each, with the `Change` as its detail.
 */
export class Drawing extends EventTarget {
  /** @type {Stroke[][]} */
  #past = [];
  /** @type {Stroke[][]} */
  #future = [];
  /** @type {Stroke | null} the stroke under way */
  #live = null;
  /** @type {Stroke[]} */
  strokes = [];
  /** Width of the paper. What lies beyond a narrow one stays in the drawing, and shows again on a wide one. */
  width = PAPER;

  get empty() {
    return !this.strokes.length && !this.#live;
  }
  /** Whether a stroke is under way. */
  get busy() {
    return this.#live !== null;
  }
  get canUndo() {
    return this.#past.length > 0;
  }
  get canRedo() {
    return this.#future.length > 0;
  }

  /** What to paint: the finished strokes and the one under way. */
  get ink() {
    return this.#live ? [...this.strokes, this.#live] : this.strokes;
  }

  /**
   * Starts a stroke; one that is still under way is finished first.
   * @param {Point} point
   * @param {number} width
   */
  begin(point, width) {
    this.end();
    this.#live = { width, points: [point] };
    this.#tell("begin");
  }

  /** @param {Point[]} points */
  extend(points) {
    if (!this.#live || !points.length) return;
    this.#live.points.push(...points);
    this.#tell("extend");
  }

  end() {
    if (!this.#live) return;
    const stroke = this.#live;
    this.#live = null;
    this.#step([...this.strokes, stroke], "end");
  }

  /** Drops the stroke under way, as if it had never begun. */
  cancel() {
    if (!this.#live) return;
    this.#live = null;
    this.#tell("undo");
  }

  /**
   * Removes whole strokes within `reach` of the point; says whether there were any.
   * @param {Position} point
   * @param {number} reach
   */
  erase(point, reach) {
    const kept = this.strokes.filter((stroke) => !touches(stroke, point, reach));
    if (kept.length === this.strokes.length) return false;
    this.#step(kept, "erase");
    return true;
  }

  clear() {
    this.end();
    if (this.strokes.length) this.#step([], "clear");
  }

  /**
   * Puts other strokes onto the paper; undo brings the old ones back.
   * @param {Stroke[]} strokes
   */
  replace(strokes) {
    this.end();
    this.#step(strokes, "replace");
  }

  /** @param {boolean} wide */
  widen(wide) {
    this.width = wide ? 2 * PAPER : PAPER;
    this.#tell("widen");
  }

  undo() {
    this.end();
    const before = this.#past.pop();
    if (!before) return;
    this.#future.push(this.strokes);
    this.strokes = before;
    this.#tell("undo");
  }

  redo() {
    this.end();
    const after = this.#future.pop();
    if (!after) return;
    this.#past.push(this.strokes);
    this.strokes = after;
    this.#tell("redo");
  }

  /**
   * @param {Stroke[]} strokes
   * @param {Change} what
   */
  #step(strokes, what) {
    this.#past.push(this.strokes);
    if (this.#past.length > STEPS) this.#past.shift();
    this.#future = [];
    this.strokes = strokes;
    this.#tell(what);
  }

  /** @param {Change} what */
  #tell(what) {
    this.dispatchEvent(new CustomEvent("change", { detail: what }));
  }
}
