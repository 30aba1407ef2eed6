// The kept drawings on the page: tally, small pictures, export, and forgetting.

import { sketch } from "../draw/sketch.js";
import { SHOWN } from "./history.js";

const KEPT = "Drawings are kept in this browser and never leave this machine.";

/** Shows a `History`. */
export class Album {
  #find;
  #history;
  #use;

  /**
   * @param {Find} find
   * @param {Drawings} history
   * @param {(record: DrawingRecord) => void} use gets the drawing that is opened again
   */
  constructor(find, history, use) {
    this.#find = find;
    this.#history = history;
    this.#use = use;
    find("csv").addEventListener("click", () => this.#save("csv"));
    find("json").addEventListener("click", () => this.#save("json"));
    find("mine").addEventListener("change", () => this.show());
    find("forget").addEventListener("click", () => this.#forget());
  }

  /** Shows the newest drawings and how often the network was right. */
  show() {
    const { newest, counts } = this.#history;
    const chosen = this.#mine ? counts.labelled : counts.all;
    this.#find("tally").textContent = tallySentence(counts);
    this.#sayWhere(this.#history.trouble ?? KEPT);
    this.#find("album").replaceChildren(...newest.slice(0, SHOWN).map((record) => this.#item(record)));
    this.#find("forget", HTMLButtonElement).disabled = !counts.all;
    for (const id of ["csv", "json"]) this.#find(id, HTMLButtonElement).disabled = !chosen;
  }

  /** @param {string} sentence */
  #sayWhere(sentence) {
    const line = this.#find("kept");
    if (line.textContent === sentence) return; // screen readers say it when it is another
    if (sentence !== KEPT) this.#find("drawings", HTMLDetailsElement).open = true;
    line.textContent = sentence;
  }

  get #mine() {
    return this.#find("mine", HTMLInputElement).checked;
  }

  /** @param {"csv" | "json"} kind */
  async #save(kind) {
    const mine = this.#mine;
    const { saveAll } = await import("./export.js");
    await saveAll(kind, this.#history, mine);
    this.#sayWhere(this.#history.trouble ?? KEPT); // some may have been left out
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
    if (!confirm(`Forget all ${this.#history.counts.all} drawings that this browser keeps? This can't be undone.`))
      return;
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

/**
 * How often the network was right, as a sentence. What nobody corrected counts as right.
 * @param {Counts} counts
 */
export function tallySentence({ all, corrected }) {
  if (!all) return "Nothing kept yet.";
  return `Right ${all - corrected} of ${all} here${corrected ? `; you corrected ${corrected}` : ": you corrected none"}.`;
}
