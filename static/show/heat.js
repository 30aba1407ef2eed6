// From evidence to colours. Pure functions.
//
// Evidence is 28 x 28 numbers: how much the digit's score falls when the patch around that pixel is blanked.
// Positive spoke for the digit, negative against it. Blue and orange are told apart by nearly everyone.

const FOR = [43, 108, 255];
const AGAINST = [255, 122, 0];
const FAINT = 1e-4; // a largest change below this is noise: nothing is coloured

/**
 * The largest absolute value.
 * @param {number[][]} evidence
 */
export function peak(evidence) {
  return Math.max(...evidence.flat().map(Math.abs));
}

/**
 * RGBA bytes (28 x 28 x 4) of a heat map: transparent where nothing spoke either way.
 * @param {number[][]} evidence
 */
export function colours(evidence) {
  const top = peak(evidence);
  const values = evidence.flat();
  const bytes = new Uint8ClampedArray(values.length * 4);
  for (const [i, value] of values.entries()) {
    bytes.set([...(value > 0 ? FOR : AGAINST), opacity(value, top)], i * 4);
  }
  return bytes;
}

/**
 * The square root brings out what is weak beside one strong spot.
 * @param {number} value
 * @param {number} top
 */
function opacity(value, top) {
  return top < FAINT ? 0 : Math.round(230 * Math.sqrt(Math.abs(value) / top));
}

/**
 * What a heat map shows, in a sentence.
 * @param {number[][]} evidence
 * @param {string} name of the digit
 */
export function reading(evidence, name) {
  const top = peak(evidence);
  if (top < FAINT) return `Nothing that can be blanked out changes the score of ${name}.`;
  const points = (100 * top).toFixed(top < 0.01 ? 2 : 0);
  return `Blanking the strongest spot changes the score of ${name} by ${points} of 100 points.`;
}
