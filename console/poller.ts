import type { Clock } from "tailwake/operate";

/**
 * Reads a value repeatedly while it has listeners, once for all of them. The next read begins `pauseMs` after the end
 * of the last one, or after as long as that one took, so that reading a large table takes at most half of the time.
 */
export class Poller<T> {
  readonly #read: () => Promise<T>;
  readonly #clock: Clock;
  readonly #pauseMs: number;
  readonly #listeners = new Set<(value: T) => void>();
  #reading: Promise<T> | undefined;
  #last: T | undefined;
  #running: AbortController | undefined;
  #pausing: AbortController | undefined;

  /** `read` must not reject. */
  constructor(read: () => Promise<T>, clock: Clock, pauseMs: number) {
    this.#read = read;
    this.#clock = clock;
    this.#pauseMs = pauseMs;
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /** Calls `listener` with each value, until the returned function is called. */
  listen(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    if (this.#last !== undefined) listener(this.#last);
    if (!this.#running) {
      this.#running = new AbortController();
      void this.#run(this.#running.signal);
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.hasListeners) return;
      this.#running?.abort();
      this.#running = undefined;
      this.#last = undefined;
    };
  }

  /** The last value while there are listeners; else reads it now. */
  async latest(): Promise<T> {
    return this.#last ?? (await this.#once());
  }

  /** Ends the pause before the next read, after a change. */
  readSoon(): void {
    this.#pausing?.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedAt = this.#clock.now();
      const value = await this.#once();
      if (signal.aborted) return;
      this.#last = value;
      for (const listener of this.#listeners) listener(value);
      const pausing = new AbortController();
      this.#pausing = pausing;
      const end = () => pausing.abort();
      signal.addEventListener("abort", end, { once: true });
      await this.#clock.sleep(Math.max(this.#pauseMs, this.#clock.now() - startedAt), pausing.signal);
      signal.removeEventListener("abort", end);
    }
  }

  #once(): Promise<T> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }
}
