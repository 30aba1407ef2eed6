// Why an answer came out as it did: the heat map. Asked for on demand only.

import { patiently } from "../ask/patience.js";
import { Failure, score } from "../ask/request.js";
import { context2d } from "../browser/page.js";
import { colours, reading } from "./heat.js";
import { parts } from "./spelling.js";
import { NAMES, tryingAgain } from "./words.js";

/** The panel that explains the answer on screen. */
export class Why {
  #find;
  #subject;
  #digits;
  #asked = 0; // an explanation of an earlier question is stale

  /**
   * @param {Find} find
   * @param {() => Subject | null} subject
   */
  constructor(find, subject) {
    this.#find = find;
    this.#subject = subject;
    this.#digits = NAMES.map((_, digit) => choice(digit, () => this.evidence(digit)));
    find("why-digits").append(...this.#digits.map(({ label }) => label));
    find("why").addEventListener("click", () => this.evidence());
    this.clear();
  }

  /** Takes away explanations: the answer they were about is gone. */
  clear() {
    this.#asked += 1;
    this.#find("heat").hidden = true;
    this.#find("why-says").textContent = "";
    this.#find("why", HTMLButtonElement).disabled = !this.#subject();
  }

  /**
   * Shows what spoke for a digit; without one, for the winner.
   * @param {number} [digit]
   */
  async evidence(digit) {
    const subject = this.#subject();
    if (!subject) return;
    const part = subject.at === undefined ? subject.reply : parts(subject.reply)[subject.at];
    const shown = digit ?? part.digit;
    const reply = await this.#ask(subject, { explain: "1", digit: shown });
    if (!reply) return;
    if (!Array.isArray(reply.evidence)) return this.#says("This model can't say why.");
    this.#digits[shown].input.checked = true;
    this.#find("heat").hidden = false;
    this.#find("heat-seen", HTMLImageElement).src = part.seen ?? "";
    heat(this.#find("heat-map", HTMLCanvasElement), reply.evidence);
    this.#says(reading(reply.evidence, NAMES[shown]));
  }

  /**
   * @param {Subject} subject
   * @param {Query} query
   */
  async #ask({ picture, model, at }, query) {
    const mine = ++this.#asked;
    const wanted = () => mine === this.#asked;
    /** @param {Trouble} failure */
    const waits = (failure) => this.#says(tryingAgain(failure));
    this.#says("Working it out…");
    try {
      const reply = await patiently(() => score(picture, { model, at, ...query }), { wanted, waits });
      return wanted() ? reply : null;
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      if (wanted()) this.#says(failure.message);
      return null;
    }
  }

  /** @param {string} text */
  #says(text) {
    this.#find("why-says").textContent = text;
  }
}

/**
 * @param {number} digit
 * @param {() => void} chosen
 */
function choice(digit, chosen) {
  const label = document.createElement("label");
  const input = label.appendChild(document.createElement("input"));
  input.type = "radio";
  input.name = "why-digit";
  input.value = String(digit);
  input.addEventListener("change", chosen);
  label.append(` ${digit}`);
  return { label, input };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number[][]} evidence
 */
function heat(canvas, evidence) {
  canvas.width = canvas.height = evidence.length;
  context2d(canvas).putImageData(new ImageData(colours(evidence), evidence.length), 0, 0);
}
