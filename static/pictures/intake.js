// The ways in for pictures: chosen, photographed, dropped anywhere on the page, pasted.

/**
 * Calls `take` with what a person brings.
 * @param {Find} find
 * @param {(files: File[]) => void} take
 */
export function intake(find, take) {
  for (const id of ["file", "photo"]) {
    const input = find(id, HTMLInputElement);
    input.addEventListener("change", () => {
      take([...(input.files ?? [])]);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  find("upload").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
  dropping(take);
}

/** @param {(files: File[]) => void} take */
function dropping(take) {
  const root = document.documentElement;
  /** @param {DragEvent} event */
  const withFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault(); // without this the browser opens the file in place of the page
    root.dataset.dropping = "";
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) delete root.dataset.dropping;
  });
  addEventListener("drop", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    delete root.dataset.dropping;
    take([...(event.dataTransfer?.files ?? [])]);
  });
}
