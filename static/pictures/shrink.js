// Makes a file fit for sending: says what is none, and scales down what is larger than the server takes.

import { Failure } from "../ask/request.js";
import { context2d } from "../browser/page.js";

const MAX_BYTES = 8 * 1024 * 1024; // the server's limit
const MAX_SIDE = 4096; // pixels: what a phone's camera has more of, and no digit needs
const MAX_WEBP = 9_000_000; // pixels of a WebP, the server's limit
const SIDE = 1600; // pixels, of a picture that had to be scaled: more than enough for one digit

/**
 * The file itself or a smaller picture of it. Throws a Failure with a sentence for what can't be sent.
 * @param {File} file
 * @returns {Promise<Blob>}
 */
export async function manageable(file) {
  if (!file.size) throw new Failure("This file is empty.");
  if (!file.type.startsWith("image/")) throw new Failure("This is not a picture. Send PNG, JPEG, WebP, GIF or BMP.");
  if (!(await readable(file))) throw new Failure("This file can't be read. Is it a folder, or has it been moved?");
  const bitmap = await decoded(file);
  if (!bitmap) return unknown(file);
  const picture = fits(file, bitmap) ? file : await scaled(bitmap);
  bitmap.close();
  return picture;
}

/**
 * Whether the server takes a picture as it is.
 * @param {File} file
 * @param {ImageBitmap} bitmap
 */
function fits(file, { width, height }) {
  const pixels = file.type === "image/webp" ? MAX_WEBP : MAX_SIDE * MAX_SIDE;
  return file.size <= MAX_BYTES && Math.max(width, height) <= MAX_SIDE && width * height <= pixels;
}

/**
 * A file that this browser can't decode: the server says what is wrong with it, or can.
 * @param {File} file
 */
function unknown(file) {
  if (file.size > MAX_BYTES) throw new Failure("This file is larger than 8 MB and can't be scaled down here.");
  return file;
}

/** @param {File} file */
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return false;
  }
}

/** @param {File} file */
async function decoded(file) {
  try {
    return await createImageBitmap(file);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return null;
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @returns {Promise<Blob>}
 */
function scaled(bitmap) {
  const scale = SIDE / Math.max(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = context2d(canvas);
  context.fillStyle = "#fff"; // what is transparent counts as paper
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    const refused = new Failure("This picture can't be scaled down here.");
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(refused)), "image/jpeg", 0.9);
  });
}
