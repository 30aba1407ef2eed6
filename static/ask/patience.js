// When to ask again a server that is busy or away. One arithmetic for whoever asks.

/** The pause before a further try lies between two neighbours of these, in seconds; the last two are repeated. */
const STEPS = [0, 0.5, 1, 2, 4, 8];
const TRIES = 6; // then the failure is shown, and who wants to try again presses the button

/**
 * Whether trying again may help.
 * @param {Trouble} failure
 * @returns {failure is Trouble & {retry: number}}
 */
export const mayPass = (failure) => Number.isFinite(failure.retry);

/**
 * Seconds to wait after so many tries in vain: as long as the server asks for, and longer each time. `chance` is
 * between 0 and 1: at random, since a class that starts as one must spread.
 * @param {number} tries
 * @param {number} retry seconds
 */
export function pauseAfter(tries, retry, chance = Math.random()) {
  const step = Math.min(tries, STEPS.length - 1);
  return retry + STEPS[step - 1] + chance * (STEPS[step] - STEPS[step - 1]);
}

/**
 * Asks until there is a reply, more tries are in vain, or nobody has `wanted` it any more. `waits` hears of pauses.
 * @template Reply
 * @param {() => Promise<Reply>} ask
 * @param {Patience} [listener]
 */
export async function patiently(ask, { waits = () => {}, wanted = () => true } = {}) {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      const failure = /** @type {Trouble} */ (error);
      if (!mayPass(failure) || tries === TRIES || !wanted()) throw failure;
      waits(failure);
      await new Promise((resolve) => setTimeout(resolve, 1000 * pauseAfter(tries, failure.retry)));
      if (!wanted()) throw failure;
    }
  }
}
