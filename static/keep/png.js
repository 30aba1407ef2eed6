// Reads the pixels of the small grey PNG that the server sends. Through a canvas it would be shorter, but
// browsers that guard privacy alter what is read back from a canvas.

import { bytesOf } from "../browser/base64.js";

const SIGNATURE = 8; // bytes
const GREY = 0; // PNG's colour type

/**
 * Pixels (row by row) of an 8-bit grey PNG. Throws RangeError for any other.
 * @param {string} url a data URL
 */
export async function greys(url) {
  const bytes = bytesOf(url.slice(url.indexOf(",") + 1));
  const { header, packed } = chunks(bytes);
  if (header?.getUint8(8) !== 8 || header.getUint8(9) !== GREY || header.getUint8(12) !== 0) {
    throw new RangeError("not an 8-bit grey PNG");
  }
  return unfilter(await inflate(packed), header.getUint32(0), header.getUint32(4));
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
function chunks(bytes) {
  const view = new DataView(bytes.buffer);
  const packed = [];
  /** @type {DataView | null} */
  let header = null;
  for (let at = SIGNATURE; at < bytes.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "IHDR") header = new DataView(bytes.buffer, at + 8, length);
    if (type === "IDAT") packed.push(bytes.subarray(at + 8, at + 8 + length));
    at += length + 12; // length, type and checksum have four bytes each
  }
  return { header, packed };
}

/** @param {Uint8Array<ArrayBuffer>[]} parts */
async function inflate(parts) {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Undoes PNG's five row filters (PNG specification, section 9) for one byte a pixel.
 * @param {Uint8Array} rows
 * @param {number} width
 * @param {number} height
 */
export function unfilter(rows, width, height) {
  const pixels = new Uint8Array(width * height);
  /**
   * @param {number} x
   * @param {number} y
   */
  const at = (x, y) => (x < 0 || y < 0 ? 0 : pixels[y * width + x]);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (width + 1)];
    for (let x = 0; x < width; x++) {
      const guess = PREDICTORS[filter](at(x - 1, y), at(x, y - 1), at(x - 1, y - 1));
      pixels[y * width + x] = rows[y * (width + 1) + 1 + x] + guess; // modulo 256, as the array does it
    }
  }
  return pixels;
}

/** @type {((left: number, up: number, corner: number) => number)[]} */
const PREDICTORS = [() => 0, (left) => left, (_left, up) => up, (left, up) => (left + up) >> 1, paeth];

/**
 * @param {number} left
 * @param {number} up
 * @param {number} corner
 */
function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(guess - value));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
