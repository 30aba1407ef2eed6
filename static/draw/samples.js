// Digits to try for who has nothing at hand, as strokes, in the styles of several countries.

import { PAPER } from "./geometry.js";
import { DRAWN, READ } from "./read.js";
import { sketch } from "./sketch.js";

const WIDTH = 16;

// [digit, how and where it is written so, strokes]; a stroke is x, y, x, y ... on a grid of 100 x 100.
// A corner is a point given twice: the line is smoothed from midpoint to midpoint. Drawn for this page.
/** @type {[number, string, string][]} */
const SAMPLES = [
  [1, "a stroke: North America, Korea, Japan", "51 14 50 50 50 86"],
  [1, "with a flag: Germany, Poland", "37 34 54 14 54 14 54 50 53 87"],
  [1, "with a long flag: France, Czechia", "22 52 38 36 56 13 56 13 56 50 56 88"],
  [1, "with flag and foot: as it is printed", "34 32 52 14 52 14 52 86|32 86 72 86"],
  [4, "open: North America, Germany", "36 14 24 56 24 56 78 56|64 30 62 88"],
  [4, "closed: as it is printed", "62 88 64 12 64 12 22 62 22 62 80 62"],
  [4, "open, with a long stem", "50 12 22 60 22 60 80 58|58 40 52 90"],
  [7, "plain: North America, Britain", "24 16 24 16 76 15 76 15 56 48 44 87"],
  [7, "with a bar: continental Europe, Latin America", "24 18 24 18 76 16 76 16 54 50 42 88|34 52 70 50"],
  [7, "with a hook: Japan, Korea, Taiwan", "26 34 27 15 27 15 74 16 74 16 58 48 50 88"],
  [9, "with a straight stem: North America", "68 34 60 16 40 16 30 34 42 50 60 46 70 28 70 28 69 58 66 88"],
  [9, "with a curved tail: much of Europe", "69 32 56 13 36 20 32 40 50 52 68 40 70 28 70 62 56 86 32 82"],
  [0, "plain: nearly everywhere", "54 16 34 20 24 48 32 78 52 84 70 76 77 48 68 22 52 16"],
  [0, "with a slash: engineers", "54 16 34 20 24 48 32 78 52 84 70 76 77 48 68 22 52 16|76 16 26 86"],
  [2, "", "26 34 32 16 56 13 70 30 60 52 26 85 26 85 76 84"],
  [3, "", "28 20 48 12 68 22 64 42 44 48 44 48 66 54 72 72 54 87 26 80"],
  [5, "", "36 16 32 46 32 46 52 40 72 54 70 76 50 88 26 80|36 16 74 15"],
  [6, "", "64 12 42 28 28 58 34 82 54 88 70 74 62 56 44 56 32 70"],
  [8, "", "66 24 50 12 34 24 40 42 60 56 68 74 50 88 32 76 40 56 60 42 66 24"],
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
    ...samples().map((sample, i) => {
      const item = document.createElement("li");
      const button = item.appendChild(document.createElement("button"));
      const words = document.createElement("span");
      const often = document.createElement("small");
      button.type = "button";
      button.title = `${sample.digit} ${sample.style}`.trim();
      button.setAttribute("aria-label", `Sample: ${button.title}. ${READ[i]} of ${DRAWN} like it are read right`);
      words.textContent = sample.style;
      often.textContent = `${READ[i]} of ${DRAWN}`;
      button.append(sketch(sample.strokes), words, often);
      button.addEventListener("click", () => use(sample.strokes));
      return item;
    }),
  );
}
