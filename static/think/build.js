// Elements and pixels, for what is built on demand, and how it asks.

import { Asker } from "../ask/asker.js";
import { context2d } from "../browser/page.js";
import { colours } from "../show/heat.js";
import { tryingAgain } from "../show/words.js";

const NOTHING = [24, 28, 58]; // the colour of a value of 0; the highest is white

/** @type {think.Fill} */
export function filled(element, attributes, inside) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  element.append(...inside);
  return element;
}

/** @type {think.Make} */
export const make = (tag, attributes = {}, ...inside) => filled(document.createElement(tag), attributes, inside);

/** @type {think.Svg} */
export const svg = (tag, attributes = {}, ...inside) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, inside);

/** @type {think.Picture} one pixel a value */
export function picture(levels, width) {
  const canvas = make("canvas", { width, height: levels.length / width });
  const pixels = new Uint8ClampedArray(levels.length * 4);
  for (const [i, level] of levels.entries()) {
    const bright = Math.sqrt(level / 255); // so that what is weak can be seen beside one bright spot
    pixels.set([...NOTHING.map((dark) => dark + (255 - dark) * bright), 255], i * 4);
  }
  context2d(canvas).putImageData(new ImageData(pixels, width), 0, 0);
  return canvas;
}

/** @type {think.Heat} what spoke for a digit and what against it */
export function heat(evidence) {
  const canvas = make("canvas", { width: evidence.length, height: evidence.length });
  context2d(canvas).putImageData(new ImageData(colours(evidence), evidence.length), 0, 0);
  return canvas;
}

/** @type {think.Table} whose first column names its rows; what is too wide for the screen is scrolled */
export function table(caption, head, rows) {
  const top = head.map((name) => make("th", { scope: "col" }, name));
  const lines = rows.map(([name, ...cells]) =>
    make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((text) => make("td", {}, text))),
  );
  const body = [make("thead", {}, make("tr", {}, ...top)), make("tbody", {}, ...lines)];
  const sheet = make("table", { class: "plain" }, make("caption", {}, caption), ...body);
  return make("div", { class: "sheet", tabindex: 0, role: "region", "aria-label": caption }, sheet);
}

/** @type {think.Asking} one question at a time; `says` hears why there is no answer yet, or none */
export function asking(take, ask, answer, says) {
  const quiet = () => {};
  return new Asker({
    take,
    ask,
    tell: {
      waiting: quiet,
      asking: quiet,
      rest: quiet,
      answer,
      trouble: (failure, { again }) => says(again ? tryingAgain(failure) : failure.message),
    },
  });
}
