// The kept drawings as files that other programs read. Pure functions but for `save`.

/** @import { DrawingRecord } from "./history.js" */

/**
 * The digit of a record: what a person said, else what the network read.
 * @param {DrawingRecord} record
 */
export const digitOf = ({ label, guess }) => label ?? guess;

/**
 * CSV in the format of Kaggle's digit competition: `label,pixel0,...,pixel783`, ink 255, paper 0.
 * @param {DrawingRecord[]} records
 */
export function toCsv(records) {
  const header = ["label", ...Array.from({ length: 784 }, (_, i) => `pixel${i}`)];
  const lines = records.map((record) => [digitOf(record), ...record.pixels]);
  return [header, ...lines].map((line) => line.join(",") + "\n").join("");
}

/**
 * JSON with strokes in paper units (280 a side), the newest drawing first.
 * @param {DrawingRecord[]} records
 */
export function toJson(records) {
  const drawings = records.map(({ when, label, guess, confidence, strokes }) => ({
    label: label ?? guess,
    guess,
    confidence,
    labelledByHand: label !== null,
    drawn: new Date(when).toISOString(),
    strokes,
  }));
  return JSON.stringify({ paper: 280, drawings }, null, 1) + "\n";
}

/**
 * Lets the browser save a text as a file.
 * @param {string} text
 * @param {string} name
 * @param {string} type
 */
export function save(text, name, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // some browsers begin to read it only later
}
