import type { HandlerContext } from "@connectrpc/connect";
import { abortedCall, shutdown } from "./fault.ts";

/** An open stream or a waiting call. */
export interface OpenCall {
  /** Aborts when the client disconnects, its deadline passes, or the server shuts down. */
  readonly signal: AbortSignal;
  /** Runs `release` when the call ends, at the latest when its signal aborts. */
  onEnd(release: () => void): void;
  /** Throws if the call must end now: Unavailable "shutdown", or the reason of the client's abort. */
  check(): void;
  /** Ends the call. Idempotent. */
  end(): void;
}

/** All open streams and waiting calls of a server. */
export class Calls {
  readonly #open = new Set<AbortController>();
  #isShutdown = false;

  get open(): number {
    return this.#open.size;
  }

  /** Ends every open and later call with Unavailable "shutdown". */
  shutdown(): void {
    this.#isShutdown = true;
    for (const call of this.#open) call.abort();
  }

  begin(context: HandlerContext): OpenCall {
    const call = new AbortController();
    const releases: (() => void)[] = [];
    let ended = false;
    const abort = () => call.abort();
    const end = () => {
      if (ended) return;
      ended = true;
      this.#open.delete(call);
      context.signal.removeEventListener("abort", abort);
      for (const release of releases) release();
    };
    // A generator that is blocked on a slow client is not resumed when the client disconnects, so release without it.
    call.signal.addEventListener("abort", end, { once: true });
    context.signal.addEventListener("abort", abort, { once: true });
    this.#open.add(call);
    if (this.#isShutdown || context.signal.aborted) abort();
    return {
      signal: call.signal,
      onEnd: (release) => {
        if (ended) release();
        else releases.push(release);
      },
      check: () => {
        if (this.#isShutdown) throw shutdown();
        if (context.signal.aborted) throw abortedCall(context.signal);
      },
      end,
    };
  }
}
