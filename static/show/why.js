// Why an answer came out as it did: the heat map, and a look inside the network. Asked for on demand only.

import { colours, reading } from "./heat.js";
import { patiently } from "../ask/patience.js";
import { Failure, score } from "../ask/request.js";
import { NAMES, tryingAgain } from "./words.js";

/** The panel that explains the answer on screen. `subject()` gives {picture, reply, model}, or null without one. */
export class Why {
  #find;
  #subject;
  #digits;
  #asked = 0; // an explanation of an earlier question is stale

  constructor(find, subject) {
    this.#find = find;
    this.#subject = subject;
    this.#digits = NAMES.map((name, digit) => choice(digit, () => this.evidence(digit)));
    find("why-digits").append(...this.#digits.map(({ label }) => label));
    find("why").addEventListener("click", () => this.evidence());
    find("inside").addEventListener("click", () => this.layers());
    this.clear();
  }

  /** Takes away explanations: the answer they were about is gone. */
  clear() {
    this.#asked += 1;
    for (const id of ["heat", "layers"]) this.#find(id).hidden = true;
    this.#find("why-says").textContent = "";
    for (const id of ["why", "inside"]) this.#find(id).disabled = !this.#subject();
  }

  /** Shows what spoke for a digit; without one, for the winner. */
  async evidence(digit) {
    const subject = this.#subject();
    if (!subject) return;
    const shown = digit ?? subject.reply.digit;
    const reply = await this.#ask(subject, { explain: "1", digit: shown });
    if (!reply) return;
    if (!Array.isArray(reply.evidence)) return this.#says("This model can't say why.");
    this.#digits[shown].input.checked = true;
    this.#find("heat").hidden = false;
    this.#find("heat-seen").src = reply.seen;
    heat(this.#find("heat-map"), reply.evidence);
    this.#says(reading(reply.evidence, NAMES[shown]));
  }

  /** Shows what the convolution layers made of the picture. */
  async layers() {
    const subject = this.#subject();
    if (!subject) return;
    const reply = await this.#ask(subject, { explain: "layers" });
    if (!reply) return;
    if (!Array.isArray(reply.layers)) return this.#says("This model has no layers to look into.");
    this.#find("layers").hidden = false;
    this.#find("layers").replaceChildren(...reply.layers.map(layer));
    this.#says("");
  }

  async #ask({ picture, model }, options) {
    const mine = ++this.#asked;
    const wanted = () => mine === this.#asked;
    const waits = (failure) => this.#says(tryingAgain(failure));
    this.#says("Working it out…");
    try {
      const reply = await patiently(() => score(picture, { model, ...options }), { wanted, waits });
      return wanted() ? reply : null;
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      if (wanted()) this.#says(failure.message);
      return null;
    }
  }

  #says(text) {
    this.#find("why-says").textContent = text;
  }
}

function choice(digit, chosen) {
  const label = document.createElement("label");
  const input = label.appendChild(document.createElement("input"));
  input.type = "radio";
  input.name = "why-digit";
  input.value = digit;
  input.addEventListener("change", chosen);
  label.append(` ${digit}`);
  return { label, input };
}

function heat(canvas, evidence) {
  canvas.width = canvas.height = evidence.length;
  canvas.getContext("2d").putImageData(new ImageData(colours(evidence), evidence.length), 0, 0);
}

function layer({ name, note, maps }) {
  const figure = document.createElement("figure");
  const caption = figure.appendChild(document.createElement("figcaption"));
  const title = caption.appendChild(document.createElement("strong"));
  title.textContent = name;
  caption.append(` ${note}`);
  const strip = figure.appendChild(document.createElement("div"));
  strip.className = "maps";
  strip.append(...maps.map((url, i) => map(url, `${name}, map ${i + 1} of ${maps.length}`)));
  return figure;
}

function map(url, words) {
  const image = document.createElement("img");
  image.src = url;
  image.alt = words;
  return image;
}
