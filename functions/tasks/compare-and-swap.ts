/** What to do about what is stored: a write, or nothing, since the result is known. */
export type Step<W, R> = { readonly write: W } | { readonly result: R };

/** What became of a write; refused, it comes back with what is stored instead. */
export type Swapped<S, R> =
  | { readonly applied: true; readonly result: R }
  | { readonly applied: false; readonly stored: S };

/** Other writers were quicker each time. */
export const stillMoving = Symbol("still moving");

/**
 * Compare and swap: decides on a write from what is stored, and decides anew each time another writer was quicker.
 * Resolves to {@link stillMoving} after `maxTries` refused writes; what the caller then does with its intention, which
 * is not lost, is its own business (rule 5).
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
