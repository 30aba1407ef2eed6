// Below the answer: the network at work, and what fools it. Each is loaded when it is first opened.

import { SENTENCES } from "../ask/request.js";

/** @type {Record<string, () => Promise<{ fill: think.Part }>>} */
const PARTS = { inside: () => import("./network.js"), fool: () => import("./fool.js") };

/**
 * Lets both be opened; returns what to call when the subject of the page's answer is another.
 * @param {Find} find
 * @param {think.Page} page
 */
export function think(find, page) {
  /** @type {Record<string, () => void>} */
  const follow = {};
  for (const [id, load] of Object.entries(PARTS)) {
    const details = /** @type {HTMLDetailsElement} */ (find(id).parentElement);
    const away = details.appendChild(document.createElement("p"));
    details.addEventListener("toggle", async () => {
      const part = await load().catch((error) => {
        if (!(error instanceof TypeError)) throw error; // not loaded: the server is away
      });
      away.textContent = part ? "" : SENTENCES.away;
      if (part) follow[id] ??= part.fill(details, { ...page, open: () => details.open });
      follow[id]?.();
    });
  }
  find("think").addEventListener("toggle", styled, { capture: true, once: true });
  return () => {
    for (const each of Object.values(follow)) each();
  };
}

function styled() {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = "static/think/think.css";
  document.head.append(style);
}
