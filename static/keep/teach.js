// Correcting an answer, and keeping every drawing with it: a record for each digit.

import { shared, squared } from "../draw/share.js";
import { parts } from "../show/spelling.js";
import { NAMES } from "../show/words.js";
import { NOT_FORGOTTEN } from "./history.js";
import { greys } from "./png.js";

/**
 * The ten buttons that say what a digit really was, and the field for a whole number. Keeps digits in a `History` and
 * shows them in an `Album`.
 */
export class Teach {
  #history;
  #album;
  #buttons;
  #typed;
  /** @type {WeakMap<Stroke, string>} the id of the digit that a stroke belongs to, also after undo */
  #ids = new WeakMap();
  /** @type {Stroke[]} what the answer on screen is about */
  #strokes = [];
  /** @type {Map<string, DrawingRecord | undefined>} its digits by their ids, as they are kept */
  #current = new Map();
  #at = 0;

  /**
   * @param {Find} find
   * @param {Drawings} history
   * @param {Album} album
   */
  constructor(find, history, album) {
    this.#history = history;
    this.#album = album;
    this.#buttons = NAMES.map((name, digit) => this.#button(name, digit));
    this.#typed = find("typed", HTMLInputElement);
    this.#typed.addEventListener("change", () => this.#number(this.#typed.value));
    this.#typed.addEventListener("input", () => this.#typed.setCustomValidity(""));
    find("labels").replaceChildren(...this.#buttons);
    this.nothing();
  }

  /** There is no drawing with an answer to correct. */
  nothing() {
    this.#current = new Map();
    this.#strokes = [];
    this.choose(0);
  }

  /**
   * The buttons are about this digit of a number, or about the only one.
   * @param {number} at
   */
  choose(at) {
    this.#at = at;
    this.#mark();
  }

  /**
   * A drawing has been answered: keeps it, or updates what is kept of it.
   * @param {Stroke[]} strokes
   * @param {Reply} reply
   */
  async answered(strokes, reply) {
    const digits = this.#digits(strokes, reply);
    const goesOn = strokes.some((stroke) => this.#strokes.includes(stroke));
    const gone = goesOn ? [...this.#current.keys()].filter((old) => !digits.some(({ id }) => id === old)) : [];
    this.#strokes = strokes;
    this.#current = new Map(digits.map(({ id }) => [id, this.#current.get(id)]));
    this.#typed.value = "";
    for (const id of gone) await this.#drop(id);
    for (const digit of digits) await this.#answered(digit);
  }

  /** @param {Digit} digit */
  async #answered({ id, strokes, reading }) {
    if (!strokes.length || !reading.seen) return;
    const pixels = await greys(reading.seen);
    if (!this.#current.has(id) && strokes.some((stroke) => this.#strokes.includes(stroke))) return; // another's by now
    await this.#change(id, (before) => ({
      id,
      when: before?.when ?? Date.now(),
      guess: reading.digit,
      confidence: reading.confidence,
      label: before?.label ?? null,
      strokes: squared(strokes),
      pixels,
    }));
  }

  /**
   * A person says which digit it was, if there is a drawing to say it of.
   * @param {number} digit
   */
  async label(digit, at = this.#at) {
    const id = [...this.#current.keys()][at];
    if (id) await this.#change(id, (before) => before && { ...before, label: digit });
  }

  /**
   * A person says which number it was.
   * @param {string} text
   */
  async #number(text) {
    const digits = [...text.replace(/[\s.,-]/g, "")];
    const fits = digits.length === this.#current.size && digits.every((digit) => /^[0-9]$/.test(digit));
    this.#typed.setCustomValidity(fits ? "" : `Type ${this.#current.size} digits: so many were read.`);
    if (!this.#typed.reportValidity()) return;
    for (const [at, digit] of digits.entries()) await this.label(Number(digit), at);
  }

  /**
   * Makes the strokes of a kept drawing known as that drawing.
   * @param {DrawingRecord} record
   */
  recognise(record) {
    for (const stroke of record.strokes) this.#ids.set(stroke, record.id);
  }

  /**
   * @param {string} id
   * @param {Make} make
   */
  async #change(id, make) {
    const record = await this.#history.change(id, make);
    if (this.#current.has(id)) this.#current.set(id, record);
    this.#mark();
    this.#album.show();
  }

  /**
   * What was taken for a digit is part of another one now; what a person said of it is not thrown away.
   * @param {string} id
   */
  async #drop(id) {
    await this.#history.change(id, (before) => (before?.label === null ? null : undefined), NOT_FORGOTTEN);
  }

  /**
   * @param {Stroke[]} strokes
   * @param {Reply} reply
   * @returns {Digit[]}
   */
  #digits(strokes, reply) {
    const all = parts(reply);
    if (!all.length) return [{ id: this.#idOf(strokes), strokes, reading: reply }];
    const shares = shared(
      strokes,
      all.map(({ box }) => box),
    );
    /** @type {Set<string>} */
    const taken = new Set();
    return all.map((reading, i) => {
      const id = this.#idOf(shares[i], taken);
      taken.add(id);
      return { id, strokes: shares[i], reading };
    });
  }

  /**
   * @param {Stroke[]} strokes
   * @param {Set<string>} taken ids of other digits of this drawing
   */
  #idOf(strokes, taken = new Set()) {
    const known = strokes.map((stroke) => this.#ids.get(stroke) ?? "").find((id) => id && !taken.has(id));
    const id = known ?? crypto.getRandomValues(new Uint32Array(2)).join("-");
    for (const stroke of strokes) this.#ids.set(stroke, id);
    return id;
  }

  /**
   * @param {string} name
   * @param {number} digit
   */
  #button(name, digit) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = String(digit);
    button.setAttribute("aria-label", `It was ${name}`);
    button.addEventListener("click", () => this.label(digit));
    return button;
  }

  #mark() {
    const record = [...this.#current.values()][this.#at];
    this.#buttons.forEach((button, digit) => {
      button.disabled = !record;
      button.setAttribute("aria-pressed", String(record?.label === digit));
    });
  }
}
