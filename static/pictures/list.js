// Pictures that people bring: each gets a line with its answer, or with what is wrong with it.

import { patiently } from "../ask/patience.js";
import { Failure, score } from "../ask/request.js";
import { summary } from "../show/spelling.js";
import { tryingAgain } from "../show/words.js";

const MISTAKE = "This page made a mistake with this picture. The browser's console says more.";

/** The list of pictures. */
export class Pictures {
  #list;
  #model;
  #open;
  /** @type {Promise<void>} one picture at a time: a hundred at once would only stand in line at the server */
  #queue = Promise.resolve();

  /**
   * `model` names the model to ask; `open` shows a picture in the big view.
   * @param {HTMLElement} list
   * @param {{model: () => string | undefined, open: (picture: Blob, reply: Reply) => void}} page
   */
  constructor(list, { model, open }) {
    this.#list = list;
    this.#model = model;
    this.#open = open;
  }

  /**
   * Reads files one after another; promises to be done with all of them.
   * @param {File[]} files
   */
  add(files) {
    for (const file of files) {
      const line = entry(file);
      this.#list.prepend(line.item);
      this.#queue = this.#queue.then(() => this.#read(file, line));
    }
    return this.#queue;
  }

  /**
   * @param {File} file
   * @param {ReturnType<typeof entry>} line
   */
  async #read(file, line) {
    try {
      const picture = await sendable(file);
      /** @param {Trouble} failure */
      const waits = (failure) => line.note(tryingAgain(failure));
      const reply = await patiently(() => score(picture, { model: this.#model() }), { waits });
      line.say(summary(reply));
      line.button.addEventListener("click", () => this.#open(picture, reply));
      line.button.disabled = false;
    } catch (failure) {
      line.fail(failure instanceof Failure ? failure.message : MISTAKE);
      if (!(failure instanceof Failure)) reportError(failure); // to the console; the next picture has its turn
    }
  }
}

/**
 * The file, scaled down where it is too large; as it is where what does that can't be loaded: the server is away then.
 * @param {File} file
 */
const sendable = (file) =>
  import("./shrink.js").then(
    ({ manageable }) => manageable(file),
    () => file,
  );

/** @param {File} file */
function entry(file) {
  const item = document.createElement("li");
  const button = item.appendChild(document.createElement("button"));
  const words = document.createElement("span");
  const name = words.appendChild(document.createElement("strong"));
  const says = words.appendChild(document.createElement("span"));
  button.type = "button";
  button.disabled = true;
  button.append(thumbnail(file), words);
  name.textContent = file.name || "Pasted picture";
  says.textContent = "Reading…";
  return {
    item,
    button,
    /** @param {string} sentence */
    note: (sentence) => {
      says.textContent = sentence;
    },
    /** @param {Summary} summary */
    say: ({ headline, detail }) => {
      says.textContent = `${headline}. ${detail}`.replace("?.", "?");
    },
    /** @param {string} sentence */
    fail: (sentence) => {
      item.className = "failed";
      says.textContent = sentence;
    },
  };
}

/** @param {Blob} file */
function thumbnail(file) {
  const image = document.createElement("img");
  image.alt = "";
  image.addEventListener("error", () => image.remove());
  showFile(image, file);
  return image;
}

/**
 * Shows a file in an image, and lets go of it then: an address that is kept keeps the whole file in memory.
 * @param {HTMLImageElement} image
 * @param {Blob} file
 */
export function showFile(image, file) {
  const url = URL.createObjectURL(file);
  for (const end of ["load", "error"]) image.addEventListener(end, () => URL.revokeObjectURL(url), { once: true });
  image.src = url;
}
