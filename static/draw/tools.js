// The buttons and sliders beside the paper, and what they mean for the drawing.

import * as settings from "../browser/settings.js";
import { walk } from "./geometry.js";

const ERASER_REACH = 8; // paper units around the pointer

/** Binds the tools to a drawing. */
export class Tools {
  #find;
  #drawing;
  #clearable;
  /** @type {Position | null} where the eraser is while it rubs */
  #rubbed = null;

  /**
   * `clear` empties the page, which may show more than the drawing; `clearable` says whether it shows anything.
   * @param {Find} find
   * @param {Drawing} drawing
   * @param {{clear: () => void, clearable: () => boolean}} page
   */
  constructor(find, drawing, { clear, clearable }) {
    this.#find = find;
    this.#drawing = drawing;
    this.#clearable = clearable;
    /**
     * @param {string} id
     * @param {() => void} action
     */
    const press = (id, action) => find(id).addEventListener("click", action);
    press("undo", () => drawing.undo());
    press("redo", () => drawing.redo());
    press("clear", clear);
    press("eraser", () => this.eraser(!this.erases));
    press("wide", () => this.paper(find("wide").getAttribute("aria-pressed") === "false"));
    find("width", HTMLInputElement).value = String(settings.get("width", 16));
    find("width").addEventListener("input", () => this.#widthChanged());
    find("live", HTMLInputElement).checked = settings.get("live", true);
    find("live").addEventListener("change", () => settings.set("live", this.live));
    drawing.addEventListener("change", () => this.enable());
    this.#widthChanged();
    this.paper(settings.get("wide", false));
    this.enable();
  }

  get width() {
    return Number(this.#find("width", HTMLInputElement).value);
  }
  get live() {
    return this.#find("live", HTMLInputElement).checked;
  }
  get erases() {
    return this.#find("eraser").getAttribute("aria-pressed") === "true";
  }

  /** @param {boolean} on */
  eraser(on) {
    this.#find("eraser").setAttribute("aria-pressed", String(on));
    this.#find("paper").dataset.tool = on ? "eraser" : "pen";
  }

  /**
   * Makes the brush wider or thinner by so many steps.
   * @param {number} steps
   */
  widen(steps) {
    this.#find("width", HTMLInputElement).stepUp(steps);
    this.#widthChanged();
  }

  /**
   * What `Pen` calls: a pointer draws, or rubs out.
   * @type {Hand}
   */
  hand = {
    down: (point, { eraser }) => {
      this.#rubbed = eraser || this.erases ? point : null;
      if (this.#rubbed) this.#rub(this.#rubbed, [point]);
      else this.#drawing.begin(point, this.width);
    },
    move: (points) => {
      if (this.#rubbed) this.#rub(this.#rubbed, points);
      else this.#drawing.extend(points);
    },
    up: () => this.#drawing.end(),
    cancel: () => this.#drawing.cancel(),
  };

  /**
   * @param {Position} from
   * @param {Point[]} points
   */
  #rub(from, points) {
    for (const [i, point] of points.entries()) {
      for (const at of walk(points[i - 1] ?? from, point, ERASER_REACH)) this.#drawing.erase(at, ERASER_REACH);
    }
    this.#rubbed = points.at(-1) ?? from;
  }

  #widthChanged() {
    settings.set("width", this.width);
    this.#find("dot").style.setProperty("--width", String(this.width));
  }

  /**
   * Makes the paper wide or square.
   * @param {boolean} wide
   */
  paper(wide) {
    settings.set("wide", wide);
    this.#find("wide").setAttribute("aria-pressed", String(wide));
    document.body.toggleAttribute("data-wide", wide);
    this.#drawing.widen(wide);
  }

  /** Makes those buttons work that have something to do. */
  enable() {
    this.#find("undo", HTMLButtonElement).disabled = !this.#drawing.canUndo;
    this.#find("redo", HTMLButtonElement).disabled = !this.#drawing.canRedo;
    this.#find("clear", HTMLButtonElement).disabled = !this.#clearable();
  }
}
