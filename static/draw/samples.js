// Digits to try for who has nothing at hand, as strokes, in the styles of several countries.

import { PAPER } from "./geometry.js";
import { sketch } from "./sketch.js";

/** @import { Stroke } from "./geometry.js" */
/** @typedef {{digit: number, style: string, strokes: Stroke[]}} Sample */

const WIDTH = 16;

// [digit, what is special about it, strokes]; a stroke is x, y, x, y ... on a grid of 100 x 100.
// A corner is a point given twice: the line is smoothed from midpoint to midpoint.
/** @type {[number, string, string][]} */
const SAMPLES = [
  [0, "plain", "54 16 34 20 24 48 32 78 52 84 70 76 77 48 68 22 52 16"],
  [0, "with a slash, as engineers write it", "54 16 34 20 24 48 32 78 52 84 70 76 77 48 68 22 52 16|76 16 26 86"],
  [1, "a single stroke, as in North America", "51 14 50 50 50 86"],
  [1, "with a flag, as in central Europe", "37 34 54 14 54 14 54 50 53 87"],
  [1, "with flag and foot", "34 32 52 14 52 14 52 86|32 86 72 86"],
  [2, "plain", "26 34 32 16 56 13 70 30 60 52 26 85 26 85 76 84"],
  [2, "with a loop", "28 32 36 15 60 14 70 34 52 62 28 82 24 74 36 70 54 84 78 80"],
  [3, "round", "28 20 48 12 68 22 64 42 44 48 44 48 66 54 72 72 54 87 26 80"],
  [3, "with a flat top", "28 15 28 15 70 15 70 15 46 43 46 43 68 50 71 72 52 87 26 80"],
  [4, "open", "36 14 24 56 24 56 78 56|64 30 62 88"],
  [4, "closed", "62 88 64 12 64 12 22 62 22 62 80 62"],
  [5, "in two strokes", "36 16 32 46 32 46 52 40 72 54 70 76 50 88 26 80|36 16 74 15"],
  [6, "plain", "64 12 42 28 28 58 34 82 54 88 70 74 62 56 44 56 32 70"],
  [7, "plain", "24 16 24 16 76 15 76 15 56 48 44 87"],
  [7, "with a bar, as in continental Europe", "24 18 24 18 76 16 76 16 54 50 42 88|34 52 70 50"],
  [8, "plain", "66 24 50 12 34 24 40 42 60 56 68 74 50 88 32 76 40 56 60 42 66 24"],
  [9, "with a straight stem", "68 34 60 16 40 16 30 34 42 50 60 46 70 28 70 28 69 58 66 88"],
  [9, "with a curved tail, as in much of Europe", "69 32 56 13 36 20 32 40 50 52 68 40 70 28 70 62 56 86 32 82"],
];

/**
 * All samples, with strokes as the drawing keeps them.
 * @returns {Sample[]}
 */
export function samples() {
  return SAMPLES.map(([digit, style, text]) => ({ digit, style, strokes: text.split("|").map(stroke) }));
}

/**
 * @param {string} text
 * @returns {Stroke}
 */
function stroke(text) {
  const numbers = text.split(" ").map((number) => (Number(number) / 100) * PAPER);
  const points = [];
  for (let i = 0; i < numbers.length; i += 2) points.push({ x: numbers[i], y: numbers[i + 1], pressure: 0.5 });
  return { width: WIDTH, points };
}

/**
 * Fills a list with a button for each sample; `use` gets the one that is pressed.
 * @param {HTMLElement} list
 * @param {(strokes: Stroke[]) => void} use
 */
export function show(list, use) {
  list.replaceChildren(
    ...samples().map((sample) => {
      const item = document.createElement("li");
      const button = item.appendChild(document.createElement("button"));
      button.type = "button";
      button.title = `${sample.digit} ${sample.style}`;
      button.setAttribute("aria-label", `Sample: ${button.title}`);
      button.append(sketch(sample.strokes));
      button.addEventListener("click", () => use(sample.strokes));
      return item;
    }),
  );
}
