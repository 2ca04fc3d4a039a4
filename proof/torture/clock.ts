import type { Clock } from "../../functions/foundation/clock.ts";

/**
 * Replaces functions/foundation/clock.ts in the programs of a torture: time runs faster by the same factor in all of
 * them. Every wait, lease and backoff is as deployed and keeps its proportion to the others, while a minute has many of
 * them.
 */
const speed = Number(process.env.TORTURE_SPEED ?? 1);
const since = Number(process.env.TORTURE_SINCE ?? 0);

export const systemClock: Clock = {
  now: () => since + Math.floor((Date.now() - since) * speed),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms / speed);
      signal?.addEventListener("abort", end, { once: true });
    }),
};
