// The answer as people see and hear it: winner, certainty, chart, what the network saw; and trouble in words.

import { Chart } from "./chart.js";
import { stepsTaken, tryingAgain, verdict } from "./words.js";

/**
 * @import { Trouble } from "../ask/patience.js"
 * @import { Reply } from "../ask/request.js"
 * @import { Find } from "../browser/page.js"
 */

const SLOW_MS = 150; // what is faster needs no notice
const VERY_SLOW_MS = 3000;
const PNG = "data:image/png;base64,";

/** The answer panel. Dispatches "change" when it is another. */
export class Answer extends EventTarget {
  #find;
  #chart;
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
    this.#say("·", "Nothing drawn yet", "Draw a digit: the answer appears here.");
    this.#chart.clear();
    this.#seen(null);
    this.announce("");
  }

  /**
   * Shows a reply; `aloud` is false for a drawing that is still growing.
   * @param {Reply} reply
   */
  show(reply, { aloud = true } = {}) {
    const said = verdict(reply);
    this.#state(reply.unsure ? "unsure" : "sure");
    this.#say(reply.unsure ? "?" : String(said.first), said.headline, said.detail);
    this.#chart.show(reply.data, said);
    this.#seen(reply);
    if (aloud) this.announce(said.spoken);
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
    this.#say("!", "No answer", sentence);
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

  /**
   * @param {string} sign
   * @param {string} headline
   * @param {string} detail
   */
  #say(sign, headline, detail) {
    this.#find("sign").textContent = sign;
    this.#find("headline").textContent = headline;
    this.#find("detail").textContent = detail;
  }

  /** @param {Reply | null} reply */
  #seen(reply) {
    const image = this.#find("seen", HTMLImageElement);
    const seen = reply?.seen?.startsWith(PNG) ? reply.seen : null;
    if (seen) image.src = seen;
    else image.removeAttribute("src");
    image.hidden = !seen;
    this.#find("steps").textContent = seen ? stepsTaken(reply?.done) : "";
  }
}
