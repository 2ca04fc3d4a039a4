import { describeError } from "../contract/error.ts";
import type { Invocation, Machinery } from "../engines/ports.ts";
import type { Signal } from "../wake/wake.ts";
import { holdPlace } from "./lead.ts";
import { beatMs, type Holding, isFree, measureGap } from "./leadership.ts";
import { holdSignalSource, settleMs } from "./signal-source.ts";
import { SweepSchedule } from "./sweep-schedule.ts";

/** Signals of one aggregate within this time become one. */
const coalesceMs = 100;
const longestSendWaitMs = 10_000;
/** The start of a function, the beat at which the last holder notices, its time to settle, and some more. */
const leadMs = beatMs + settleMs + 15_000;

export interface SignalsReport {
  /** "held": somebody else holds the streams. */
  readonly ended: "held" | "handed over" | "lost";
  /** Signals that came, and how many were left after those of one aggregate were put together. */
  readonly received: number;
  readonly forwarded: number;
  /** Times at which signals may have been lost. */
  readonly gaps: number;
}

/**
 * Holds the streams of all signal sources for an invocation and puts what they say on the bus. The next instance is
 * connected before this one stops. Whenever signals may have been lost, the sleeping tasks are looked at: once at a
 * gentle pace, and once more half a minute later.
 */
export async function holdSignals(machinery: Machinery, invocation: Invocation): Promise<SignalsReport> {
  const report = { received: 0, forwarded: 0, gaps: 0 };
  const ended = await holdPlace(machinery, "signals", invocation, {
    leadMs,
    mayTake: (state, now) => state?.leaving === true || isFree(state, now),
    whileHeld: (holding) => holdSources(machinery, holding, invocation.signal, report),
  });
  return { ended, ...report };
}

async function holdSources(
  machinery: Machinery,
  holding: Holding,
  deadline: AbortSignal,
  report: { received: number; forwarded: number; gaps: number },
): Promise<void> {
  const { clock, log, signalSources } = machinery;
  // A successor that has the place needs its time to settle: to lose the place is not the end yet.
  const settled = new AbortController();
  const signal = AbortSignal.any([deadline, settled.signal]);
  const supersede = () => void clock.sleep(settleMs, signal).then(() => settled.abort());
  holding.lost.addEventListener("abort", supersede, { once: true });
  if (holding.lost.aborted) supersede();

  const forwarder = new Forwarder(machinery, signal, report);
  const sweeps = new SweepSchedule(machinery, holding, signal);
  const onGap = (why: string) => {
    report.gaps++;
    log.info("signals may be lost", { why });
    sweeps.request(clock.now());
  };
  // No gap only if the last holder was there, and leaving, when this one took the place.
  const { before } = holding;
  if (!before?.leaving || isFree(before, clock.now())) onGap("nobody held the signals");
  try {
    const held = signalSources.map((source) =>
      holdSignalSource(machinery, source, signal, { onGap, onSignal: (entity) => forwarder.add(entity) }),
    );
    measureGap(machinery, holding);
    await Promise.all([...held, sweeps.run()]);
  } finally {
    settled.abort();
    await forwarder.drained();
  }
}

/** Gathers signals for a moment and puts each aggregate on the bus once. */
class Forwarder {
  readonly #machinery: Machinery;
  readonly #signal: AbortSignal;
  readonly #report: { received: number; forwarded: number };
  #pending = new Set<string>();
  #flushing: Promise<void> | undefined;

  constructor(machinery: Machinery, signal: AbortSignal, report: { received: number; forwarded: number }) {
    this.#machinery = machinery;
    this.#signal = signal;
    this.#report = report;
  }

  add(entity: string): void {
    this.#report.received++;
    this.#machinery.meter.add("SignalsReceived", 1);
    if (this.#pending.has(entity)) this.#machinery.meter.add("SignalsCoalesced", 1);
    this.#pending.add(entity);
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
  }

  async drained(): Promise<void> {
    await this.#flushing;
  }

  /** What cannot be sent is kept, and sent with what comes meanwhile; at the deadline it is tried once more. */
  async #flush(): Promise<void> {
    const { clock, wakes, log } = this.#machinery;
    let waitMs = coalesceMs;
    while (this.#pending.size > 0) {
      const isLast = this.#signal.aborted;
      await clock.sleep(waitMs, this.#signal);
      const entities = [...this.#pending];
      this.#pending = new Set();
      try {
        await wakes.send(entities.map((entity): Signal => ({ class: "signal", entity })));
        this.#report.forwarded += entities.length;
        waitMs = coalesceMs;
      } catch (error) {
        log.warn("signals not forwarded", { count: entities.length, err: describeError(error) });
        if (isLast) return;
        for (const entity of entities) this.#pending.add(entity);
        waitMs = Math.min(longestSendWaitMs, waitMs * 2);
      }
    }
  }
}
