// Which key does what.

import * as settings from "./browser/settings.js";
import { shortcuts } from "./draw/keyboard.js";

/**
 * Binds the keys that work everywhere on the page.
 * @param {Find} find
 * @param {{drawing: Drawing, tools: Tools, teach: Teach, predict: () => void}} page
 */
export function bindKeys(find, { drawing, tools, teach, predict }) {
  /** @param {string} id */
  const click = (id) => () => find(id).click();
  /** @type {Record<string, () => void>} */
  const actions = {
    "ctrl+z": () => drawing.undo(),
    "ctrl+shift+z": () => drawing.redo(),
    "ctrl+y": () => drawing.redo(),
    p: predict,
    c: click("clear"),
    e: click("eraser"),
    l: click("live"),
    w: click("why"),
    i: click("inside"),
    m: click("compare"),
    "[": () => tools.widen(-1),
    "]": () => tools.widen(1),
    d: () => find("paper").focus(),
  };
  for (let digit = 0; digit < 10; digit++) actions[digit] = () => teach.label(digit);
  const single = find("single", HTMLInputElement);
  shortcuts(actions, () => single.checked);
  single.checked = settings.get("single", true);
  single.addEventListener("change", () => settings.set("single", single.checked));
}
