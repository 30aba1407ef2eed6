// The answer on screen: what it is about, and which of a number's digits is looked at.

import { Answer } from "./answer.js";
import { Digits } from "./digits.js";
import { parts } from "./spelling.js";
import { Why } from "./why.js";

/** Shows answers. Dispatches "change" when `subject` is another. */
export class Stage extends EventTarget {
  #find;
  #digits;
  #why;
  answer;
  /** @type {Subject | null} */
  subject = null;

  /** @param {Find} find */
  constructor(find) {
    super();
    this.#find = find;
    this.answer = new Answer(find);
    this.#digits = new Digits(find, (at) => this.#choose(at));
    this.#why = new Why(find, () => this.subject);
  }

  /**
   * Shows an answer; `aloud` is false for a drawing that is still growing.
   * @param {Omit<Subject, "at">} about
   * @param {{size: Size, aloud: boolean}} how `size` of the picture in pixels
   */
  show(about, { size, aloud }) {
    this.answer.show(about.reply, { aloud });
    this.#digits.show(about.reply);
    this.fit(size);
    this.#look({ ...about, at: this.#digits.at });
  }

  /**
   * Says how large the picture on the paper is.
   * @param {Size} size in pixels
   */
  fit(size) {
    this.#digits.fit(size);
  }

  /** The ten scores on screen; none without an answer. */
  get scores() {
    const { reply, at } = this.subject ?? {};
    return reply ? (parts(reply)[at ?? 0] ?? reply).data : [];
  }

  /** The paper is empty. */
  clear() {
    this.#nothing();
    this.answer.clear();
  }

  /**
   * There is no answer, and why.
   * @param {string} sentence
   */
  fail(sentence) {
    this.#nothing();
    this.answer.fail(sentence);
  }

  #nothing() {
    this.#digits.show(null);
    this.#look(null);
  }

  /** @param {number} at */
  #choose(at) {
    if (!this.subject) return;
    const explained = !this.#find("heat").hidden;
    this.#look({ ...this.subject, at });
    if (explained) this.#why.evidence();
  }

  /** @param {Subject | null} subject */
  #look(subject) {
    this.subject = subject;
    if (subject?.at !== undefined) this.answer.digit(parts(subject.reply)[subject.at]);
    this.#why.clear();
    this.dispatchEvent(new Event("change"));
  }
}
