/** First wait after a failure, the seed's own retry interval (nog 4450389, grpclazy.go). */
export const firstBackoffMs = 20_000;
/** Longest wait. */
export const maxBackoffMs = 900_000;

/**
 * How long to wait after the given number of failed attempts in a row, from 1: 20 s, doubled each time, at most 15 min,
 * with jitter in [d/2, d] so that what failed together does not come back together. `random` is in [0, 1).
 */
export function backoffMs(attempts: number, random: number): number {
  const full = Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.max(0, attempts - 1));
  return Math.round(full / 2 + (full / 2) * random);
}

/** How much longer a dead lease is left alone after the given number of strikes: nothing for the first. */
export function strikeDelayMs(strikes: number): number {
  return strikes < 2 ? 0 : Math.min(maxBackoffMs, firstBackoffMs * 2 ** (strikes - 2));
}
