// Which model answers, and what the others say.

import { patiently } from "../ask/patience.js";
import { Failure, offer, score } from "../ask/request.js";
import * as settings from "../browser/settings.js";
import { brief } from "./spelling.js";
import { accuracy, tryingAgain } from "./words.js";

/** The menu of models and the comparison. */
export class Models {
  #find;
  #subject;
  /** @type {Card[]} */
  #cards = [];
  #asked = 0;

  /**
   * @param {Find} find
   * @param {() => Subject | null} subject
   * @param {() => void} changed hears of a new choice
   */
  constructor(find, subject, changed) {
    this.#find = find;
    this.#subject = subject;
    find("model").addEventListener("change", () => {
      settings.set("model", find("model", HTMLSelectElement).value);
      this.#describe();
      changed();
    });
    find("compare").addEventListener("click", () => this.compare());
  }

  /** Name of the chosen model, or undefined for the server's own choice. */
  get chosen() {
    return this.#find("model", HTMLSelectElement).value || undefined;
  }

  /** @param {string} name */
  title(name) {
    return this.#cards.find((card) => card.name === name)?.title ?? name;
  }

  /** Asks the server what there is; without an answer there is no menu, and the server chooses. */
  async load() {
    try {
      this.#fill(await patiently(offer));
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure; // else drawing will say what is wrong, where it is looked for
    }
  }

  /** The answer the comparison was about is gone. */
  clear() {
    this.#asked += 1;
    this.#find("compared").hidden = true;
    this.#find("compare", HTMLButtonElement).disabled = !this.#subject();
  }

  /** Lets every model read the picture, one after another, and shows the answers as they come. */
  async compare() {
    const subject = this.#subject();
    if (!subject) return;
    const mine = ++this.#asked;
    const rows = this.#cards.map(({ name }) => row(this.title(name)));
    this.#find("compared-rows").replaceChildren(...rows.map(({ line }) => line));
    this.#find("compared").hidden = false;
    for (const [i, { name }] of this.#cards.entries()) {
      const wanted = () => mine === this.#asked;
      /** @param {Trouble} failure */
      const waits = (failure) => rows[i].say(["…", tryingAgain(failure)]);
      const said = await opinion(subject.picture, name, { wanted, waits });
      if (!wanted()) return;
      rows[i].say(said);
    }
  }

  /** @param {Offer} offer */
  #fill({ models = [], default: standard = "" }) {
    this.#cards = models;
    const remembered = settings.get("model", standard);
    const options = models.map((card) => new Option(card.title ?? card.name, card.name));
    this.#find("model").replaceChildren(...options);
    this.#find("model", HTMLSelectElement).value = models.some(({ name }) => name === remembered)
      ? remembered
      : standard;
    this.#find("models").hidden = models.length < 2;
    this.#find("compare").hidden = models.length < 2;
    this.#describe();
  }

  #describe() {
    const card = this.#cards.find(({ name }) => name === this.chosen);
    const known = accuracy(card);
    this.#find("card").textContent = known && `right on ${known} of MNIST's test`;
  }
}

/**
 * @param {Picture} picture
 * @param {string} model
 * @param {Patience} patience
 * @returns {Promise<string[]>} the digit or number, and how sure the model is
 */
async function opinion(picture, model, patience) {
  try {
    return brief(await patiently(() => score(picture, { model }), patience));
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    return ["–", failure.message];
  }
}

/** @param {string} title */
function row(title) {
  const line = document.createElement("tr");
  const head = line.appendChild(document.createElement("th"));
  head.scope = "row";
  head.textContent = title;
  const cells = [0, 1].map(() => line.appendChild(document.createElement("td")));
  cells[0].textContent = "…";
  /** @param {string[]} words */
  const say = (words) =>
    cells.forEach((cell, i) => {
      cell.textContent = words[i];
    });
  return { line, say };
}
