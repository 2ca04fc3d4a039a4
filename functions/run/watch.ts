import type { WokenBy } from "../contract/activity.ts";
import { describeError } from "../contract/error.ts";
import { type Outcome, retry } from "../contract/outcome.ts";
import { noLongerNeeded } from "../foundation/linked-abort-controller.ts";
import { isUpstreamFailure } from "../upstream/health.ts";
import { openAfterTail } from "./open-stream.ts";
import type { RunState } from "./run-state.ts";

/** A stream that lasted less than this counts as one that closes at once. */
const steadyMs = 10_000;
const firstReopenMs = 250;
const maxReopenMs = 20_000;
/** How often a watching run checks whether its upstream is still paused. */
const pausedCheckMs = 30_000;

/** Connects a watching run with its leader. */
export class Watch {
  #fence = Number.POSITIVE_INFINITY;
  #seenWakeCount = Number.POSITIVE_INFINITY;
  #poke: () => void = () => {};
  /** Called by the run when its stream is open. */
  readonly opened: () => void;

  constructor(opened: () => void = () => {}) {
    this.opened = opened;
  }

  /** Called by the run before it waits, with its fence and the `wakeCount` it has seen. */
  show(fence: number, seenWakeCount: number): void {
    this.#fence = fence;
    this.#seenWakeCount = seenWakeCount;
  }

  /**
   * Compares the run with its entry in the eager index. "stop": the task has a later fence. Wakes that the run has not
   * seen make it go on. A stale entry has lower numbers, and changes nothing.
   */
  compare(entry: { readonly fence: number; readonly wakeCount: number }): "go on" | "stop" {
    if (entry.fence > this.#fence) return "stop";
    if (entry.fence === this.#fence && entry.wakeCount > this.#seenWakeCount) this.#poke();
    return "go on";
  }

  /** A new promise each time: one for the whole run would collect a reaction for each event. */
  untilPoked(): Promise<"poked"> {
    return new Promise((resolve) => {
      this.#poke = () => resolve("poked");
    });
  }
}

/** Why a watching run goes on; "over" if it does not. */
export type Watched =
  | { readonly type: "pass"; readonly wokenBy: WokenBy }
  | { readonly type: "poked" }
  | { readonly type: "flush" }
  | { readonly type: "over"; readonly outcome: Outcome | undefined };

/**
 * Waits at the head of the run's stream until there is something to do. If the stream ends, or is silent for too long,
 * it opens the stream again after the run's tail, with a growing delay if that closes at once (rule 19). `flushAt`:
 * when unwritten progress must be written. Ends with `over` at the deadline, when the lease is lost, or with the error
 * of the upstream.
 */
export class HeadWatcher {
  readonly #state: RunState;
  readonly #watch: Watch;
  #openedAt: number;
  #closesAtOnce = 0;

  constructor(state: RunState, watch: Watch) {
    this.#state = state;
    this.#watch = watch;
    this.#openedAt = state.ports.clock.now();
  }

  async next(flushAt: number | undefined): Promise<Watched> {
    const { signal, ports } = this.#state;
    while (!signal.aborted) {
      try {
        // If the activity returned an earlier tail, it receives those events again, but not before there is news.
        const seen = await this.#first(this.#state.stream?.untilNews() ?? Promise.resolve("ended"), flushAt);
        if (seen === "poked" || seen === "flush") return { type: seen };
        if (seen === "news") return { type: "pass", wokenBy: "signal" };
        if (!signal.aborted && (await this.#reopen(seen))) return { type: "pass", wokenBy: "signal" };
      } catch (error) {
        if (signal.aborted) break;
        // A server that restarts breaks every stream once. Only one that stays away is worth a warning.
        this.#state.log.debug("watch broke", { err: describeError(error) });
        try {
          if (await this.#reopen("ended")) return { type: "pass", wokenBy: "signal" };
        } catch (again) {
          if (signal.aborted) break;
          // When the upstream goes out, a few runs fail until the breaker is open. The others wait for it.
          if (!isUpstreamFailure(again) || !ports.breakers.isOut(this.#upstream)) {
            return { type: "over", outcome: retry(this.#state.progress.tail, again) };
          }
        }
      }
    }
    return { type: "over", outcome: undefined };
  }

  async #first(news: Promise<"news" | "ended" | "silent">, flushAt: number | undefined) {
    const { clock } = this.#state.ports;
    const waiting = [news, this.#watch.untilPoked()];
    if (flushAt === undefined) return Promise.race(waiting);
    const came = new AbortController();
    const flush = clock.sleep(flushAt - clock.now(), came.signal).then(() => "flush" as const);
    try {
      return await Promise.race([...waiting, flush]);
    } finally {
      came.abort(noLongerNeeded);
    }
  }

  get #upstream(): string {
    return this.#state.binding.stream.upstream;
  }

  /** Waits while the upstream is out or paused; the run keeps its lease (rule 12). False at the deadline. */
  async #untilAdmitted(): Promise<boolean> {
    const { ports, signal } = this.#state;
    while (!signal.aborted) {
      const decision = await ports.breakers.admit(this.#upstream);
      if (decision.type === "go") return true;
      const waitMs = decision.type === "wait" ? decision.at - ports.clock.now() : pausedCheckMs;
      await ports.clock.sleep(waitMs, signal);
    }
    return false;
  }

  /** Opens the stream again after the run's tail. True if the activity has events to read. */
  async #reopen(why: "ended" | "silent"): Promise<boolean> {
    const { ports, signal } = this.#state;
    this.#state.stream?.close();
    if (ports.clock.now() - this.#openedAt >= steadyMs) this.#closesAtOnce = 0;
    if (why === "ended") {
      const full = Math.min(maxReopenMs, firstReopenMs * 2 ** this.#closesAtOnce++);
      await ports.clock.sleep(full * (0.5 + ports.random() / 2), signal);
      if (signal.aborted) return false;
    }
    if (!(await this.#untilAdmitted())) return false;
    const before = this.#state.progress.tail;
    const stream = await openAfterTail(this.#state);
    this.#openedAt = ports.clock.now();
    return !stream.empty || this.#state.progress.tail !== before;
  }
}
