// The only module that talks to the server: sends pictures, reads replies, turns failures into sentences.

const SCRIPT = "cgi-bin/mnist.py";
const PATIENCE_MS = 30_000;

/** What went wrong, in a sentence to show; `retry` is the pause in seconds after which trying again may help. */
export class Failure extends Error {
  constructor(sentence, { retry = null, away = false } = {}) {
    super(sentence);
    this.retry = retry;
    this.away = away;
  }
}

export const SENTENCES = {
  away: "The server can't be reached. Start it with “make serve” in the project's folder; your drawing stays here.",
  slow: "The server has not answered for half a minute; your drawing stays here.",
  script: "The server is there, but its script could not run: the Python that runs cgi-bin/mnist.py lacks the packages "
    + "or can't reach them. Start the server with “make serve”, or activate the environment in which "
    + "“pip install -r requirements.txt” was run; the server's terminal says more.",
  noCgi: "This server hands out files but does not run scripts. Start it with “make serve”, "
    + "or with “python -m http.server --cgi 8000”.",
  strange: "The server's answer has a form that this page does not know. Reload the page.",
};

/** Scores one picture (a data URL or a file). `options` become the query: model, explain, digit. */
export async function score(picture, options = {}) {
  const reply = await request({ method: "POST", body: picture }, options);
  if (!wellFormed(reply)) throw new Failure(SENTENCES.strange);
  return reply;
}

/** What the server offers: {models: [{name, title, accuracy, ...}], default}. */
export async function offer() {
  return request({ method: "GET" });
}

async function request(init, options = {}) {
  const query = new URLSearchParams(Object.entries(options).filter(([, value]) => value !== undefined && value !== ""));
  const url = `${query}` ? `${SCRIPT}?${query}` : SCRIPT;
  let response, text;
  try {
    response = await fetch(url, { ...init, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    text = await response.text();
  } catch (error) {
    throw unreachable(error);
  }
  return understand(response.status, text, response.headers.get("Retry-After"));
}

function unreachable(error) {
  if (error.name === "TimeoutError") return new Failure(SENTENCES.slow, { retry: 1, away: true });
  if (error instanceof TypeError) return new Failure(SENTENCES.away, { retry: 0.25, away: true });
  return error;
}

/**
 * Reads a reply. `http.server --cgi` answers 200 whatever a script says, so it is `result` that counts;
 * what is not JSON does not come from the script at all.
 */
export function understand(status, text, retryAfter = null) {
  const reply = parse(text);
  if (reply === null || typeof reply !== "object") throw new Failure(notFromScript(status, text));
  if (reply.result === 1) return reply;
  const retry = Number(retryAfter ?? reply.retry_after ?? NaN);
  throw new Failure(reply.error || SENTENCES.strange, { retry: Number.isFinite(retry) ? retry : null });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}

function notFromScript(status, text) {
  return [404, 405, 501].includes(status) || text.startsWith("#!") ? SENTENCES.noCgi : SENTENCES.script;
}

function wellFormed({ data, results }) {
  if (results) return Array.isArray(results);
  return Array.isArray(data) && data.length === 10 && data.every(Number.isFinite);
}
