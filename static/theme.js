// Light, dark, or as the system says. A plain script in the page's head, so that a page never flashes in the wrong one.
{
  const KEY = "mnist-draw.theme";
  let theme = "";
  try {
    theme = JSON.parse(localStorage.getItem(KEY) ?? "null") ?? "";
  } catch {
    theme = ""; // storage forbidden or filled by something else: as the system says
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
