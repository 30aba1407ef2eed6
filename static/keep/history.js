// The drawings of this browser, kept in IndexedDB. Nothing here ever leaves the machine.

const DATABASE = "mnist-draw";
const STORE = "drawings";
export const SHOWN = 60;
const HELD = 80; // some may be dropped before others have to be searched for

export const NOT_KEPT =
  "This browser does not keep them now, because its storage is full or forbidden: they go when this page " +
  "closes. Save them as a file if you need them.";
export const NOT_READ = "Some drawings that this browser keeps can't be read and are left out.";
export const NOT_FORGOTTEN = "This browser refused to forget them. Delete this site's data in the browser's settings.";

/**
 * The store of drawings. In memory are counts, the newest, and what the browser refuses to keep. IndexedDB has changes
 * wait for each other, so each begins with what the one before has left.
 */
export class History {
  /** @type {Map<string, DrawingRecord>} */
  #unkept = new Map();
  /** @type {IDBDatabase | undefined} */
  #database;
  /** @type {string | null} what the browser refused, in a sentence */
  trouble = null;
  counts = none();
  /** @type {DrawingRecord[]} `SHOWN` or more, if there are so many */
  newest = [];
  opened = this.#open();

  /** Reads what was kept before. */
  async #open() {
    try {
      const request = indexedDB.open(DATABASE, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      this.#database = await finished(request);
    } catch (error) {
      if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
      this.trouble = NOT_KEPT; // a private window or storage forbidden
    }
    await this.#survey();
  }

  async #survey() {
    const counts = none();
    /** @type {DrawingRecord[]} */
    let newest = [];
    await this.each((record) => {
      count(counts, record);
      newest.push(record);
      if (newest.length > 2 * HELD) newest = young(newest);
    });
    this.counts = counts;
    this.newest = young(newest);
  }

  /**
   * Hands out all records, those that other tabs kept too, one by one.
   * @param {(record: DrawingRecord) => void} take
   */
  async each(take) {
    await this.#transact("readonly", NOT_READ, async (store) => {
      const request = store.openCursor();
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return;
        if (!whole(cursor.value)) this.trouble = NOT_READ;
        else if (!this.#unkept.has(cursor.value.id)) take(cursor.value);
        cursor.continue();
      };
    });
    for (const record of this.#unkept.values()) take(record);
  }

  /**
   * Changes a record, and promises what it is then.
   * @param {string} id
   * @param {Make} make
   * @param {string} refusal what to say if the browser refuses
   */
  async change(id, make, refusal = NOT_KEPT) {
    await this.opened;
    const known = () => this.#unkept.get(id) ?? this.newest.find((record) => record.id === id);
    let before = known();
    let after = /** @type {ReturnType<Make>} */ (undefined);
    const done = await this.#transact("readwrite", refusal, async (store) => {
      const stored = await finished(store.get(id));
      before = known() ?? stored;
      after = make(before);
      if (after) store.put(after);
      if (after === null) store.delete(id);
    });
    if (!done) after ??= make(before); // it may not even have been read
    if (after === undefined || (after === null && done === false)) return before;
    if (done) this.trouble = null;
    if (after && !done) this.#unkept.set(id, after);
    else this.#unkept.delete(id);
    await this.#changed(id, before, after);
    return after ?? undefined;
  }

  /**
   * @param {string} id
   * @param {DrawingRecord | undefined} before
   * @param {DrawingRecord | null} after
   */
  async #changed(id, before, after) {
    if (before) count(this.counts, before, -1);
    if (after) count(this.counts, after);
    const others = this.newest.filter((record) => record.id !== id);
    const held = !before || others.length < this.newest.length;
    this.newest = after && held ? young([...others, after]) : others;
    if (this.newest.length < Math.min(SHOWN, this.counts.all)) await this.#survey();
  }

  /** Forgets all records, unless the browser refuses. */
  async forgetAll() {
    const done = await this.#transact("readwrite", NOT_FORGOTTEN, async (store) => store.clear());
    if (done === false) return;
    if (done) this.trouble = null;
    this.#unkept.clear();
    await this.#survey();
  }

  /**
   * Whether the browser did it, to the end: a full disk may show only when all is written. Undefined without a database.
   * @param {IDBTransactionMode} mode
   * @param {string} refusal
   * @param {(store: IDBObjectStore) => Promise<unknown>} work
   */
  async #transact(mode, refusal, work) {
    if (!this.#database) return undefined;
    try {
      const transaction = this.#database.transaction(STORE, mode);
      const committed = new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      await Promise.all([work(transaction.objectStore(STORE)), committed]);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.trouble = refusal;
      return false;
    }
    return true;
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

/** @returns {Counts} */
const none = () => ({ all: 0, labelled: 0, corrected: 0 });

/**
 * @param {Counts} counts
 * @param {DrawingRecord} record
 */
function count(counts, { label, guess }, by = 1) {
  counts.all += by;
  if (label !== null) counts.labelled += by;
  if (label !== null && label !== guess) counts.corrected += by;
}

/** @type {(a: Dated, b: Dated) => number} */
export const byAge = (a, b) => b.when - a.when;

/** @param {DrawingRecord[]} records */
const young = (records) => records.sort(byAge).slice(0, HELD);
