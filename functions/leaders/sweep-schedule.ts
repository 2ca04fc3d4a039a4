import { orWarn } from "../engines/best-effort.ts";
import type { Machinery } from "../engines/ports.ts";
import type { Holding } from "./leadership.ts";
import { sweep } from "./sweep.ts";

/** How long after the first sweep the second follows: for what was committed before the server sent signals again. */
const secondSweepMs = 30_000;
/** Longer than any invocation. */
const longestWaitMs = 3_600_000;

/**
 * When the sleeping tasks are looked at: at once after a gap, and again half a minute later. A sweep that is asked for
 * twice happens once. The time of the next one is kept in the place, for a successor.
 */
export class SweepSchedule {
  readonly #machinery: Machinery;
  readonly #holding: Holding;
  readonly #signal: AbortSignal;
  #next: number | undefined;
  #second: number | undefined;
  #changed = new AbortController();

  constructor(machinery: Machinery, holding: Holding, signal: AbortSignal) {
    this.#machinery = machinery;
    this.#holding = holding;
    this.#signal = signal;
    this.#next = holding.before?.sweepAt;
  }

  /** Signals may have been lost until `now`. */
  request(now: number): void {
    this.#next = now;
    this.#second = now + secondSweepMs;
    this.#changed.abort();
  }

  /** Sweeps when it is time, until the signal aborts. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      if (this.#next === undefined || this.#next > this.#machinery.clock.now()) await this.#wait();
      else await this.#sweep(this.#next);
    }
  }

  async #wait(): Promise<void> {
    const { clock } = this.#machinery;
    const changed = this.#changed;
    const signal = AbortSignal.any([this.#signal, changed.signal]);
    const untilNext = this.#next === undefined ? longestWaitMs : this.#next - clock.now();
    await clock.sleep(Math.min(longestWaitMs, untilNext), signal);
    if (changed.signal.aborted) this.#changed = new AbortController();
  }

  async #sweep(at: number): Promise<void> {
    const { log, signalSources } = this.#machinery;
    const upstreams = new Set(signalSources.map(({ upstream }) => upstream));
    this.#next = this.#second;
    this.#second = undefined;
    await orWarn(this.#machinery, "sweep failed", {}, async () => {
      // Until it is complete, a successor has to do it.
      await this.#holding.write({ sweepAt: at });
      const report = await sweep(this.#machinery, upstreams, this.#signal);
      log.info("sweep", { ...report });
      if (report.complete) await this.#holding.write({ sweepAt: this.#next });
    });
  }
}
