import { describeError } from "../contract/error.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import type { Signal } from "../wake/wake.ts";
import { lead } from "./lead.ts";
import { beatMs, isFree, type Leadership, measureGap } from "./leadership.ts";
import { holdSignalSource, settleMs } from "./signal-source.ts";
import { SweepSchedule } from "./sweep-schedule.ts";

/** Signals of one aggregate within this time become one. */
const coalesceMs = 100;
const maxSendWaitMs = 10_000;
/** The start of a function, the beat at which the last leader notices, its time to settle, and some more. */
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
export async function holdSignals(ports: Ports, invocation: Invocation): Promise<SignalsReport> {
  const report = { received: 0, forwarded: 0, gaps: 0 };
  const ended = await lead(ports, "signals", invocation, {
    leadMs,
    mayTake: (state, now) => state?.leaving === true || isFree(state, now),
    whileHeld: (leadership) => holdSources(ports, leadership, invocation.signal, report),
  });
  return { ended, ...report };
}

async function holdSources(
  ports: Ports,
  leadership: Leadership,
  deadline: AbortSignal,
  report: { received: number; forwarded: number; gaps: number },
): Promise<void> {
  const { clock, log, signalSources } = ports;
  // A successor that has the place needs its time to settle: to lose the place is not the end yet.
  const settled = new AbortController();
  const signal = AbortSignal.any([deadline, settled.signal]);
  const supersede = () => void clock.sleep(settleMs, signal).then(() => settled.abort());
  leadership.lost.addEventListener("abort", supersede, { once: true });
  if (leadership.lost.aborted) supersede();

  const forwarder = new Forwarder(ports, signal, report);
  const sweeps = new SweepSchedule(ports, leadership, signal);
  const onGap = (why: string) => {
    report.gaps++;
    log.info("signals may be lost", { why });
    sweeps.request(clock.now());
  };
  // No gap only if the last leader was there, and leaving, when this one took the place.
  const { before } = leadership;
  if (!before?.leaving || isFree(before, clock.now())) onGap("nobody held the signals");
  try {
    const held = signalSources.map((source) =>
      holdSignalSource(ports, source, signal, { onGap, onSignal: (entity) => forwarder.add(entity) }),
    );
    measureGap(ports, leadership);
    await Promise.all([...held, sweeps.run()]);
  } finally {
    settled.abort();
    await forwarder.drained();
  }
}

/** Gathers signals for a moment and puts each aggregate on the bus once. */
class Forwarder {
  readonly #ports: Ports;
  readonly #signal: AbortSignal;
  readonly #report: { received: number; forwarded: number };
  #pending = new Set<string>();
  #flushing: Promise<void> | undefined;

  constructor(ports: Ports, signal: AbortSignal, report: { received: number; forwarded: number }) {
    this.#ports = ports;
    this.#signal = signal;
    this.#report = report;
  }

  add(entity: string): void {
    this.#report.received++;
    this.#ports.meter.add("SignalsReceived", 1);
    if (this.#pending.has(entity)) this.#ports.meter.add("SignalsCoalesced", 1);
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
    const { clock, alarms, log } = this.#ports;
    let waitMs = coalesceMs;
    while (this.#pending.size > 0) {
      const isLast = this.#signal.aborted;
      await clock.sleep(waitMs, this.#signal);
      const entities = [...this.#pending];
      this.#pending = new Set();
      try {
        await alarms.send(entities.map((entity): Signal => ({ class: "signal", entity })));
        this.#report.forwarded += entities.length;
        waitMs = coalesceMs;
      } catch (error) {
        log.warn("signals not forwarded", { count: entities.length, err: describeError(error) });
        if (isLast) return;
        for (const entity of entities) this.#pending.add(entity);
        waitMs = Math.min(maxSendWaitMs, waitMs * 2);
      }
    }
  }
}
