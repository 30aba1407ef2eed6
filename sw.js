// Keeps the page usable while its server is away. What the server has is always preferred, so that a new
// release shows at the next visit; the copy kept here is for when the network fails, and for nothing else.
//
// An address like localhost:8000 is shared by whatever programs use that port in turn. So only what carries our mark
// is kept, and once another program answers in our place, this worker and its copy are gone.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

const CACHE = "mnist-draw";
const MARK = '<meta name="application-name" content="MNIST Draw">';
const HEAD = 4096; // bytes at a page's beginning that have the mark
const SHELL = [
  "./",
  "static/ask/asker.js",
  "static/ask/patience.js",
  "static/ask/request.js",
  "static/below.css",
  "static/browser/base64.js",
  "static/browser/colours.js",
  "static/browser/frame.js",
  "static/browser/offline.js",
  "static/browser/page.js",
  "static/browser/privacy.js",
  "static/browser/settings.js",
  "static/draw/drawing.js",
  "static/draw/geometry.js",
  "static/draw/itxt.js",
  "static/draw/keyboard.js",
  "static/draw/paint.js",
  "static/draw/pen.js",
  "static/draw/read.js",
  "static/draw/samples.js",
  "static/draw/screen.js",
  "static/draw/share.js",
  "static/draw/sketch.js",
  "static/draw/tools.js",
  "static/icon-maskable.svg",
  "static/icon.svg",
  "static/keep/album.js",
  "static/keep/export.js",
  "static/keep/history.js",
  "static/keep/link.js",
  "static/keep/picture.js",
  "static/keep/png.js",
  "static/keep/take.js",
  "static/keep/teach.js",
  "static/keys.js",
  "static/main.js",
  "static/manifest.webmanifest",
  "static/pictures/brought.js",
  "static/pictures/intake.js",
  "static/pictures/list.js",
  "static/show/answer.js",
  "static/show/chart.js",
  "static/show/digits.js",
  "static/show/heat.js",
  "static/show/models.js",
  "static/show/spelling.js",
  "static/show/stage.js",
  "static/show/stencil.js",
  "static/show/why.js",
  "static/show/words.js",
  "static/style.css",
  "static/theme.js",
  "static/think/think.js",
];
// Of no use without the server, so kept once it was asked for: a first visit loads less.
const LATER = [
  "static/pictures/shrink.js",
  "static/think/build.js",
  "static/think/fool.js",
  "static/think/grid.js",
  "static/think/lens.js",
  "static/think/network.js",
  "static/think/place.js",
  "static/think/strokes.js",
  "static/think/think.css",
];
const PAGE = new URL("./", worker.registration.scope).href;
const KEPT = new Set([...SHELL, ...LATER].map((path) => new URL(path, worker.registration.scope).href));

/**
 * The pages that are open, by their client's id: the kept copy, or one from the network, which is ours or is not.
 * A page of which nothing is known here, as after this worker's rest, asks the network as if there were no worker.
 * @type {Map<string, "kept" | Promise<boolean>>}
 */
const visits = new Map();

worker.addEventListener("install", (event) => {
  worker.skipWaiting();
  event.waitUntil(keepAll());
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([worker.clients.claim(), dropOld()]));
});

worker.addEventListener("fetch", (event) => {
  const key = plain(event.request.url);
  if (event.request.method !== "GET" || !KEPT.has(key)) return;
  if (key === PAGE) return event.request.mode === "navigate" ? event.respondWith(page(event)) : undefined;
  const visit = visits.get(event.clientId);
  if (visit) event.respondWith(file(event, key, visit));
});

/** Keeps the files of the page's shell. Throws TypeError where one is missing or another program answers. */
async function keepAll() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.map((path) => new Request(path, { cache: "no-cache" })));
  const copy = await kept(PAGE);
  if (copy && (await isOurs(copy))) return;
  await caches.delete(CACHE);
  throw new TypeError("Another program answers at this address");
}

/**
 * The page, whatever the server says in its place, or our copy where the network fails.
 * @param {FetchEvent} event
 * @returns {Promise<Response>}
 */
async function page(event) {
  try {
    const response = await fetch(event.request, { cache: "no-cache" });
    const ours = isOurs(response.clone());
    visits.set(event.resultingClientId, ours);
    event.waitUntil(keepOrLeave(response.clone(), ours));
    return response;
  } catch (error) {
    const copy = await kept(PAGE);
    if (!copy) throw error;
    visits.set(event.resultingClientId, "kept");
    return copy;
  }
}

/**
 * A file that a page asks for: from where that page came.
 * @param {FetchEvent} event
 * @param {string} key
 * @param {"kept" | Promise<boolean>} visit
 * @returns {Promise<Response>}
 */
async function file(event, key, visit) {
  if (visit === "kept") return (await kept(key)) ?? fetch(event.request);
  try {
    const response = await fetch(event.request, { cache: "no-cache" });
    if (response.ok) event.waitUntil(keepIfOurs(key, response.clone(), visit));
    return response;
  } catch (error) {
    const copy = (await visit) ? await kept(key) : undefined;
    if (!copy) throw error;
    return copy;
  }
}

/**
 * Whether a page carries our mark; no more of it is read than has to be.
 * @param {Response} response
 */
async function isOurs({ ok, body }) {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let head = "";
  while (ok && reader && head.length < HEAD && !head.includes(MARK)) {
    const { done, value } = await reader.read();
    if (done) break;
    head += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return head.includes(MARK);
}

/**
 * Keeps our page; in the place of another program's page, keeps nothing and goes.
 * @param {Response} response
 * @param {Promise<boolean>} ours
 */
async function keepOrLeave(response, ours) {
  if (await keepIfOurs(PAGE, response, ours)) return;
  await caches.delete(CACHE);
  await worker.registration.unregister();
}

/**
 * @param {string} key
 * @param {Response} response
 * @param {Promise<boolean>} ours
 */
async function keepIfOurs(key, response, ours) {
  if (!(await ours)) {
    await response.body?.cancel();
    return false;
  }
  const cache = await caches.open(CACHE);
  await cache.put(key, response);
  return true;
}

/** @param {string} key */
const kept = (key) => caches.match(key, { cacheName: CACHE });

// A release that drops a file drops it here too.
async function dropOld() {
  const cache = await caches.open(CACHE);
  const old = (await cache.keys()).filter(({ url }) => !KEPT.has(url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

/**
 * An address without its query.
 * @param {string} url
 */
function plain(url) {
  const { origin, pathname } = new URL(url);
  return origin + pathname.replace(/index\.html$/, "");
}
