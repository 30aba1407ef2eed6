// Base64, as data URLs and replies carry bytes.

/**
 * The bytes that base64 stands for.
 * @param {string} base64
 */
export const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
