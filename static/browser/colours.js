// The menu of the page's colours. What is chosen here, theme.js applies when the page opens again.

import * as settings from "./settings.js";

/**
 * Binds the menu; `changed` hears that the page has other colours now.
 * @param {Find} find
 * @param {() => void} changed
 */
export function bindColours(find, changed) {
  const menu = find("theme", HTMLSelectElement);
  menu.value = settings.get("theme", "");
  menu.addEventListener("change", () => {
    settings.set("theme", menu.value);
    document.documentElement.dataset.theme = menu.value;
    changed();
  });
}
