/** The first backoff; the retry interval of nog's Go packages (grpclazy.go:19 at commit 4450389). */
export const firstBackoffMs = 20_000;
export const maxBackoffMs = 900_000;

/**
 * How long to wait after the given number of failed attempts in a row, from 1, in milliseconds: 20 s, doubled each
 * time, at most 15 min, with jitter in [d/2, d], so that tasks that failed together do not retry together. `random` is
 * in [0, 1).
 */
export function backoffMs(attempts: number, random: number): number {
  const full = Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.max(0, attempts - 1));
  return Math.round(full / 2 + (full / 2) * random);
}

/**
 * How long to wait after a lease has ended before another run may acquire over it, in milliseconds: 0 up to the first
 * strike, 20 s at the second, then doubled with each strike, at most 15 min.
 */
export function strikeDelayMs(strikes: number): number {
  return strikes < 2 ? 0 : Math.min(maxBackoffMs, firstBackoffMs * 2 ** (strikes - 2));
}
