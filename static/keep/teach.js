// Correcting an answer, and keeping every drawing with it.

import { NAMES } from "../show/words.js";
import { greys } from "./png.js";

/**
 * @import { Reply } from "../ask/request.js"
 * @import { Find } from "../browser/page.js"
 * @import { Stroke } from "../draw/geometry.js"
 * @import { Album } from "./album.js"
 * @import { DrawingRecord, History } from "./history.js"
 */

/** The ten buttons that say what a drawing really was. Keeps drawings in a `History` and shows them in an `Album`. */
export class Teach {
  #history;
  #album;
  #buttons;
  /** @type {WeakMap<Stroke, string>} the id of the drawing that a stroke belongs to, also after undo */
  #ids = new WeakMap();
  /** @type {string | null} id of the drawing that the answer on screen is about */
  #current = null;

  /**
   * @param {Find} find
   * @param {History} history
   * @param {Album} album
   */
  constructor(find, history, album) {
    this.#history = history;
    this.#album = album;
    this.#buttons = NAMES.map((name, digit) => this.#button(name, digit));
    find("labels").replaceChildren(...this.#buttons);
    this.nothing();
  }

  /** There is no drawing with an answer to correct. */
  nothing() {
    this.#current = null;
    this.#mark(null);
  }

  /**
   * A drawing has been answered: keeps it, or updates what is kept of it.
   * @param {Stroke[]} strokes
   * @param {Reply} reply
   */
  async answered(strokes, reply) {
    if (!strokes.length || !reply.seen) return;
    const id = this.#idOf(strokes);
    const pixels = await greys(reply.seen);
    const before = this.#history.get(id);
    this.#current = id;
    await this.#keep({
      id,
      when: before?.when ?? Date.now(),
      guess: reply.digit,
      confidence: reply.confidence,
      label: before?.label ?? null,
      strokes,
      pixels,
    });
  }

  /**
   * A person says which digit it was. Promises whether there was a drawing to say it of.
   * @param {number} digit
   */
  async label(digit) {
    const record = this.#current === null ? undefined : this.#history.get(this.#current);
    if (!record) return false;
    await this.#keep({ ...record, label: digit });
    return true;
  }

  /**
   * Makes the strokes of a kept drawing known as that drawing.
   * @param {DrawingRecord} record
   */
  recognise(record) {
    for (const stroke of record.strokes) this.#ids.set(stroke, record.id);
  }

  /** @param {DrawingRecord} record */
  async #keep(record) {
    await this.#history.keep(record);
    if (record.id === this.#current) this.#mark(record);
    this.#album.show();
  }

  /** @param {Stroke[]} strokes */
  #idOf(strokes) {
    const known = strokes.map((stroke) => this.#ids.get(stroke)).find((id) => id !== undefined);
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

  /** @param {DrawingRecord | null} record */
  #mark(record) {
    this.#buttons.forEach((button, digit) => {
      button.disabled = !record;
      button.setAttribute("aria-pressed", String(record?.label === digit));
    });
  }
}
