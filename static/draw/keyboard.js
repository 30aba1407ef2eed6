// Use without a pointer: drawing with the arrow keys, and a shortcut for everything else.

import { PAPER } from "./geometry.js";

const STEP = 10; // paper units a key press moves the pen; a quarter of it with Shift
/** @type {Record<string, [number, number] | undefined>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A pen that keys move while the paper has the focus: arrows move it, space lowers and lifts it. */
export class KeyPen {
  #marker;
  #hand;
  #say;
  #width;
  #at = { x: PAPER / 2, y: PAPER / 4, pressure: 0.5 };
  #down = false;

  /**
   * @param {HTMLElement} paper
   * @param {HTMLElement} marker shows where the pen is
   * @param {Hand} hand
   * @param {{say: (text: string) => void, width: () => number}} page `say` speaks to a screen reader; `width` of paper
   */
  constructor(paper, marker, hand, { say, width }) {
    this.#marker = marker;
    this.#hand = hand;
    this.#say = say;
    this.#width = width;
    paper.addEventListener("keydown", (event) => this.#key(event));
    paper.addEventListener("blur", () => this.#lift());
    paper.addEventListener("pointerdown", () => this.#away(), { capture: true });
    this.#show();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) this.#move(arrow, event.shiftKey ? STEP / 4 : STEP);
    else if (event.key === " " && !event.repeat) this.#toggle();
    else if (event.key === "Escape" && this.#down) this.#lift();
    else if (event.key !== " ") return;
    event.preventDefault();
    this.#marker.dataset.used = ""; // who drew with the mouse before has to see where the keys' pen is
  }

  /**
   * @param {[number, number]} direction
   * @param {number} step
   */
  #move([dx, dy], step) {
    const x = Math.min(this.#width(), Math.max(0, this.#at.x + dx * step));
    const y = Math.min(PAPER, Math.max(0, this.#at.y + dy * step));
    this.#at = { ...this.#at, x, y };
    if (this.#down) this.#hand.move([this.#at]);
    this.#show();
  }

  #toggle() {
    if (this.#down) return this.#lift();
    this.#down = true;
    this.#hand.down(this.#at, { eraser: false });
    this.#say("Pen down.");
    this.#show();
  }

  #lift() {
    if (!this.#down) return;
    this.#down = false;
    this.#hand.up();
    this.#say("Pen up.");
    this.#show();
  }

  #away() {
    this.#lift();
    delete this.#marker.dataset.used;
  }

  #show() {
    this.#marker.style.setProperty("--x", String(this.#at.x / this.#width()));
    this.#marker.style.setProperty("--y", String(this.#at.y / PAPER));
    this.#marker.dataset.down = String(this.#down);
  }
}

/**
 * Calls `actions[name]` for a shortcut: names are keys ("e", "[", "7") or with Ctrl ("ctrl+z", "ctrl+shift+z").
 * Keys without Ctrl count only while `single()` says so, since they get in the way of speech input.
 * @param {Record<string, (() => void) | undefined>} actions
 * @param {() => boolean} single
 */
export function shortcuts(actions, single) {
  addEventListener("keydown", (event) => {
    const action = actions[nameOf(event)];
    const control = event.ctrlKey || event.metaKey;
    if (!action || event.altKey || (!control && (!single() || typing(event.target)))) return;
    event.preventDefault();
    action();
  });
}

/** @param {KeyboardEvent} event */
function nameOf({ key, ctrlKey, metaKey, shiftKey }) {
  const name = key.toLowerCase();
  if (!ctrlKey && !metaKey) return name;
  return shiftKey ? `ctrl+shift+${name}` : `ctrl+${name}`;
}

/** @param {EventTarget | null} target */
function typing(target) {
  return target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && target.type !== "checkbox");
}
