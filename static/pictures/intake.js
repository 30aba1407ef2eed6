// The ways in for pictures: chosen, photographed, dropped anywhere on the page, pasted.

/** Calls `take(files)` with what a person brings. */
export function intake(find, take) {
  for (const id of ["file", "photo"]) {
    find(id).addEventListener("change", () => {
      take([...find(id).files]);
      find(id).value = ""; // so that the same file can be chosen again
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

function dropping(take) {
  const root = document.documentElement;
  const files = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault(); // without this the browser opens the file in place of the page
    root.dataset.dropping = "";
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) delete root.dataset.dropping;
  });
  addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    delete root.dataset.dropping;
    take([...event.dataTransfer.files]);
  });
}
