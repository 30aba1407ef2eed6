// Strokes as a small vector picture: sharp at any size, its ink the colour of the text around it.

import { curves, PAPER } from "./geometry.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An SVG element that shows strokes; it is decoration, whoever uses it gives the words.
 * @param {Stroke[]} strokes
 */
export function sketch(strokes) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${PAPER} ${PAPER}`);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "sketch");
  svg.append(...strokes.map(line));
  return svg;
}

/** @param {Stroke} stroke */
function line(stroke) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", outline(stroke));
  path.setAttribute("stroke-width", String(stroke.width));
  return path;
}

/**
 * A stroke as the text of an SVG path.
 * @param {Stroke} stroke
 */
export function outline(stroke) {
  const [first, ...rest] = curves(stroke);
  /** @param {Curve} curve */
  const bend = ({ bend: b, to }) => `Q${short(b.x)} ${short(b.y)} ${short(to.x)} ${short(to.y)}`;
  return `M${short(first.from.x)} ${short(first.from.y)}${[first, ...rest].map(bend).join("")}`;
}

/** @param {number} number */
const short = (number) => Math.round(number * 10) / 10;
