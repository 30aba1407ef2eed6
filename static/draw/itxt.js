// Writes a text into a PNG picture, so that what is sent has the strokes as well as the pixels of a drawing.

import { bytesOf } from "../browser/base64.js";

const HEADER = 33; // bytes: signature and header chunk, after which other chunks may stand
const MARK = "base64,";
const SLICE = 0x8000; // as many arguments as every engine takes

/**
 * The picture with an uncompressed iTXt chunk (PNG specification, section 11.3.3).
 * @param {string} url a PNG's data URL
 * @param {string} keyword
 * @param {string} text
 */
export function withText(url, keyword, text) {
  const start = url.indexOf(MARK) + MARK.length;
  const picture = bytesOf(url.slice(start));
  const added = chunk(new TextEncoder().encode(`iTXt${keyword}\0\0\0\0\0${text}`));
  return url.slice(0, start) + base64(picture.subarray(0, HEADER), added, picture.subarray(HEADER));
}

/**
 * Length, the bytes given (type and content), and their checksum.
 * @param {Uint8Array} content
 */
function chunk(content) {
  const bytes = new Uint8Array(content.length + 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length - 4); // the type does not count
  bytes.set(content, 4);
  view.setUint32(content.length + 4, crc(content));
  return bytes;
}

/**
 * PNG's checksum (specification, annex D), bit by bit.
 * @param {Uint8Array} bytes
 */
export function crc(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

/** @param {Uint8Array[]} parts */
function base64(...parts) {
  let text = "";
  for (const part of parts) {
    for (let at = 0; at < part.length; at += SLICE) text += String.fromCharCode(...part.subarray(at, at + SLICE));
  }
  return btoa(text);
}
