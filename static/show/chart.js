// The ten scores: a table that looks like a bar chart, so that it can be read as either.

import { shortPercent } from "./words.js";

/** Fills a table body with ten rows, 0 to 9, and keeps them up to date. */
export class Chart {
  #rows;

  /** @param {HTMLElement} body */
  constructor(body) {
    this.#rows = Array.from({ length: 10 }, (_, digit) => row(digit));
    body.replaceChildren(...this.#rows.map(({ line }) => line));
  }

  /**
   * Shows ten scores (0..1), the winner and the runner-up marked.
   * @param {number[]} scores
   * @param {{first: number, second: number}} best
   */
  show(scores, { first, second }) {
    this.#rows.forEach(({ line, bar, number }, digit) => {
      line.className = digit === first ? "first" : digit === second ? "second" : "";
      bar.style.setProperty("--share", String(scores[digit]));
      number.textContent = shortPercent(scores[digit]);
    });
  }

  /** No scores: empty bars, and a dash in place of each number. */
  clear() {
    for (const { line, bar, number } of this.#rows) {
      line.className = "";
      bar.style.setProperty("--share", "0");
      number.textContent = "–";
    }
  }
}

/** @param {number} digit */
function row(digit) {
  const line = document.createElement("tr");
  const head = line.appendChild(document.createElement("th"));
  head.scope = "row";
  head.textContent = String(digit);
  const track = line.appendChild(document.createElement("td"));
  track.className = "track";
  const bar = track.appendChild(document.createElement("span"));
  bar.className = "bar";
  const number = track.appendChild(document.createElement("span"));
  number.className = "share";
  number.textContent = "–";
  return { line, bar, number };
}
