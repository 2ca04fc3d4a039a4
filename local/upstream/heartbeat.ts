import type { Clock } from "../../functions/foundation/clock.ts";
import type { OpenCall } from "./calls.ts";

/**
 * A watching stream waits here for news, or for the next heartbeat of a ticker that started with the stream. News
 * between two waits is kept, once.
 */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #call: OpenCall;
  readonly #intervalMs: number;
  #next: number;
  #news = false;
  #wake: AbortController | undefined;

  /** No heartbeats if `intervalMs` is undefined. */
  constructor(clock: Clock, call: OpenCall, intervalMs?: number) {
    this.#clock = clock;
    this.#call = call;
    this.#intervalMs = intervalMs ?? Number.POSITIVE_INFINITY;
    this.#next = clock.now() + this.#intervalMs;
    call.onEnd(() => this.#wake?.abort());
  }

  /** Reports news. */
  readonly notify = (): void => {
    this.#news = true;
    this.#wake?.abort();
  };

  /** Returns at the next news or heartbeat, or when the call must end. */
  async wait(): Promise<void> {
    if (!this.#news && !this.#call.signal.aborted) {
      const wake = new AbortController();
      this.#wake = wake;
      if (this.#intervalMs === Number.POSITIVE_INFINITY) await aborted(wake.signal);
      else await this.#clock.sleep(this.#next - this.#clock.now(), wake.signal);
      this.#wake = undefined;
    }
    this.#news = false;
    // Skip the heartbeats that passed meanwhile, as a Go ticker does.
    while (this.#next <= this.#clock.now()) this.#next += this.#intervalMs;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
