// What a person takes along of a drawing: a picture with the answer, and a link that holds the strokes. What makes them
// is loaded when it is first needed.

import { PAPER } from "../draw/geometry.js";

/**
 * Binds the buttons; `open` gets the drawing that the page's own address holds, now or later.
 * @param {Find} find
 * @param {Drawing} drawing
 * @param {{open: (sheet: Sheet) => void, scores: () => number[]}} page
 */
export function bindTaking(find, drawing, { open, scores }) {
  find("picture").addEventListener("click", async () => {
    const words = ["headline", "detail"].map((id) => find(id).textContent ?? "");
    const { savePicture } = await import("./picture.js");
    savePicture(drawing, words, scores());
  });
  find("link").addEventListener("click", async () => {
    const { toFragment } = await import("./link.js");
    const fragment = toFragment({ strokes: drawing.strokes, wide: drawing.width > PAPER });
    find("taken").textContent = fragment ? await copied(fragment) : "This drawing has too many strokes for a link.";
  });
  find("print").addEventListener("click", () => print());
  drawing.addEventListener("change", () => enable(find, drawing));
  enable(find, drawing);
  const visit = async () => {
    if (!location.hash) return;
    const sheet = (await import("./link.js")).fromFragment(location.hash);
    if (sheet) open(sheet);
  };
  addEventListener("hashchange", visit);
  visit();
}

/**
 * @param {Find} find
 * @param {Drawing} drawing
 */
function enable(find, drawing) {
  for (const id of ["picture", "link"]) find(id, HTMLButtonElement).disabled = drawing.empty;
  find("taken").textContent = "";
}

/**
 * Puts a link to the drawing into the address bar and, where the browser lets us, onto the clipboard.
 * @param {string} fragment
 */
async function copied(fragment) {
  window.history.replaceState(null, "", fragment);
  try {
    await navigator.clipboard.writeText(location.href);
    return "Copied. No server is told what such a link holds.";
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
    return "The link is in the address bar. No server is told what it holds."; // no clipboard outside of HTTPS
  }
}
