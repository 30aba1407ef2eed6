// The page's elements, each of the kind that its user needs.

/** @typedef {typeof find} Find */

/**
 * The element with that id. Throws TypeError when the page has none, or one of another kind.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function find(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof (kind ?? HTMLElement))) throw new TypeError(`The page has no such element: ${id}`);
  return /** @type {T} */ (element);
}

/**
 * What draws on a canvas. Throws TypeError where a browser has no more canvas to give.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function context2d(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new TypeError("This browser gives no canvas to draw on");
  return context;
}
