// Some browsers alter what a page reads back from a canvas, so that nobody can be told by it. Then the picture
// that would be sent is not the one that was drawn.

import { context2d } from "./page.js";

const SIDE = 16; // pixels
const VISIBLE = 32; // of 255: less than this does not change what a network reads

/** Whether this browser hands out canvas pixels as they were drawn. */
export function readsBackTruly() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = context2d(canvas, { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
  const blank = canvas.toDataURL("image/png");
  context.fillStyle = "#000";
  context.fillRect(0, 0, SIDE / 2, SIDE);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return canvas.toDataURL("image/png") !== blank && data.every((value, i) => Math.abs(value - expected(i)) < VISIBLE);
}

/** @param {number} i */
function expected(i) {
  const left = (i >> 2) % SIDE < SIDE / 2;
  return i % 4 < 3 && left ? 0 : 255;
}
