// The ten scores: a table that looks like a bar chart, so that it can be read as either.

import { ranking, shortPercent } from "./words.js";

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
   * @param {Pick<Reading, "data" | "unsure">} reading
   */
  show({ data, unsure }) {
    const [first, second] = ranking(data);
    const winner = unsure ? "first doubted" : "first";
    this.#rows.forEach(({ line, bar, number }, digit) => {
      line.className = digit === first ? winner : digit === second ? "second" : "";
      bar.style.setProperty("--share", String(data[digit]));
      number.textContent = shortPercent(data[digit]);
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
  line.role = "row"; // said aloud, as rows that are laid out as a grid are no rows any more to some browsers
  head.role = "rowheader";
  head.scope = "row";
  head.textContent = String(digit);
  const track = line.appendChild(document.createElement("td"));
  track.role = "cell";
  track.className = "track";
  const bar = track.appendChild(document.createElement("span"));
  bar.className = "bar";
  const number = track.appendChild(document.createElement("span"));
  number.className = "share";
  number.textContent = "–";
  return { line, bar, number };
}
