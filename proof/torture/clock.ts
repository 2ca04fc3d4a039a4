import type { Clock } from "../../functions/foundation/clock.ts";

/**
 * Stands in for functions/foundation/clock.ts in the programs of a torture: time there is so many times as fast, the same
 * for all of them. So every wait, lease and backoff of the product is as it is deployed, and keeps its proportion to
 * every other, while a minute has many of them.
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
