// The drawings of this browser, kept in IndexedDB. Nothing here ever leaves the machine.
//
// A record is {id, when, guess, confidence, label, strokes, pixels}: `label` is the digit a person said it was,
// or null; `pixels` are the 784 grey values (0..255, ink high) that the network read.

const DATABASE = "mnist-draw";
const STORE = "drawings";

/** The store of drawings. All methods promise; where IndexedDB is forbidden they work on memory alone. */
export class History {
  #records = new Map();
  #database = null;

  /** Reads what was kept before. */
  async open() {
    if (this.#database) return;
    try {
      this.#database = await opened();
      for (const record of await finished(this.#store("readonly").getAll())) this.#records.set(record.id, record);
    } catch (error) {
      if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
      this.#database = null; // private window or storage forbidden: memory has to do
    }
  }

  /** All records, the newest first. */
  get records() {
    return [...this.#records.values()].sort((a, b) => b.when - a.when);
  }

  get(id) { return this.#records.get(id); }

  /** Keeps a record, in place of one with the same id. */
  async keep(record) {
    this.#records.set(record.id, record);
    if (this.#database) await finished(this.#store("readwrite").put(record));
  }

  async drop(id) {
    this.#records.delete(id);
    if (this.#database) await finished(this.#store("readwrite").delete(id));
  }

  async forgetAll() {
    this.#records.clear();
    if (this.#database) await finished(this.#store("readwrite").clear());
  }

  #store(mode) {
    return this.#database.transaction(STORE, mode).objectStore(STORE);
  }
}

function opened() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  return finished(request);
}

function finished(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** How often the network was right: {right, all, corrected}. What nobody corrected counts as right. */
export function tally(records) {
  const corrected = records.filter(({ label, guess }) => label !== null && label !== guess).length;
  return { right: records.length - corrected, all: records.length, corrected };
}

/** The tally as a sentence. */
export function tallySentence(records) {
  const { right, all, corrected } = tally(records);
  if (!all) return "Nothing kept yet.";
  return `Right ${right} of ${all} here` + (corrected ? `; you corrected ${corrected}.` : ": you corrected none.");
}
