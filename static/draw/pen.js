// Pointer events in, plain strokes out. One pointer draws at a time; a pen takes the paper from a finger.

const PRIMARY = 0; // left mouse button, a finger's or a pen's contact
const ERASER = 5; // the other end of a pen
const PALM_MS = 500; // a hand rests on for a moment after the pen has left

/** Turns what happens on a canvas into calls of a `Hand`. Listeners for a stroke under way live as long as it does. */
export class Pen {
  #canvas;
  #toPaper;
  #hand;
  /** @type {PointerEvent | null} the pointerdown event whose pointer draws */
  #owner = null;
  #penSeen = -Infinity;
  #listeners = new AbortController();

  /**
   * @param {HTMLElement} canvas
   * @param {(event: PointerEvent) => Position} toPaper
   * @param {Hand} hand
   */
  constructor(canvas, toPaper, hand) {
    this.#canvas = canvas;
    this.#toPaper = toPaper;
    this.#hand = hand;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press is a slow stroke
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (![PRIMARY, ERASER].includes(event.button) || !this.#mayDraw(event)) return;
    if (this.#owner) this.#finish("cancel"); // the palm came down before the pen: its stroke is not meant
    this.#owner = event;
    this.#listen();
    this.#canvas.setPointerCapture(event.pointerId); // the stroke goes on when the pointer leaves the canvas
    this.#hand.down(this.#point(event), { eraser: event.button === ERASER });
  }

  /** @param {PointerEvent} event */
  #mayDraw({ pointerType, timeStamp }) {
    if (pointerType === "pen") return this.#owner?.pointerType !== "pen";
    if (this.#owner) return false; // a second finger
    return pointerType !== "touch" || timeStamp - this.#penSeen > PALM_MS;
  }

  /** @param {PointerEvent} event */
  #move = (event) => {
    if (!this.#owns(event)) return;
    if (event.buttons === 0) return this.#finish("up"); // its release was lost, in a dialog for example
    const events = event.getCoalescedEvents?.() ?? [];
    this.#hand.move((events.length ? events : [event]).map((one) => this.#point(one)));
  };

  /** @param {PointerEvent} event */
  #up = (event) => {
    if (this.#owns(event)) this.#finish("up");
  };

  /** @param {PointerEvent} event */
  #owns(event) {
    if (event.pointerId !== this.#owner?.pointerId) return false;
    if (event.pointerType === "pen") this.#penSeen = event.timeStamp;
    return true;
  }

  /** @param {"up" | "cancel"} how */
  #finish(how) {
    this.#listeners.abort();
    this.#owner = null;
    this.#hand[how]();
  }

  // pointercancel and lostpointercapture end a stroke but keep it: what a person drew is never thrown away.
  #listen() {
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    this.#canvas.addEventListener("pointermove", this.#move, { signal });
    for (const type of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
      this.#canvas.addEventListener(type, this.#up, { signal });
    }
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #point(event) {
    const pressure = event.pointerType === "pen" && event.pressure ? event.pressure : 0.5;
    return { ...this.#toPaper(event), pressure };
  }
}
