// The answer as people see and hear it: winner, certainty, chart, what the network saw; and trouble in words.

import { Chart } from "./chart.js";
import { parts, summary } from "./spelling.js";
import { stencil } from "./stencil.js";
import { stepsTaken, tryingAgain, verdict } from "./words.js";

const SLOW_MS = 150; // what is faster needs no notice
const VERY_SLOW_MS = 3000;
const PNG = "data:image/png;base64,";

/** The answer panel. Dispatches "change" when it is another. */
export class Answer extends EventTarget {
  #find;
  #chart;
  #drawn = "";
  /** @type {number[]} */
  #timers = [];

  /** @param {Find} find */
  constructor(find) {
    super();
    this.#find = find;
    this.#chart = new Chart(find("scores"));
    this.clear();
  }

  /** Whether it says nothing: neither an answer nor what went wrong. */
  get empty() {
    return this.#find("answer").dataset.state === "empty";
  }

  /** The paper is empty. */
  clear() {
    this.#state("empty");
    this.#draw("·", stencil(null));
    this.#say("Nothing drawn yet", "Draw a digit: the answer appears here.");
    this.#chart.clear();
    this.#seen(null);
    this.announce("");
  }

  /**
   * Shows a reply; `aloud` is false for a drawing that is still growing.
   * @param {Reply} reply
   */
  show(reply, { aloud = true } = {}) {
    const { headline, detail, spoken, unsure } = summary(reply);
    this.#state(unsure ? "unsure" : "sure");
    if (!parts(reply).length) this.#sign(reply);
    this.#say(headline, detail);
    this.#find("steps").textContent = stepsTaken(reply.done);
    this.digit(reply);
    if (aloud) this.announce(spoken);
  }

  /**
   * Shows the scores of a digit, and what the network saw of it.
   * @param {Reading} reading
   */
  digit(reading) {
    this.#chart.show(reading);
    this.#seen(reading);
  }

  /** Says that an answer is awaited, once it is slow enough to be noticed. */
  waiting() {
    this.rest();
    this.#find("answer").setAttribute("aria-busy", "true");
    this.#timers = [
      setTimeout(() => this.#hint("Reading…"), SLOW_MS),
      setTimeout(() => this.#hint("Still waiting for the server. You can go on drawing."), VERY_SLOW_MS),
    ];
  }

  /** The drawing is no longer the one that the answer is about, and nobody has asked again. */
  outdated() {
    if (this.#find("answer").dataset.state === "failed") return this.clear();
    if (this.empty) return this.#hint("Press Predict for an answer.");
    this.#find("answer").dataset.outdated = "";
    this.#hint("The drawing has changed. Press Predict for a new answer.");
  }

  /** Nothing is awaited any more. */
  rest() {
    this.#timers.forEach(clearTimeout);
    this.#timers = [];
    this.#find("answer").setAttribute("aria-busy", "false");
    this.#hint("");
  }

  /**
   * It did not work yet and will be tried again.
   * @param {Trouble} failure
   */
  again(failure) {
    this.#timers.forEach(clearTimeout);
    this.#hint(tryingAgain(failure));
  }

  /**
   * Something went wrong.
   * @param {string} sentence says what, and what to do
   */
  fail(sentence) {
    this.#state("failed");
    this.#draw("!", "!");
    this.#say("No answer", sentence);
    this.#chart.clear();
    this.#seen(null);
    this.announce(sentence);
  }

  /**
   * Tells a screen reader.
   * @param {string} text
   */
  announce(text) {
    this.#find("announce").textContent = text;
  }

  /** @param {string} text */
  #hint(text) {
    this.#find("busy").textContent = text;
  }

  /** @param {"empty" | "sure" | "unsure" | "failed"} name */
  #state(name) {
    this.rest();
    this.#find("answer").dataset.state = name;
    delete this.#find("answer").dataset.outdated;
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Reading} reading */
  #sign(reading) {
    const { first, rival } = verdict(reading);
    if (reading.unsure) this.#draw("?", stencil(first, rival), `${first} ${rival}?`);
    else this.#draw(String(first), stencil(first));
  }

  /**
   * Shows a sign and what it stands for; one that is there already is not written again.
   * @param {string} text
   * @param {SVGElement | string} picture
   */
  #draw(text, picture, sign = text) {
    if (sign === this.#drawn) return;
    this.#drawn = sign;
    const words = document.createElement("span");
    words.className = "unseen";
    words.textContent = text;
    this.#find("sign").replaceChildren(...(text === picture ? [picture] : [picture, words]));
  }

  /**
   * @param {string} headline
   * @param {string} detail
   */
  #say(headline, detail) {
    this.#find("headline").textContent = headline;
    this.#find("detail").textContent = detail;
  }

  /** @param {Reading | null} reading */
  #seen(reading) {
    const image = this.#find("seen", HTMLImageElement);
    const seen = reading?.seen?.startsWith(PNG) ? reading.seen : null;
    if (seen) image.src = seen;
    else image.removeAttribute("src");
    image.hidden = !seen;
    if (!seen) this.#find("steps").textContent = "";
  }
}
