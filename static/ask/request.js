// The only module that talks to the server: sends pictures, reads replies, turns failures into sentences.

const SCRIPT = "cgi-bin/mnist.py";
const PATIENCE_MS = 30_000;

/** What went wrong, in a sentence to show. */
export class Failure extends Error {
  /**
   * @param {string} sentence
   * @param {{retry?: number | null, away?: boolean}} [how] `retry`: seconds after which trying again may help;
   *   `away`: the server does not answer at all
   */
  constructor(sentence, { retry = null, away = false } = {}) {
    super(sentence);
    this.retry = retry;
    this.away = away;
  }
}

export const SENTENCES = {
  away: "The server can't be reached. Start it with “make serve” in the project's folder; your drawing stays here.",
  slow: "The server has not answered for half a minute; your drawing stays here.",
  script:
    "The server is there, but its script could not run: the Python that runs cgi-bin/mnist.py lacks the packages " +
    "or can't reach them. Start the server with “make serve”, or activate the environment in which " +
    "“pip install -r requirements.txt” was run; the server's terminal says more.",
  killed:
    "The server is there, but its script ended without an answer: it was stopped, or no Python was found that runs " +
    "cgi-bin/mnist.py. Start the server with “make serve”; its terminal says more.",
  noCgi:
    "This server hands out files but does not run scripts. Start it with “make serve”, " +
    "or with “python -m http.server --cgi 8000”.",
  strange: "The server's answer has a form that this page does not know. Reload the page.",
};

/**
 * Scores one picture.
 * @param {Picture | FormData} picture or several, as files of a form
 * @param {Query} [query]
 * @returns {Promise<Reply>}
 */
export async function score(picture, query = {}) {
  const reply = await request({ method: "POST", body: picture }, query);
  if (!wellFormed(reply)) throw new Failure(SENTENCES.strange);
  return reply;
}

/**
 * The models that the server has.
 * @returns {Promise<Offer>}
 */
export async function offer() {
  return request({ method: "GET" });
}

/**
 * @param {RequestInit} init
 * @param {Query} [query]
 */
async function request(init, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  const url = `${search}` ? `${SCRIPT}?${search}` : SCRIPT;
  /** @type {Response} */
  let response;
  /** @type {string} */
  let text;
  try {
    response = await fetch(url, { ...init, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    text = await response.text();
  } catch (error) {
    throw unreachable(error);
  }
  return understand(response.status, text, response.headers.get("Retry-After"));
}

/** @param {unknown} error */
function unreachable(error) {
  const late = error instanceof DOMException && error.name === "TimeoutError";
  if (late) return new Failure(SENTENCES.slow, { retry: 1, away: true });
  if (error instanceof TypeError) return new Failure(SENTENCES.away, { retry: 0.25, away: true });
  return error;
}

/**
 * Reads a reply. `http.server --cgi` answers 200 whatever a script says, so it is `result` that counts;
 * what is not JSON does not come from the script at all. Throws a Failure for all but an answer.
 * @param {number} status
 * @param {string} text
 * @param {string | null} [retryAfter]
 */
export function understand(status, text, retryAfter = null) {
  const reply = parse(text);
  if (reply === null || typeof reply !== "object") throw notFromScript(status, text);
  if (reply.result === 1) return reply;
  const retry = Number(retryAfter ?? reply.retry_after ?? NaN);
  throw new Failure(reply.error || SENTENCES.strange, { retry: Number.isFinite(retry) ? retry : null });
}

/**
 * @param {string} text
 * @returns {Answer | null}
 */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}

/**
 * What to say of a reply that the script did not write, or not to its end: a script that was killed may answer next
 * time.
 * @param {number} status
 * @param {string} text
 */
function notFromScript(status, text) {
  if ([404, 405, 501].includes(status) || text.startsWith("#!")) return new Failure(SENTENCES.noCgi);
  const killed = text.trim() === "" || text.startsWith("{") || status >= 500;
  return killed ? new Failure(SENTENCES.killed, { retry: 0.25, away: true }) : new Failure(SENTENCES.script);
}

/**
 * @param {Answer} answer
 * @returns {answer is Answer & Reply}
 */
function wellFormed(answer) {
  const { results, digits = [] } = answer;
  if (results) return Array.isArray(results);
  return Array.isArray(digits) && [answer, ...digits].every(({ data }) => tenScores(data));
}

/** @param {unknown} data */
const tenScores = (data) => Array.isArray(data) && data.length === 10 && data.every(Number.isFinite);
