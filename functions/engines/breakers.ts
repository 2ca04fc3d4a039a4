import { describeError, isTailwakeError } from "../contract/error.ts";
import type { Clock } from "../foundation/clock.ts";
import type { Logger } from "../foundation/logger.ts";
import { compareAndSwap, stillMoving } from "../tasks/compare-and-swap.ts";
import type { ControlStore } from "../tasks/control.ts";
import {
  type BreakerState,
  beginTrial,
  close,
  closedBreaker,
  decodeBreaker,
  encodeBreaker,
  failuresToOpen,
  retryAt,
  trip,
} from "../upstream/breaker.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";

/** May a task of an upstream run now? */
export type BreakerDecision =
  | { readonly type: "go"; readonly isTrial?: boolean }
  /** The upstream is out; `at` is when to try again, in milliseconds since 1970. */
  | { readonly type: "wait"; readonly at: number }
  /** An operator has paused the upstream. */
  | { readonly type: "paused" };

/** How long a process uses the state of a breaker that it has read. */
const readingMaxAgeMs = 5_000;
const maxTries = 5;

interface Reading {
  readonly version: number;
  readonly state: BreakerState;
  readonly at: number;
}

interface Watched {
  reading: Reading | undefined;
  /** The read in progress, shared by all callers. */
  underWay: Promise<Reading> | undefined;
  /** Set while this process does the half-open trial: the successes before it, and when it ends. */
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
 * The circuit breakers of all upstreams (rule 12). Call `admit` before a task is acquired, and `report` after each run.
 * A process reads a breaker's shared document every few seconds, so that a run adds no request.
 */
export class Breakers {
  readonly #ports: BreakerPorts;
  readonly #watched = new Map<string, Watched>();

  constructor(ports: BreakerPorts) {
    this.#ports = ports;
  }

  /** Whether a task may run now. A decision with `isTrial` is the half-open trial: then call `report` or `release`. */
  async admit(upstream: string): Promise<BreakerDecision> {
    const { clock, random } = this.#ports;
    const watched = this.#of(upstream);
    const { state } = await this.#reading(upstream, watched);
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
      const again = (watched.reading ?? { state }).state;
      if (again.state === "closed" && !again.paused) return { type: "go" };
      return { type: "wait", at: retryAt(again, now, random()) };
    }
    return { type: "wait", at: retryAt(state, now, random()) };
  }

  /** Whether an operator has paused the upstream. */
  async isPaused(upstream: string): Promise<boolean> {
    return (await this.#reading(upstream, this.#of(upstream))).state.paused !== undefined;
  }

  /** Whether the breaker was open or paused when it was last read. */
  isOut(upstream: string): boolean {
    const state = this.#of(upstream).reading?.state;
    return state !== undefined && (state.state === "open" || state.paused !== undefined);
  }

  /** Releases the half-open trial, whose task had nothing to do, so that another task may do it. */
  async release(upstream: string): Promise<void> {
    this.#of(upstream).trial = undefined;
    await this.change(upstream, ({ trialUntil, ...stored }) => (trialUntil === undefined ? undefined : stored));
  }

  /** Trips or closes the breaker by the health of the upstream, after a stream has opened or a run ended. Never throws. */
  async report(upstream: string): Promise<void> {
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
        // Another process has just tripped it for the same failures.
        stored.state === "open" && stored.until > now ? undefined : trip(stored, now, random(), reason),
      );
      if (opened) log.warn("upstream is out", { upstream, forMs: opened.openMs, err: reason });
    } catch (error) {
      log.warn("breaker not written", { upstream, err: describeError(error) });
    }
  }

  /**
   * Changes the shared state, unless `decide` returns undefined. Resolves to the new state; undefined if it was not
   * changed.
   */
  async change(
    upstream: string,
    decide: (stored: BreakerState) => BreakerState | undefined,
  ): Promise<BreakerState | undefined> {
    const watched = this.#of(upstream);
    const read = async () => {
      watched.reading = await this.#read(upstream);
      return watched.reading;
    };
    const changed = await compareAndSwap<Reading, BreakerState, BreakerState | undefined>(
      await read(),
      maxTries,
      ({ state }) => {
        const next = decide(state);
        return next ? { write: next } : { result: undefined };
      },
      async (next, { version: seen }) => {
        const version = await this.#ports.control.write(documentOf(upstream), encodeBreaker(next), seen);
        if (version === undefined) return { applied: false, stored: await read() };
        watched.reading = { version, state: next, at: this.#ports.clock.now() };
        return { applied: true, result: next };
      },
    );
    return changed === stillMoving ? undefined : changed;
  }

  #of(upstream: string): Watched {
    const known = this.#watched.get(upstream);
    if (known) return known;
    const watched: Watched = { reading: undefined, underWay: undefined, trial: undefined };
    this.#watched.set(upstream, watched);
    return watched;
  }

  async #reading(upstream: string, watched: Watched): Promise<Reading> {
    const { reading } = watched;
    if (reading && this.#ports.clock.now() - reading.at < readingMaxAgeMs) return reading;
    watched.underWay ??= this.#readOrClosed(upstream).finally(() => {
      watched.underWay = undefined;
    });
    watched.reading = await watched.underWay;
    return watched.reading;
  }

  /** An unreadable breaker counts as closed: it must not keep the tasks of its upstream from running. */
  async #readOrClosed(upstream: string): Promise<Reading> {
    try {
      return await this.#read(upstream);
    } catch (error) {
      if (!isTailwakeError(error, "malformed-record")) throw error;
      const { clock, log } = this.#ports;
      log.error("breaker not readable, counts as closed", { upstream, err: describeError(error) });
      return { version: 0, state: closedBreaker, at: clock.now() };
    }
  }

  async #read(upstream: string): Promise<Reading> {
    const read = await readBreaker(this.#ports.control, upstream);
    return { ...read, at: this.#ports.clock.now() };
  }
}

/** Reads the shared state of a breaker. Throws a `TailwakeError` ("malformed-record"). */
export async function readBreaker(
  control: ControlStore,
  upstream: string,
): Promise<{ readonly version: number; readonly state: BreakerState }> {
  const found = await control.read(documentOf(upstream));
  return { version: found?.version ?? 0, state: found ? decodeBreaker(upstream, found.value) : closedBreaker };
}

const documentOf = (upstream: string) => `upstream#${upstream}`;
