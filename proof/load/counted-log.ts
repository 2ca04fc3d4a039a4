import type { Logger } from "../../functions/foundation/logger.ts";

/** A log that only counts each message. */
export class CountedLog implements Logger {
  readonly #counts = new Map<string, number>();

  of(message: string): number {
    return this.#counts.get(message) ?? 0;
  }

  readonly debug = (message: string): void => this.#count(message);
  readonly info = (message: string): void => this.#count(message);
  readonly warn = (message: string): void => this.#count(message);
  readonly error = (message: string): void => this.#count(message);

  #count(message: string): void {
    this.#counts.set(message, this.of(message) + 1);
  }
}
