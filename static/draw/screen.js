// The visible canvas: as many pixels as the screen has, redrawn from the strokes whenever either changes.

import { context2d } from "../browser/page.js";
import { PAPER } from "./geometry.js";
import { paint } from "./paint.js";

/** Keeps a canvas showing a drawing. Its ink has the canvas's CSS colour, so that a theme decides. */
export class Screen {
  #canvas;
  #drawing;
  #frame = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Drawing} drawing
   */
  constructor(canvas, drawing) {
    this.#canvas = canvas;
    this.#drawing = drawing;
    drawing.addEventListener("change", () => this.redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    matchMedia("print").addEventListener("change", () => this.#draw()); // at once: no frame is shown before the print
    this.#watchSize();
  }

  /**
   * Where on the paper an event happened.
   * @param {{clientX: number, clientY: number}} event
   * @returns {Position}
   */
  toPaper({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    const scale = PAPER / box.height;
    return { x: (clientX - box.left) * scale, y: (clientY - box.top) * scale };
  }

  /** Redraws with the next frame; any number of calls before it are one. */
  redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const canvas = this.#canvas;
    const context = context2d(canvas);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.scale(canvas.height / PAPER, canvas.height / PAPER);
    paint(context, this.#drawing.ink, getComputedStyle(canvas).color);
  }

  #watchSize() {
    new ResizeObserver(() => this.#fit()).observe(this.#canvas);
    addEventListener("resize", () => this.#fit()); // zooming, or moving to a screen of another density
  }

  #fit() {
    const { clientWidth, clientHeight } = this.#canvas;
    const [width, height] = [clientWidth, clientHeight].map((length) => Math.round(length * devicePixelRatio));
    if (height < 1 || (width === this.#canvas.width && height === this.#canvas.height)) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#draw(); // at once: a canvas that was resized is blank
  }
}
