// The picture of a person's own that lies on the paper in place of a drawing.

import { showFile } from "./list.js";

/** Shows one picture on the paper, or none. */
export class Brought {
  #image;
  /** @type {Blob | null} */
  picture = null;

  /**
   * @param {Find} find
   * @param {(size: Size) => void} loaded hears how large it is, in pixels
   */
  constructor(find, loaded) {
    this.#image = find("shown", HTMLImageElement);
    this.#image.addEventListener("load", () => loaded(this.size));
  }

  /** Its size in pixels, as far as it is known. */
  get size() {
    return { width: this.#image.naturalWidth, height: this.#image.naturalHeight };
  }

  /** @param {Blob} picture */
  show(picture) {
    this.picture = picture;
    showFile(this.#image, picture);
    this.#image.hidden = false;
  }

  away() {
    this.picture = null;
    this.#image.hidden = true;
  }
}
