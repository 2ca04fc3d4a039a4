import { bestEffort } from "../engines/best-effort.ts";
import type { Ports } from "../engines/ports.ts";
import type { Leadership } from "./leadership.ts";
import { sweep } from "./sweep.ts";

/** The delay of the second sweep. It finds events that were committed before the server sent signals again. */
const secondSweepMs = 30_000;
/** Longer than any invocation. */
const maxWaitMs = 3_600_000;

/**
 * Schedules the sweeps of the sleeping tasks: one at once after a gap, and another half a minute later. Requests during
 * the wait are combined. The leader's state has the time of the next sweep, for a successor.
 */
export class SweepSchedule {
  readonly #ports: Ports;
  readonly #leadership: Leadership;
  readonly #signal: AbortSignal;
  #next: number | undefined;
  #second: number | undefined;
  #changed = new AbortController();

  constructor(ports: Ports, leadership: Leadership, signal: AbortSignal) {
    this.#ports = ports;
    this.#leadership = leadership;
    this.#signal = signal;
    this.#next = leadership.before?.sweepAt;
  }

  /** Requests sweeps, because signals may have been lost until `now`. */
  request(now: number): void {
    this.#next = now;
    this.#second = now + secondSweepMs;
    this.#changed.abort();
  }

  /** Sweeps at the scheduled times, until the signal aborts. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      if (this.#next === undefined || this.#next > this.#ports.clock.now()) await this.#wait();
      else await this.#sweep(this.#next);
    }
  }

  async #wait(): Promise<void> {
    const { clock } = this.#ports;
    const changed = this.#changed;
    const signal = AbortSignal.any([this.#signal, changed.signal]);
    const untilNext = this.#next === undefined ? maxWaitMs : this.#next - clock.now();
    await clock.sleep(Math.min(maxWaitMs, untilNext), signal);
    if (changed.signal.aborted) this.#changed = new AbortController();
  }

  async #sweep(at: number): Promise<void> {
    const { log, signalSources } = this.#ports;
    const upstreams = new Set(signalSources.map(({ upstream }) => upstream));
    this.#next = this.#second;
    this.#second = undefined;
    await bestEffort(this.#ports, "sweep failed", {}, async () => {
      // If this sweep does not complete, a successor has to do it.
      await this.#leadership.write({ sweepAt: at });
      const report = await sweep(this.#ports, upstreams, this.#signal);
      log.info("sweep", { ...report });
      if (report.complete) await this.#leadership.write({ sweepAt: this.#next });
    });
  }
}
