import { setMaxListeners } from "node:events";

/**
 * A controller that also aborts when `signal` does, with its reason. The caller aborts it in the end, which removes its
 * listener from `signal`.
 *
 * Not `AbortSignal.any`: Node keeps a listener of its result, and all that the listener reaches, for the life of the
 * process, even after the abort (2.8 KB each in Node 20.20, 150 bytes in 24.21).
 */
export function linkedAbortController(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  const follow = () => controller.abort(signal.reason);
  if (signal.aborted) {
    follow();
    return controller;
  }
  // Node warns of a leak at 11 listeners; an invocation has one for each run and stream.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", follow, { once: true });
  controller.signal.addEventListener("abort", () => signal.removeEventListener("abort", follow), { once: true });
  return controller;
}

/** A shared reason: an abort without a reason creates an exception, with a stack, each time. */
export const noLongerNeeded = new DOMException("no longer needed", "AbortError");
