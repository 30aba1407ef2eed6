// The kept drawings as files that other programs read.

import { byAge } from "./history.js";

// The digit of a record is what a person said, else what the network read.
const FORMS = {
  // as Kaggle's digit competition has it: ink 255, paper 0
  csv: {
    type: "text/csv",
    head: ["label", ...Array.from({ length: 784 }, (_, i) => `pixel${i}`)].join(),
    /** @param {DrawingRecord} record */
    row: ({ label, guess, pixels }) => `\n${[label ?? guess, ...pixels].join()}`,
    between: "",
    tail: "\n",
  },
  // strokes in paper units (280 a side)
  json: {
    type: "application/json",
    head: '{\n "paper": 280,\n "drawings": [',
    /** @param {DrawingRecord} record */
    row: ({ when, label, guess, confidence, strokes }) => {
      const drawn = new Date(when).toISOString();
      const drawing = { label: label ?? guess, guess, confidence, labelledByHand: label !== null, drawn, strokes };
      return JSON.stringify([drawing], null, 1).slice(1, -2).replaceAll("\n", "\n ");
    },
    between: ",",
    tail: "\n ]\n}\n",
  },
};

/**
 * Saves what is kept, the newest first. Its text is in memory until then.
 * @param {keyof typeof FORMS} kind
 * @param {Drawings} history
 * @param {boolean} mine only what a person labelled
 */
export async function saveAll(kind, history, mine) {
  const { type, head, row, between, tail } = FORMS[kind];
  /** @type {(Dated & {text: string})[]} */
  const rows = [];
  await history.each((record) => {
    if (!mine || record.label !== null) rows.push({ when: record.when, text: row(record) });
  });
  const texts = rows.sort(byAge).flatMap(({ text }, i) => (i ? [between, text] : text));
  save(new Blob([head, ...texts, tail], { type }), `digits.${kind}`);
}

/**
 * Lets the browser save a file.
 * @param {Blob} content
 * @param {string} name
 */
export function save(content, name) {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // some browsers begin to read it only later
}
