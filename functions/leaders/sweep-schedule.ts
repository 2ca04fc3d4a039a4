import { bestEffort } from "../engines/best-effort.ts";
import type { Ports } from "../engines/ports.ts";
import { type RoundPlace, wholeRound } from "../tasks/due-round.ts";
import type { Leadership } from "./leadership.ts";
import { sweep } from "./sweep.ts";

/** The delay of the second sweep. It finds events that were committed before the server sent signals again. */
const secondSweepMs = 30_000;
/** Longer than any invocation. */
const maxWaitMs = 3_600_000;

/** A sweep that has begun. */
interface Begun {
  /** When it was due, in milliseconds since 1970. */
  readonly at: number;
  readonly place: RoundPlace;
}

/**
 * Schedules the sweeps of the sleeping tasks: one at once after a gap, and another half a minute later. Requests during
 * the wait are combined. A request during a sweep makes it go round once more, from where it is: so tasks that it has not
 * got to yet do not wait for those that it has checked. The leader's state has the time of the next sweep and the place
 * of this one, for a successor.
 */
export class SweepSchedule {
  readonly #ports: Ports;
  readonly #leadership: Leadership;
  readonly #signal: AbortSignal;
  #begun: Begun | undefined;
  #next: number | undefined;
  #second: number | undefined;
  #changed = new AbortController();

  constructor(ports: Ports, leadership: Leadership, signal: AbortSignal) {
    this.#ports = ports;
    this.#leadership = leadership;
    this.#signal = signal;
    const { sweepAt, sweep: place } = leadership.before ?? {};
    if (sweepAt !== undefined && place?.at === sweepAt) {
      this.#begun = { at: sweepAt, place };
      this.#next = place.againAt;
    } else {
      this.#next = sweepAt;
    }
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
      if (this.#isDue() || this.#begun) await this.#sweep();
      else await this.#wait();
    }
  }

  #isDue(): boolean {
    return this.#next !== undefined && this.#next <= this.#ports.clock.now();
  }

  async #wait(): Promise<void> {
    const { clock } = this.#ports;
    const changed = this.#changed;
    const signal = AbortSignal.any([this.#signal, changed.signal]);
    const untilNext = this.#next === undefined ? maxWaitMs : this.#next - clock.now();
    await clock.sleep(Math.min(maxWaitMs, untilNext), signal);
    if (changed.signal.aborted) this.#changed = new AbortController();
  }

  async #sweep(): Promise<void> {
    const { clock, log, signalSources } = this.#ports;
    const upstreams = new Set(signalSources.map(({ upstream }) => upstream));
    const { place: from } = this.#goOn(this.#begun?.place);
    const done = await bestEffort(this.#ports, "sweep failed", {}, async () => {
      // If this sweep does not complete, a successor has to do it.
      await this.#leadership.write(this.#state());
      const report = await sweep(this.#ports, upstreams, this.#signal, {
        from,
        moved: (place) => {
          const begun = this.#goOn(place);
          this.#leadership.note(this.#state());
          return begun.place;
        },
      });
      log.info("sweep", { ...report });
      if (report.complete) {
        this.#begun = undefined;
        await this.#leadership.write(this.#state());
      }
      return report;
    });
    // Goes on from its place then, with its share of whatever has come up meanwhile.
    if (!done) await clock.sleep(secondSweepMs, this.#signal);
  }

  /** Begins a sweep or goes on with it: a whole round if one is due. */
  #goOn(place: RoundPlace | undefined): Begun {
    const at = this.#begun?.at ?? this.#next ?? this.#ports.clock.now();
    const isDue = this.#isDue();
    if (isDue) {
      this.#next = this.#second;
      this.#second = undefined;
    }
    this.#begun = { at, place: isDue || !place ? wholeRound(place) : place };
    return this.#begun;
  }

  #state() {
    if (!this.#begun) return { sweepAt: this.#next, sweep: undefined };
    const { at, place } = this.#begun;
    return { sweepAt: at, sweep: { ...place, at, againAt: this.#next } };
  }
}
