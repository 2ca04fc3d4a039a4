/** The next step for a stored value: a write, or a result that needs no write. */
export type Step<W, R> = { readonly write: W } | { readonly result: R };

/** The result of a write; if it was refused, with the value that is stored instead. */
export type Swapped<S, R> =
  | { readonly applied: true; readonly result: R }
  | { readonly applied: false; readonly stored: S };

/** Other writers won every try. */
export const stillMoving = Symbol("still moving");

/**
 * Compare and swap: decides on a write from the stored value, and decides again each time another writer was first.
 * Resolves to {@link stillMoving} after `maxTries` refused writes. Then nothing was written, and the caller must not
 * lose its intention (rule 5).
 */
export async function compareAndSwap<S, W, R>(
  first: S,
  maxTries: number,
  decide: (stored: S) => Step<W, R> | Promise<Step<W, R>>,
  write: (write: W, stored: S) => Promise<Swapped<S, R>>,
): Promise<R | typeof stillMoving> {
  let stored = first;
  for (let tries = 1; tries <= maxTries; tries++) {
    const step = await decide(stored);
    if ("result" in step) return step.result;
    const swapped = await write(step.write, stored);
    if (swapped.applied) return swapped.result;
    stored = swapped.stored;
  }
  return stillMoving;
}
