// From strokes to pixels: the same few lines draw for the screen and for the network.

import { context2d } from "../browser/page.js";
import { curves, PAPER, thin } from "./geometry.js";
import { withText } from "./itxt.js";

const MOST_BYTES = 64 * 1024; // of the strokes: what the server reads of them

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
 * The picture to send: black ink on white paper, 280 pixels high, whatever the screen shows. It has the strokes, too.
 * Returns a PNG data URL.
 * @param {Stroke[]} strokes
 * @param {number} width of the paper
 */
export function toPng(strokes, width = PAPER) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = PAPER;
  const context = context2d(canvas, { alpha: false });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, PAPER);
  paint(context, strokes, "#000");
  const url = canvas.toDataURL("image/png");
  const text = inWords(strokes, width);
  return text.length > MOST_BYTES ? url : withText(url, "strokes", text);
}

/**
 * Strokes as the server takes them: [x, y] in pixels, no farther away than it believes.
 * @param {Stroke[]} strokes
 * @param {number} width
 */
function inWords(strokes, width) {
  /** @param {number} value */
  const near = (value) => Math.round(10 * Math.min(2 * width, Math.max(-width, value))) / 10;
  const points = strokes.map((stroke) => thin(stroke.points).map(({ x, y }) => [near(x), near(y)]));
  return JSON.stringify({ size: [width, PAPER], strokes: points });
}
