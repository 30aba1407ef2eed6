// What this browser remembers of a person's choices. Where storage is forbidden they last as long as the page.

const PREFIX = "mnist-draw.";
/** @type {Map<string, unknown>} */
const kept = new Map();

/**
 * The remembered value, or `fallback`.
 * @template Value
 * @param {string} key
 * @param {Value} fallback
 * @returns {Value}
 */
export function get(key, fallback) {
  const here = /** @type {Value} */ (kept.get(key) ?? fallback);
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? here : JSON.parse(text);
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof SyntaxError)) throw error;
    return here; // storage forbidden, or something else wrote there
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 */
export function set(key, value) {
  kept.set(key, value);
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // forbidden or full: `kept` has it
  }
}
