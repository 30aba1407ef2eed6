// The picture of a tower: its maps layer by layer, its outputs, and lines from the last maps to one output.

import { bytesOf } from "../browser/base64.js";
import { NAMES } from "../show/words.js";
import { heat, make, picture, svg } from "./build.js";

export const SIDE = 28;
const SHOWN = 8; // maps of a layer
const THICKEST = 9; // pixels of the line for the largest contribution

/** @type {(column: think.Column) => Uint8Array[]} */
export const mapsOf = ({ height, width, shown, maps }) =>
  shown.map((_, i) => bytesOf(maps).subarray(i * height * width, (i + 1) * height * width));

/** @type {think.Find} */
export const find = (within, at) => within.querySelector(`[data-at="${at}"]`);

/** @type {think.Row} */
const row = (name, kind, more, cells) =>
  make("div", { role: "row", class: kind }, make("div", { role: "rowheader" }, make("b", {}, name), ...more), ...cells);

/** @type {think.CellOf} */
const cell = (at, words, ...inside) =>
  make("div", { role: "gridcell", tabindex: -1, "data-at": at, "aria-label": words }, ...inside);

/** @type {think.Rows} picture, layers, outputs; of the layer `whole` all maps */
export function rows({ columns, towers = [], tower = 0, seen, shares, digit, evidence }, whole) {
  const layers = columns.map((column, layer) => {
    const { name, channels, height, width, shown, says } = column;
    const all = layer === whole;
    const told = {
      type: "button",
      "data-at": `all,${layer}`,
      "aria-pressed": `${all}`,
      "aria-label": `all of ${name}`,
    };
    const more = channels > SHOWN ? [make("button", told, `all ${channels}`)] : [];
    const maps = mapsOf(column).slice(0, all ? channels : SHOWN);
    const cells = maps.map((levels, i) => cell(`${layer},${shown[i]}`, says[i], picture(levels, width)));
    return row(name, all ? "layer whole" : "layer", [make("small", {}, `${height} × ${width}`), ...more], cells);
  });
  const outputs = NAMES.map((name, each) => {
    const output = (towers[tower]?.logits ?? shares)[each].toFixed(2);
    const bar = make("i");
    bar.style.setProperty("--share", `${shares[each]}`);
    const one = cell(`digit,${each}`, `${name}: ${output}`, make("b", {}, `${each}`), bar, make("span", {}, output));
    one.ariaSelected = `${each === digit}`;
    return one;
  });
  const spoke = evidence ? [heat(evidence)] : [];
  const drawing = cell("-1,0", `seen ${towers[tower]?.view ?? "upright"}`, picture(bytesOf(seen), SIDE), ...spoke);
  return [row("picture", "picture", [], [drawing]), ...layers, row("outputs", "outputs", [], outputs)];
}

/** @param {Element} net whose rows may stand side by side */
const sideways = (net) => getComputedStyle(net).flexDirection === "row";

/** @type {think.Next} the cell that an arrow key leads to */
export function next(net, from, [x, y]) {
  const [along, across] = sideways(net) ? [y, x] : [x, y];
  const lines = [...net.children].map(({ children }) => /** @type {HTMLElement[]} */ ([...children]).slice(1));
  const line = lines.findIndex((cells) => cells.includes(from));
  const to = lines[line + across] ?? lines[line];
  return to[Math.min(Math.max(lines[line].indexOf(from) + along, 0), to.length - 1)];
}

/** @type {think.Lines} from the last maps to the digit's output */
export function lines(net, { columns, contributions, digit }) {
  if (!contributions) return [];
  const wide = sideways(net);
  const box = net.getBoundingClientRect();
  /** @type {(at: string, end: number) => number[]} the middle of a cell's edge */
  const edge = (at, end) => {
    const { left, top, width, height } = /** @type {Element} */ (find(net, at)).getBoundingClientRect();
    return [left - box.left + width * (wide ? end : 0.5), top - box.top + height * (wide ? 0.5 : end)];
  };
  const [x, y] = edge(`digit,${digit}`, 0);
  const most = Math.max(...contributions.map(Math.abs));
  const last = columns.length - 1;
  return columns[last].shown.slice(0, SHOWN).map((channel) => {
    const adds = contributions[channel];
    const [a, b] = edge(`${last},${channel}`, 1);
    const bend = wide ? `${(a + x) / 2} ${b} ${(a + x) / 2} ${y}` : `${a} ${(b + y) / 2} ${x} ${(b + y) / 2}`;
    const thick = Math.max(0.5, (THICKEST * Math.abs(adds)) / most);
    return svg("path", {
      d: `M${a} ${b}C${bend} ${x} ${y}`,
      class: adds < 0 ? "takes" : "adds",
      "stroke-width": thick,
    });
  });
}
