// What the page says: numbers and scores in words. Pure functions.

/** @typedef {ReturnType<typeof verdict>} Verdict */

export const NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** A runner-up below this share is not worth asking about. */
const CONTENDER = 0.1;

/** A share that rounding has made of nothing: which digit has it is chance. */
const NOTHING = 1e-5;

/**
 * A share as people read it: never rounded up to certainty or down to impossibility, which no network has.
 * @param {number} share
 */
export function percent(share, [over, under] = ["over", "under"]) {
  if (share > 0.999) return `${over}\u00a099.9\u00a0%`;
  if (share < 0.001) return `${under}\u00a00.1\u00a0%`;
  const digits = share > 0.1 && share < 0.985 ? 0 : 1; // finer where it matters: near all and near nothing
  return `${(share * 100).toFixed(digits)}\u00a0%`;
}

/**
 * The same for a column of numbers.
 * @param {number} share
 */
export const shortPercent = (share) => percent(share, [">", "<"]);

/**
 * A share for a voice: whole numbers, and never "100" for less than all.
 * @param {number} share
 */
export function spokenPercent(share) {
  if (share < 0.01) return "under 1 percent";
  return `${Math.min(99, Math.round(share * 100))} percent`;
}

/**
 * The digits from the best score to the worst.
 * @param {number[]} scores
 */
export function ranking(scores) {
  return [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
}

/**
 * "seven" -> "Seven"
 * @param {string} word
 */
export function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}

/**
 * A reply in words: the headline, the line below it, and what a screen reader says.
 * When the model is unsure, the headline is a question, and `rival` the other digit that it asks about.
 * @param {Pick<Reply, "data"> & {unsure?: boolean}} reply
 */
export function verdict({ data, unsure = false }) {
  const [first, second] = ranking(data);
  const sure = `${capital(percent(data[first]))} sure`;
  const alone = data[second] < NOTHING;
  const next = alone ? "Nothing else comes near" : `Next: ${NAMES[second]}, ${percent(data[second])}`;
  const spoken = `${spokenPercent(data[first])}; ${alone ? "nothing else comes near" : `next: ${NAMES[second]}`}`;
  if (!unsure) {
    const name = capital(NAMES[first]);
    return { first, second, rival: null, headline: name, detail: `${sure}. ${next}.`, spoken: `${name}, ${spoken}.` };
  }
  const rival = data[second] >= CONTENDER ? second : null;
  const headline = `I'm not sure: ${rival === null ? `is it a ${first} at all` : `${first} or ${rival}`}?`;
  return {
    first,
    second,
    rival,
    headline,
    detail: `Best guess: ${NAMES[first]}, ${percent(data[first])}. ${next}.`,
    spoken: `${headline} ${capital(NAMES[first])}, ${spoken}.`,
  };
}

/**
 * Why there is no answer yet: the server is `away`, or else busy.
 * @param {Trouble} failure
 */
export function tryingAgain({ away }) {
  return away ? "No answer yet; trying again…" : "The server is busy; trying again…";
}

/**
 * How good a model is: the share of MNIST's test that it reads right, or "" where nobody has measured.
 * @param {Card} [card]
 */
export function accuracy(card) {
  return card?.accuracy !== undefined && Number.isFinite(card.accuracy)
    ? `${(100 * card.accuracy).toFixed(2)}\u00a0%`
    : "";
}

/**
 * What was done to a picture before it was read, in a sentence.
 * @param {string[]} [done] clauses
 */
export function stepsTaken(done = []) {
  return done.length ? `Done to it: ${done.join(", ")}.` : "";
}
