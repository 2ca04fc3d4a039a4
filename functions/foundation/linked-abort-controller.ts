import { setMaxListeners } from "node:events";

/**
 * A controller that also aborts when `signal` does, with its reason. Whoever asks for it aborts it in the end, and so
 * lets go of `signal`.
 *
 * Not `AbortSignal.any`: of a signal that it made, Node keeps a listener, and all that the listener reaches, for the
 * life of the process, though the signal has aborted (2.8 KB each in Node 20.20, 150 bytes in 24.21).
 */
export function linkedAbortController(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  const follow = () => controller.abort(signal.reason);
  if (signal.aborted) {
    follow();
    return controller;
  }
  // Many streams and runs of one invocation are no leak.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", follow, { once: true });
  controller.signal.addEventListener("abort", () => signal.removeEventListener("abort", follow), { once: true });
  return controller;
}

/** A reason made once: an abort without one makes an exception, with its stack, each time. */
export const noLongerNeeded = new DOMException("no longer needed", "AbortError");
