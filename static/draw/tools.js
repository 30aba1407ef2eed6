// The buttons and sliders beside the paper, and what they mean for the drawing.

import { walk } from "./geometry.js";
import * as settings from "../browser/settings.js";

const ERASER_REACH = 8; // paper units around the pointer

/**
 * Binds the tools to a drawing. `find(id)` gives an element of the page. `clear()` empties the page, which may
 * show more than the drawing; `clearable()` says whether there is anything to empty.
 */
export class Tools {
  #find;
  #drawing;
  #clearable;
  #rubbed = null; // where the eraser is while it rubs, else null

  constructor(find, drawing, { clear, clearable }) {
    this.#find = find;
    this.#drawing = drawing;
    this.#clearable = clearable;
    const press = (id, action) => find(id).addEventListener("click", action);
    press("undo", () => drawing.undo());
    press("redo", () => drawing.redo());
    press("clear", clear);
    press("eraser", () => this.eraser(!this.erases));
    find("width").value = settings.get("width", 16);
    find("width").addEventListener("input", () => this.#widthChanged());
    find("live").checked = settings.get("live", true);
    find("live").addEventListener("change", () => settings.set("live", this.live));
    drawing.addEventListener("change", () => this.enable());
    this.#widthChanged();
    this.enable();
  }

  get width() { return Number(this.#find("width").value); }
  get live() { return this.#find("live").checked; }
  get erases() { return this.#find("eraser").getAttribute("aria-pressed") === "true"; }

  eraser(on) {
    this.#find("eraser").setAttribute("aria-pressed", String(on));
    this.#find("paper").dataset.tool = on ? "eraser" : "pen";
  }

  /** Makes the brush wider or thinner by so many steps. */
  widen(steps) {
    this.#find("width").stepUp(steps);
    this.#widthChanged();
  }

  /** What `Pen` calls: a pointer draws, or rubs out. */
  hand = {
    down: (point, { eraser }) => {
      this.#rubbed = eraser || this.erases ? point : null;
      if (this.#rubbed) this.#rub([point]);
      else this.#drawing.begin(point, this.width);
    },
    move: (points) => {
      if (this.#rubbed) this.#rub(points);
      else this.#drawing.extend(points);
    },
    up: () => this.#drawing.end(),
    cancel: () => this.#drawing.cancel(),
  };

  #rub(points) {
    for (const point of points) {
      for (const at of walk(this.#rubbed, point, ERASER_REACH)) this.#drawing.erase(at, ERASER_REACH);
      this.#rubbed = point;
    }
  }

  #widthChanged() {
    settings.set("width", this.width);
    this.#find("dot").style.setProperty("--width", this.width);
  }

  /** Makes those buttons work that have something to do. */
  enable() {
    this.#find("undo").disabled = !this.#drawing.canUndo;
    this.#find("redo").disabled = !this.#drawing.canRedo;
    this.#find("clear").disabled = !this.#clearable();
  }
}
