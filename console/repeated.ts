import type { Clock } from "tailwake/operate";

/**
 * Reads something again and again while somebody listens, once for all who do. The next read begins `pauseMs` after the
 * last one has ended, or after as long as that one took: a large table is read at most half of the time.
 */
export class Repeated<T> {
  readonly #read: () => Promise<T>;
  readonly #clock: Clock;
  readonly #pauseMs: number;
  readonly #listeners = new Set<(value: T) => void>();
  #reading: Promise<T> | undefined;
  #last: T | undefined;
  #running: AbortController | undefined;
  #pausing: AbortController | undefined;

  /** `read` does not reject. */
  constructor(read: () => Promise<T>, clock: Clock, pauseMs: number) {
    this.#read = read;
    this.#clock = clock;
    this.#pauseMs = pauseMs;
  }

  get isHeard(): boolean {
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
      if (this.isHeard) return;
      this.#running?.abort();
      this.#running = undefined;
      this.#last = undefined;
    };
  }

  /** The last value while somebody listens; else one of now. */
  async latest(): Promise<T> {
    return this.#last ?? (await this.#once());
  }

  /** Something has changed: the next read need not wait. */
  readSoon(): void {
    this.#pausing?.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const began = this.#clock.now();
      const value = await this.#once();
      if (signal.aborted) return;
      this.#last = value;
      for (const listener of this.#listeners) listener(value);
      const pausing = new AbortController();
      this.#pausing = pausing;
      const end = () => pausing.abort();
      signal.addEventListener("abort", end, { once: true });
      await this.#clock.sleep(Math.max(this.#pauseMs, this.#clock.now() - began), pausing.signal);
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
