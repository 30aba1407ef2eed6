// When to ask the server: one question at a time, always about the newest drawing.

import { mayPass, pauseAfter } from "./patience.js";

/**
 * Asks about whatever `take()` returns at the moment a question can be sent (null: nothing to ask), so a queue
 * of old drawings can't build up. Answers to a question that was asked before `forget()` are dropped.
 * @template Job, Reply
 */
export class Asker {
  #take;
  #ask;
  #tell;
  #wanted = false;
  #running = false;
  /** Counts forget(): an answer from an earlier era is stale. */
  #era = 0;
  #wake = () => {};

  /** @param {{take: () => Job | null, ask: (job: Job) => Promise<Reply>, tell: Listener<Job, Reply>}} parts */
  constructor({ take, ask, tell }) {
    this.#take = take;
    this.#ask = ask;
    this.#tell = tell;
  }

  get busy() {
    return this.#running;
  }

  /** Asks for an answer about the drawing as it is now, or will be when the answer under way is in. */
  want() {
    this.#wanted = true;
    this.#tell.waiting();
    this.#wake();
    this.#run();
  }

  /** The drawing is gone: drop what waits, and ignore the answer under way. */
  forget() {
    this.#era += 1;
    this.#wanted = false;
    this.#wake();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    try {
      await this.#untilDone();
    } finally {
      this.#running = false;
      this.#tell.rest();
    }
  }

  async #untilDone() {
    let tries = 0;
    while (this.#wanted) {
      this.#wanted = false;
      const job = this.#take();
      if (job === null) continue;
      tries = await this.#once(job, tries);
    }
  }

  /**
   * @param {Job} job
   * @param {number} tries
   */
  async #once(job, tries) {
    const era = this.#era;
    this.#tell.asking(job);
    try {
      const reply = await this.#ask(job);
      if (era === this.#era) this.#tell.answer(reply, job);
      return 0;
    } catch (failure) {
      if (era === this.#era) await this.#recover(/** @type {Trouble} */ (failure), era, tries + 1);
      return tries + 1;
    }
  }

  /**
   * @param {Trouble} failure
   * @param {number} era
   * @param {number} tries
   */
  async #recover(failure, era, tries) {
    const again = mayPass(failure);
    this.#tell.trouble(failure, { again, tries });
    if (!again) return;
    await this.#pause(pauseAfter(tries, failure.retry));
    if (era === this.#era) this.#wanted = true;
  }

  /**
   * Sleeps; a new wish, or the network coming back, wakes it.
   * @param {number} seconds
   * @returns {Promise<void>}
   */
  #pause(seconds) {
    return new Promise((resolve) => {
      this.#wake = () => {
        clearTimeout(timer);
        removeEventListener("online", this.#wake);
        this.#wake = () => {};
        resolve();
      };
      const timer = setTimeout(this.#wake, seconds * 1000);
      addEventListener("online", this.#wake);
    });
  }
}
