// The kept drawings on the page: tally, small pictures, export, and forgetting.

import { sketch } from "../draw/sketch.js";
import { save, toCsv, toJson } from "./export.js";
import { tallySentence } from "./history.js";

/**
 * @import { Find } from "../browser/page.js"
 * @import { DrawingRecord, History } from "./history.js"
 */

const SHOWN = 60;
const KEPT = "Drawings are kept in this browser and never leave this machine.";

/** Shows a `History`. */
export class Album {
  #find;
  #history;
  #use;

  /**
   * @param {Find} find
   * @param {History} history
   * @param {(record: DrawingRecord) => void} use gets the drawing that is opened again
   */
  constructor(find, history, use) {
    this.#find = find;
    this.#history = history;
    this.#use = use;
    find("csv").addEventListener("click", () => save(toCsv(this.#chosen()), "digits.csv", "text/csv"));
    find("json").addEventListener("click", () => save(toJson(this.#chosen()), "digits.json", "application/json"));
    find("mine").addEventListener("change", () => this.show());
    find("forget").addEventListener("click", () => this.#forget());
  }

  /** Shows the newest drawings and how often the network was right. */
  show() {
    const records = this.#history.records;
    this.#find("tally").textContent = tallySentence(records);
    this.#sayWhere(this.#history.trouble ?? KEPT);
    this.#find("album").replaceChildren(...records.slice(0, SHOWN).map((record) => this.#item(record)));
    this.#find("forget", HTMLButtonElement).disabled = !records.length;
    for (const id of ["csv", "json"]) this.#find(id, HTMLButtonElement).disabled = !this.#chosen().length;
  }

  /** @param {string} sentence */
  #sayWhere(sentence) {
    const line = this.#find("kept");
    if (line.textContent !== sentence) line.textContent = sentence; // screen readers say it when it is another
  }

  #chosen() {
    const all = this.#history.records;
    return this.#find("mine", HTMLInputElement).checked ? all.filter(({ label }) => label !== null) : all;
  }

  /** @param {DrawingRecord} record */
  #item(record) {
    const item = document.createElement("li");
    const button = item.appendChild(document.createElement("button"));
    button.type = "button";
    button.append(sketch(record.strokes), caption(record));
    button.addEventListener("click", () => this.#use(record));
    return item;
  }

  async #forget() {
    const count = this.#history.records.length;
    if (!confirm(`Forget all ${count} drawings that this browser keeps? This can't be undone.`)) return;
    await this.#history.forgetAll();
    this.show();
  }
}

/** @param {DrawingRecord} record */
function caption({ label, guess }) {
  const text = document.createElement("span");
  const wrong = label !== null && label !== guess;
  text.textContent = wrong ? `${label}, read as ${guess}` : `${guess}`;
  text.className = wrong ? "wrong" : "";
  return text;
}
