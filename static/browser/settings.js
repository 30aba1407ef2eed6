// What this browser remembers of a person's choices. Where storage is forbidden they last as long as the page.

const PREFIX = "mnist-draw.";
const kept = new Map();

/** The remembered value, or `fallback`. */
export function get(key, fallback) {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? kept.get(key) ?? fallback : JSON.parse(text);
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof SyntaxError)) throw error;
    return kept.get(key) ?? fallback; // storage forbidden, or something else wrote there
  }
}

export function set(key, value) {
  kept.set(key, value);
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // forbidden or full: `kept` has it
  }
}
