import { describeError, isTailwakeError } from "../contract/error.ts";
import type { Clock } from "../foundation/clock.ts";
import type { Logger } from "../foundation/logger.ts";
import type { ControlStore } from "../tasks/control.ts";
import {
  type BreakerState,
  beginTrial,
  close,
  closedBreaker,
  comeAgainAt,
  decodeBreaker,
  encodeBreaker,
  failuresToOpen,
  trip,
} from "../upstream/breaker.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";

/** May a task of an upstream run now? */
export type BreakerDecision =
  | { readonly type: "go"; readonly isTrial?: boolean }
  /** Its upstream is out; `at` is when to come again, in milliseconds since 1970. */
  | { readonly type: "wait"; readonly at: number }
  /** An operator has paused it. */
  | { readonly type: "paused" };

/** How old a look at a breaker may be. */
const readingMaxAgeMs = 5_000;
const rounds = 5;

interface Look {
  readonly version: number;
  readonly state: BreakerState;
  readonly at: number;
}

interface Watched {
  check: Look | undefined;
  reading: Promise<Look> | undefined;
  /** Set while this process has the trial: the streams that had opened before, and how long it counts. */
  trial: { readonly from: number; readonly until: number } | undefined;
}

export interface BreakerPorts {
  readonly control: ControlStore;
  readonly clock: Clock;
  readonly log: Logger;
  random(): number;
  upstream(name: string): UpstreamConnection;
}

/**
 * The breakers of all upstreams (rule 12): asked before a task is acquired, told after each run. The shared documents
 * are looked at every few seconds, so that a run without trouble costs nothing for it.
 */
export class Breakers {
  readonly #ports: BreakerPorts;
  readonly #watched = new Map<string, Watched>();

  constructor(ports: BreakerPorts) {
    this.#ports = ports;
  }

  async admit(upstream: string): Promise<BreakerDecision> {
    const { clock, random } = this.#ports;
    const watched = this.#of(upstream);
    const { state } = await this.#check(upstream, watched);
    if (state.paused) return { type: "paused" };
    if (state.state === "closed") return { type: "go" };
    const now = clock.now();
    if (beginTrial(state, now)) {
      const sent = await this.change(upstream, (stored) => beginTrial(stored, now));
      if (sent) {
        const from = this.#ports.upstream(upstream).health.successes;
        watched.trial = { from, until: sent.trialUntil ?? now };
        return { type: "go", isTrial: true };
      }
      const again = (watched.check ?? { state }).state;
      if (again.state === "closed" && !again.paused) return { type: "go" };
      return { type: "wait", at: comeAgainAt(again, now, random()) };
    }
    return { type: "wait", at: comeAgainAt(state, now, random()) };
  }

  /** Has an operator paused it? */
  async isPaused(upstream: string): Promise<boolean> {
    return (await this.#check(upstream, this.#of(upstream))).state.paused !== undefined;
  }

  /** As of the last look: is nobody but a trial to use it? */
  isOut(upstream: string): boolean {
    const state = this.#of(upstream).check?.state;
    return state !== undefined && (state.state === "open" || state.paused !== undefined);
  }

  /** The trial had nothing to do: another may be sent. */
  async recall(upstream: string): Promise<void> {
    this.#of(upstream).trial = undefined;
    await this.change(upstream, ({ trialUntil, ...stored }) => (trialUntil === undefined ? undefined : stored));
  }

  /** Draws the conclusions from how the streams of an upstream have fared: after a stream opened, after a run. Never throws. */
  async review(upstream: string): Promise<void> {
    const { clock, random, log } = this.#ports;
    const watched = this.#of(upstream);
    const { health } = this.#ports.upstream(upstream);
    try {
      const { trial } = watched;
      if (trial) {
        const recovered = health.successes > trial.from;
        if (!recovered && health.failures === 0 && clock.now() < trial.until) return;
        watched.trial = undefined;
        if (!recovered && health.failures === 0) return;
        if (recovered) {
          await this.change(upstream, (stored) => (stored.state === "open" ? close(stored) : undefined));
          log.info("upstream is back", { upstream });
          return;
        }
      } else if (health.failures < failuresToOpen) return;
      const reason = describeError(health.lastError);
      health.failures = 0;
      const now = clock.now();
      const opened = await this.change(upstream, (stored) =>
        // Somebody else has just opened it for the same failures.
        stored.state === "open" && stored.until > now ? undefined : trip(stored, now, random(), reason),
      );
      if (opened) log.warn("upstream is out", { upstream, forMs: opened.openMs, err: reason });
    } catch (error) {
      log.warn("breaker not written", { upstream, err: describeError(error) });
    }
  }

  /** Changes the shared state, unless `decide` says that there is nothing to change. Resolves to the new state. */
  async change(
    upstream: string,
    decide: (stored: BreakerState) => BreakerState | undefined,
  ): Promise<BreakerState | undefined> {
    const watched = this.#of(upstream);
    for (let round = 1; round <= rounds; round++) {
      const check = await this.#read(upstream);
      watched.check = check;
      const next = decide(check.state);
      if (!next) return undefined;
      const version = await this.#ports.control.write(documentOf(upstream), encodeBreaker(next), check.version);
      if (version === undefined) continue;
      watched.check = { version, state: next, at: this.#ports.clock.now() };
      return next;
    }
    return undefined;
  }

  #of(upstream: string): Watched {
    const known = this.#watched.get(upstream);
    if (known) return known;
    const watched: Watched = { check: undefined, reading: undefined, trial: undefined };
    this.#watched.set(upstream, watched);
    return watched;
  }

  async #check(upstream: string, watched: Watched): Promise<Look> {
    const { check } = watched;
    if (check && this.#ports.clock.now() - check.at < readingMaxAgeMs) return check;
    watched.reading ??= this.#readOrTakeForClosed(upstream).finally(() => {
      watched.reading = undefined;
    });
    watched.check = await watched.reading;
    return watched.check;
  }

  /** A breaker is there to spare an upstream: one that cannot be read must not keep its tasks from running. */
  async #readOrTakeForClosed(upstream: string): Promise<Look> {
    try {
      return await this.#read(upstream);
    } catch (error) {
      if (!isTailwakeError(error, "malformed-record")) throw error;
      const { clock, log } = this.#ports;
      log.error("breaker not readable, taken for closed", { upstream, err: describeError(error) });
      return { version: 0, state: closedBreaker, at: clock.now() };
    }
  }

  async #read(upstream: string): Promise<Look> {
    const read = await readBreaker(this.#ports.control, upstream);
    return { ...read, at: this.#ports.clock.now() };
  }
}

/** Reads the shared state of an upstream. Throws a `TailwakeError` ("malformed-record"). */
export async function readBreaker(
  control: ControlStore,
  upstream: string,
): Promise<{ readonly version: number; readonly state: BreakerState }> {
  const found = await control.read(documentOf(upstream));
  return { version: found?.version ?? 0, state: found ? decodeBreaker(upstream, found.value) : closedBreaker };
}

const documentOf = (upstream: string) => `upstream#${upstream}`;
