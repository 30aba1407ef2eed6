// From strokes to pixels: the same few lines draw for the screen and for the network.

import { context2d } from "../browser/page.js";
import { curves, PAPER } from "./geometry.js";

/** @import { Curve, Stroke } from "./geometry.js" */

/**
 * Draws strokes onto a 2D context whose unit is the paper's.
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke[]} strokes
 * @param {string} colour
 */
export function paint(context, strokes, colour) {
  context.strokeStyle = colour;
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const stroke of strokes) line(context, curves(stroke));
}

/**
 * One path as long as the width stays the same: separate pieces would show their seams.
 * @param {CanvasRenderingContext2D} context
 * @param {Curve[]} pieces
 */
function line(context, pieces) {
  pieces.forEach(({ from, bend, to, width }, i) => {
    if (i === 0 || width !== pieces[i - 1].width) {
      if (i > 0) context.stroke();
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(from.x, from.y);
    }
    context.quadraticCurveTo(bend.x, bend.y, to.x, to.y);
  });
  context.stroke();
}

/**
 * The picture to send: black ink on white paper, 280 x 280 pixels, whatever the screen shows.
 * Returns a PNG data URL.
 * @param {Stroke[]} strokes
 */
export function toPng(strokes) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = PAPER;
  const context = context2d(canvas, { alpha: false });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, PAPER, PAPER);
  paint(context, strokes, "#000");
  return canvas.toDataURL("image/png");
}
