// A drawing with its answer as one picture, black on white, to be shown elsewhere.

import { context2d } from "../browser/page.js";
import { PAPER } from "../draw/geometry.js";
import { paint } from "../draw/paint.js";
import { shortPercent } from "../show/words.js";
import { save } from "./export.js";

const MARGIN = 24; // pixels
const PANEL = 300;
const ROW = 20;

/**
 * Saves the drawing, the answer below it, and beside it the ten bars.
 * @param {Drawing} drawing
 * @param {string[]} words headline and detail
 * @param {number[]} scores
 */
export function savePicture(drawing, [headline, detail], scores) {
  const canvas = document.createElement("canvas");
  canvas.width = 2 * (drawing.width + PANEL + 3 * MARGIN);
  canvas.height = 2 * (PAPER + 4 * MARGIN);
  const context = context2d(canvas, { alpha: false });
  context.scale(2, 2);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.translate(MARGIN, MARGIN);
  context.strokeStyle = "#999";
  context.strokeRect(0, 0, drawing.width, PAPER);
  context.fillStyle = "#000";
  context.font = "bold 22px sans-serif";
  context.fillText(headline, 0, PAPER + 30, drawing.width);
  context.font = "14px sans-serif";
  context.fillText(detail, 0, PAPER + 54, drawing.width);
  bars(context, drawing.width + MARGIN, scores);
  context.beginPath();
  context.rect(0, 0, drawing.width, PAPER);
  context.clip();
  paint(context, drawing.ink, "#000");
  canvas.toBlob((blob) => blob && save(blob, "digit.png"));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} left
 * @param {number[]} scores
 */
function bars(context, left, scores) {
  for (const [digit, score] of scores.entries()) {
    const y = (digit * PAPER) / 10;
    context.fillText(String(digit), left, y + ROW - 4);
    context.fillText(shortPercent(score), left + PANEL - 60, y + ROW - 4);
    context.fillRect(left + 20, y + 3, score * (PANEL - 90), ROW - 5);
  }
}
