// A closer look: the picture as the tower sees it, one map, and how one value of the map comes about.

import { bytesOf } from "../browser/base64.js";
import { filled, make, picture, svg } from "./build.js";
import { mapsOf, SIDE } from "./grid.js";

/** @type {Record<string, number[]>} columns and rows to go */
export const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/** @type {think.Lens} `framed` hears of the pixels that are framed, or that none are */
export function lens({ columns, seen, cell, contributions }, layer, channel, place, choose, framed) {
  const levels = bytesOf(seen);
  const says = make("p", { role: "status" }, "Point at the picture to read a pixel; choose a map to see it large.");
  const [drawing, frame] = view(levels, SIDE, "pixels", "The picture as it is seen", "pointermove", ([r, c]) => {
    says.textContent = `Row ${r}, column ${c}: ${(levels[r * SIDE + c] / 255).toFixed(2)} of full ink.`;
    frame(r, c, 1);
  });
  const column = columns[layer];
  const map = column && mapsOf(column)[column.shown.indexOf(channel)];
  if (!map) {
    framed();
    return [drawing, make("div", {}, says)];
  }
  const { width, top, name, note, field } = column;
  const brightest = map.indexOf(Math.max(...map));
  const [r, c] = place ?? [Math.floor(brightest / width), brightest % width];
  const [large, mark] = view(map, width, "map", "This map; arrow keys choose a value", "click", choose, [r, c]);
  mark(r, c, 1);
  /** @type {think.Frame} */
  const pixels = [field.start + field.step * r, field.start + field.step * c, field.size];
  frame(...pixels);
  framed(pixels);
  const value = ((map[r * width + c] * top) / 255).toFixed(2);
  const depends = `It depends on the ${field.size} × ${field.size} pixels in the frame. ${note}`;
  const [which] = column.says[column.shown.indexOf(channel)].split(",");
  says.textContent = `${name}, ${which}, row ${r}, column ${c}: ${value}. ${depends}`;
  const known = cell && `${cell.at}` === `${[layer, channel, r, c]}`;
  const more = known ? sums(cell, layer) : contributions ? ["Choose a place on the map to see its sum."] : [];
  return [drawing, large, make("div", {}, says, ...more)];
}

/** @type {think.View} */
function view(levels, width, at, words, how, chosen, from) {
  const height = levels.length / width;
  const frame = svg("rect");
  const told = { class: "view", tabindex: 0, role: "application", "aria-label": words, "data-at": at };
  const element = make("div", told, picture(levels, width), svg("svg", { viewBox: `0 0 ${width} ${height}` }, frame));
  let [row, column] = from ?? [0, 0];
  /** @type {(r: number, c: number) => void} */
  const go = (r, c) => {
    row = Math.min(height - 1, Math.max(0, Math.floor(r)));
    column = Math.min(width - 1, Math.max(0, Math.floor(c)));
    chosen([row, column]);
  };
  element.addEventListener(how, ({ offsetX, offsetY }) =>
    go((offsetY / element.offsetHeight) * height, (offsetX / element.offsetWidth) * width),
  );
  element.addEventListener("keydown", (event) => {
    if (!ARROWS[event.key]) return;
    event.preventDefault();
    go(row + ARROWS[event.key][1], column + ARROWS[event.key][0]);
  });
  return [element, (y, x, side) => filled(frame, { x, y, width: side, height: side }, [])];
}

/** @type {think.Sums} each number times its weight, and the sums */
function sums({ inputs, says }, layer) {
  const tables = inputs.map(({ channel, values, weights, sum }) => {
    /** @type {(value: number, weight: number) => Node} */
    const times = (value, weight) => make("td", {}, value.toFixed(2), make("small", {}, `× ${weight.toFixed(2)}`));
    const rows = values.map((line, r) => make("tr", {}, ...line.map((value, c) => times(value, weights[r][c]))));
    const from = layer ? `map ${channel} of the layer before` : "the picture";
    return make("table", {}, make("caption", {}, `From ${from}: ${sum.toFixed(2)}`), ...rows);
  });
  return [make("div", { class: "windows" }, ...tables), make("p", {}, says)];
}
