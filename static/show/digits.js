// The digits of a number: a chip for each, a faint box around each on the paper, and which of them is chosen.

import { nth, parts } from "./spelling.js";
import { stencil } from "./stencil.js";
import { NAMES, percent, shortPercent } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

/** Chips and boxes of a reply. With a single digit there are none, and `at` is undefined. */
export class Digits {
  #find;
  #chosen;
  #boxes = document.createElementNS(SVG, "svg");
  /** @type {HTMLButtonElement[]} */
  #chips = [];
  /** @type {number | undefined} index of the chosen digit */
  at = undefined;

  /**
   * @param {Find} find
   * @param {(at: number) => void} chosen hears which digit a person chose
   */
  constructor(find, chosen) {
    this.#find = find;
    this.#chosen = chosen;
    find("boxes").append(this.#boxes);
  }

  /**
   * Shows the digits of a reply, or none. The first one that is unsure is chosen, or else the last.
   * @param {Reply | null} reply
   */
  show(reply) {
    const digits = reply ? parts(reply) : [];
    const doubtful = digits.findIndex(({ unsure }) => unsure);
    this.#chips = digits.map((digit, i) => chip(digit, i, () => this.#choose(i)));
    this.#find("chips").replaceChildren(...this.#chips);
    this.#boxes.replaceChildren(...digits.map(({ box }) => rectangle(box)));
    this.#find("answer").toggleAttribute("data-number", digits.length > 0);
    this.#find("typed-field").hidden = !digits.length;
    this.#mark(digits.length ? (doubtful < 0 ? digits.length - 1 : doubtful) : undefined);
  }

  /**
   * Says how large the picture is, in pixels; boxes are measured in them, and lie where it does.
   * @param {Size} size
   */
  fit({ width, height }) {
    this.#boxes.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  /** @param {number} at */
  #choose(at) {
    this.#mark(at);
    this.#chosen(at);
  }

  /** @param {number | undefined} at */
  #mark(at) {
    this.at = at;
    for (const [i, chip] of this.#chips.entries()) chip.setAttribute("aria-pressed", String(i === at));
    for (const [i, box] of [...this.#boxes.children].entries()) box.classList.toggle("chosen", i === at);
  }
}

/**
 * @param {Part} part
 * @param {number} at
 * @param {() => void} chosen
 */
function chip({ digit, confidence, unsure }, at, chosen) {
  const button = document.createElement("button");
  const share = document.createElement("span");
  button.type = "button";
  button.className = unsure ? "unsure" : "";
  button.setAttribute("aria-label", `${nth(at)} digit: ${NAMES[digit]}, ${percent(confidence)} sure`);
  share.textContent = shortPercent(confidence).replace(/\s/g, "");
  button.append(stencil(digit), share);
  button.addEventListener("click", chosen);
  return button;
}

/** @param {number[]} box */
function rectangle([x, y, width, height]) {
  const frame = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ x, y, width, height })) frame.setAttribute(name, String(value));
  return frame;
}
