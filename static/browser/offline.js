// Installs the service worker that keeps the page usable while its server is away.

/** Without it the page works as long as the server does; browsers refuse it outside of localhost and HTTPS. */
export async function keepPageUsable() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("sw.js");
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error; // refused: nothing is lost
  }
}
