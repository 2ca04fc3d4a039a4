import { describeError } from "../contract/error.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { unsentOf } from "../wake/batch-sender.ts";
import type { Signal } from "../wake/wake.ts";
import { lead } from "./lead.ts";
import { beatMs, isFree, type Leadership, measureGap } from "./leadership.ts";
import { listenToSource, settleMs } from "./signal-source.ts";
import { SweepSchedule } from "./sweep-schedule.ts";

/** Signals of one aggregate within this time are combined. */
const coalesceMs = 100;
const maxSendWaitMs = 10_000;
/** The start of a function, the heartbeat at which the last leader notices, its time to settle, and a margin. */
const leadTimeMs = beatMs + settleMs + 15_000;

export interface SignalsReport {
  /** "led by another": another instance leads the signals. */
  readonly ended: "led by another" | "handed over" | "lost";
  /** Signals received, and signals sent after those of one aggregate were combined. */
  readonly received: number;
  readonly forwarded: number;
  /** How often signals may have been lost. */
  readonly gaps: number;
}

/**
 * Leads the signals for an invocation: holds the streams of all signal sources open and puts their signals on the bus.
 * The successor connects before this leader stops. Whenever signals may have been lost, it sweeps the sleeping tasks at
 * an even rate, and again half a minute later.
 */
export async function leadSignals(ports: Ports, invocation: Invocation): Promise<SignalsReport> {
  const report = { received: 0, forwarded: 0, gaps: 0 };
  const ended = await lead(ports, "signals", invocation, {
    leadTimeMs,
    mayReplace: (state, now) => state?.leaving === true || isFree(state, now),
    whileLeading: (leadership) => listen(ports, leadership, invocation.signal, report),
  });
  return { ended, ...report };
}

async function listen(
  ports: Ports,
  leadership: Leadership,
  deadline: AbortSignal,
  report: { received: number; forwarded: number; gaps: number },
): Promise<void> {
  const { clock, log, signalSources } = ports;
  // A successor needs time to settle. So this leader goes on for a while after it was replaced.
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
  // There is no gap only if the last leader was alive and leaving at the claim.
  const { before } = leadership;
  if (!before?.leaving || isFree(before, clock.now())) onGap("the signals had no leader");
  try {
    const listening = signalSources.map((source) =>
      listenToSource(ports, source, signal, { onGap, onSignal: (entity) => forwarder.add(entity) }),
    );
    measureGap(ports, leadership);
    await Promise.all([...listening, sweeps.run()]);
  } finally {
    settled.abort();
    await forwarder.drained();
  }
}

/** Collects signals for a moment and puts each aggregate on the bus once. */
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

  /** Keeps signals that cannot be sent and sends them with later ones. At the deadline it tries once more. */
  async #flush(): Promise<void> {
    const { clock, alarms, log } = this.#ports;
    let waitMs = coalesceMs;
    while (this.#pending.size > 0) {
      const isLast = this.#signal.aborted;
      await clock.sleep(waitMs, this.#signal);
      const signals = [...this.#pending].map((entity): Signal => ({ class: "signal", entity }));
      this.#pending = new Set();
      try {
        await alarms.send(signals);
        this.#report.forwarded += signals.length;
        waitMs = coalesceMs;
      } catch (error) {
        const unsent = unsentOf(error, signals);
        this.#report.forwarded += signals.length - unsent.length;
        log.warn("signals not forwarded", { count: unsent.length, err: describeError(error) });
        if (isLast) return;
        for (const { entity } of unsent) this.#pending.add(entity);
        waitMs = Math.min(maxSendWaitMs, waitMs * 2);
      }
    }
  }
}
