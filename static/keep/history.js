// The drawings of this browser, kept in IndexedDB. Nothing here ever leaves the machine.

/**
 * A drawing and its answer, as they are kept.
 * @typedef {object} DrawingRecord
 * @property {string} id
 * @property {number} when milliseconds since 1970
 * @property {number} guess the digit that the network read
 * @property {number} confidence its score, 0..1
 * @property {number | null} label the digit a person said it was
 * @property {Stroke[]} strokes
 * @property {Uint8Array} pixels the 784 grey values (0..255, ink high) that the network read
 */

/** @import { Stroke } from "../draw/geometry.js" */

const DATABASE = "mnist-draw";
const STORE = "drawings";

export const NOT_KEPT =
  "This browser does not keep them now, because its storage is full or forbidden: they go when this page " +
  "closes. Save them as a file if you need them.";
export const NOT_READ = "Some drawings that this browser keeps can't be read and are left out.";
export const NOT_FORGOTTEN = "This browser refused to forget them. Delete this site's data in the browser's settings.";

/** The store of drawings. All methods promise; what IndexedDB refuses to keep lives in memory alone. */
export class History {
  /** @type {Map<string, DrawingRecord>} */
  #records = new Map();
  /** @type {IDBDatabase | null} */
  #database = null;
  /** @type {string | null} what the browser refused, in a sentence */
  trouble = null;

  /** Reads what was kept before. */
  async open() {
    if (this.#database) return;
    try {
      this.#database = await opened();
      /** @type {IDBRequest<DrawingRecord[]>} */
      const all = this.#database.transaction(STORE).objectStore(STORE).getAll();
      const found = await finished(all);
      for (const record of found.filter(whole)) this.#records.set(record.id, record);
      if (this.#records.size < found.length) this.trouble = NOT_READ;
    } catch (error) {
      if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
      this.#database = null; // a private window or storage forbidden
      this.trouble = NOT_KEPT;
    }
  }

  /** All records, the newest first. */
  get records() {
    return [...this.#records.values()].sort((a, b) => b.when - a.when);
  }

  /** @param {string} id */
  get(id) {
    return this.#records.get(id);
  }

  /**
   * Keeps a record, in place of one with the same id.
   * @param {DrawingRecord} record
   */
  async keep(record) {
    this.#records.set(record.id, record);
    await this.#write((store) => store.put(record), NOT_KEPT);
  }

  /** Forgets all records, unless the browser refuses. */
  async forgetAll() {
    if (await this.#write((store) => store.clear(), NOT_FORGOTTEN)) this.#records.clear();
  }

  /**
   * Says whether the browser did it.
   * @param {(store: IDBObjectStore) => void} change
   * @param {string} refusal what to say if not
   */
  async #write(change, refusal) {
    if (!this.#database) return true;
    try {
      const transaction = this.#database.transaction(STORE, "readwrite");
      change(transaction.objectStore(STORE));
      await committed(transaction);
      this.trouble = null;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.trouble = refusal;
    }
    return !this.trouble;
  }
}

/**
 * Whether a record has all that is read of it: another program on this address, or another release, may have kept it.
 * @param {DrawingRecord} record
 */
function whole({ when, guess, confidence, label, strokes, pixels }) {
  const known = isDigit(guess) && (label === null || isDigit(label)) && Number.isFinite(confidence);
  const dated = Number.isFinite(new Date(when).getTime());
  const drawn = Array.isArray(strokes) && strokes.length > 0 && strokes.every(drawable);
  return known && dated && drawn && pixels instanceof Uint8Array && pixels.length === 784;
}

/** @param {unknown} value */
const isDigit = (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 9;

/** @param {Stroke} [stroke] */
function drawable(stroke) {
  const points = stroke?.points;
  if (!Number.isFinite(stroke?.width) || !Array.isArray(points)) return false;
  return points.length > 0 && points.every((p) => p && [p.x, p.y, p.pressure].every(Number.isFinite));
}

function opened() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  return finished(request);
}

/**
 * @template Result
 * @param {IDBRequest<Result>} request
 * @returns {Promise<Result>}
 */
function finished(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * A full disk may show only when all is written, so a request that succeeded says little.
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
function committed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

/**
 * How often the network was right. What nobody corrected counts as right.
 * @param {Pick<DrawingRecord, "label" | "guess">[]} records
 */
export function tally(records) {
  const corrected = records.filter(({ label, guess }) => label !== null && label !== guess).length;
  return { right: records.length - corrected, all: records.length, corrected };
}

/**
 * The tally as a sentence.
 * @param {DrawingRecord[]} records
 */
export function tallySentence(records) {
  const { right, all, corrected } = tally(records);
  if (!all) return "Nothing kept yet.";
  return `Right ${right} of ${all} here` + (corrected ? `; you corrected ${corrected}.` : ": you corrected none.");
}
