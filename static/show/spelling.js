// A reply in words, of a number or of one digit. Pure functions.

import { capital, NAMES, percent, shortPercent, spokenPercent, verdict } from "./words.js";

const SIGNS = new Map([
  ["-", "minus"],
  [".", "point"],
  [",", "comma"],
  [" ", "then"], // the next row
]);
const ENDINGS = new Map([
  ["one", "st"],
  ["two", "nd"],
  ["few", "rd"],
]);
const ORDER = new Intl.PluralRules("en", { type: "ordinal" });

/**
 * The digits of the number that a reply is about; none where it is about a single digit.
 * @param {Reply} reply
 * @returns {Part[]}
 */
export const parts = ({ number = "", digits = [] }) => (number.length > 1 ? digits : []);

/**
 * "1st" for 0, "2nd" for 1.
 * @param {number} at
 */
export const nth = (at) => `${at + 1}${ENDINGS.get(ORDER.select(at + 1)) ?? "th"}`;

/**
 * What is written, sign by sign: "two, zero, two, six".
 * @param {string} number
 */
export const spelt = (number) => [...number].map((sign) => SIGNS.get(sign) ?? NAMES[Number(sign)]).join(", ");

/**
 * @param {Reply} reply
 * @returns {Summary}
 */
export function summary(reply) {
  const digits = parts(reply);
  if (!digits.length) return { ...verdict(reply), unsure: reply.unsure };
  const doubtful = digits.findIndex(({ unsure }) => unsure);
  const number = reply.number ?? "";
  return doubtful < 0 ? sureOf(number, digits) : doubt(number, digits[doubtful], doubtful);
}

/**
 * A reply in two cells of a table: what was read, and how sure the model is of the least sure digit.
 * @param {Reply} reply
 */
export function brief(reply) {
  const digits = parts(reply);
  const name = digits.length ? String(reply.number) : capital(NAMES[reply.digit]);
  const share = shortPercent(least(digits.length ? digits : [reply]));
  return [name, summary(reply).unsure ? `${share}, not sure` : share];
}

/** @param {{confidence: number}[]} digits */
const least = (digits) => Math.min(...digits.map(({ confidence }) => confidence));

/**
 * @param {string} number
 * @param {Part[]} digits
 */
function sureOf(number, digits) {
  const spoken = `${capital(spelt(number))}; each at least ${spokenPercent(least(digits))}.`;
  return { headline: number, detail: `Least sure digit: ${percent(least(digits))}.`, spoken, unsure: false };
}

/**
 * @param {string} number
 * @param {Part} digit the first one that is unsure
 * @param {number} at its place
 */
function doubt(number, digit, at) {
  const { first, rival } = verdict(digit);
  const question = rival === null ? "." : `: ${first} or ${rival}?`;
  const detail = `I'm not sure of the ${nth(at)} digit${question}`;
  return { headline: `${number}?`, detail, spoken: `${capital(spelt(number))}. ${detail}`, unsure: true };
}
