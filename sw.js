// Keeps the page usable while its server is away. What the server has is always preferred, so that a new
// release shows at the next visit; the copy kept here is for when it does not answer.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

const CACHE = "mnist-draw";
const PATIENCE_MS = 4000;
const SHELL = [
  "./",
  "static/ask/asker.js",
  "static/ask/patience.js",
  "static/ask/request.js",
  "static/browser/colours.js",
  "static/browser/offline.js",
  "static/browser/page.js",
  "static/browser/privacy.js",
  "static/browser/settings.js",
  "static/draw/drawing.js",
  "static/draw/geometry.js",
  "static/draw/keyboard.js",
  "static/draw/paint.js",
  "static/draw/pen.js",
  "static/draw/samples.js",
  "static/draw/screen.js",
  "static/draw/sketch.js",
  "static/draw/tools.js",
  "static/icon-maskable.svg",
  "static/icon.svg",
  "static/keep/album.js",
  "static/keep/export.js",
  "static/keep/history.js",
  "static/keep/png.js",
  "static/keep/teach.js",
  "static/keys.js",
  "static/main.js",
  "static/manifest.webmanifest",
  "static/pictures/intake.js",
  "static/pictures/list.js",
  "static/pictures/shrink.js",
  "static/show/answer.js",
  "static/show/chart.js",
  "static/show/heat.js",
  "static/show/models.js",
  "static/show/why.js",
  "static/show/words.js",
  "static/style.css",
  "static/theme.js",
];
const KEPT = new Set(SHELL.map((path) => new URL(path, worker.registration.scope).href));

worker.addEventListener("install", (event) => {
  worker.skipWaiting();
  event.waitUntil(
    caches.open(CACHE).then((cache) => cache.addAll(SHELL.map((path) => new Request(path, { cache: "no-cache" })))),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([worker.clients.claim(), dropOld()]));
});

worker.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || !KEPT.has(plain(event.request.url))) return;
  event.respondWith(freshOrKept(event.request));
});

/**
 * @param {Request} request
 * @returns {Promise<Response>}
 */
async function freshOrKept(request) {
  const cache = await caches.open(CACHE);
  const key = plain(request.url);
  try {
    const response = await fetch(request, { cache: "no-cache", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) await cache.put(key, response.clone());
    return response.ok ? response : ((await cache.match(key)) ?? response);
  } catch (error) {
    const kept = await cache.match(key);
    if (!kept) throw error;
    return kept;
  }
}

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
