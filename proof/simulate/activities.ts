import { type Activity, defineActivity, defineProcessor, type Run } from "../../functions/contract/activity.ts";
import {
  caughtUp,
  completed,
  type Decision,
  type Outcome,
  retry,
  SilentRetry,
  silentRetry,
  silentRetryAfter,
} from "../../functions/contract/outcome.ts";
import type { EventStream, Stream } from "../../functions/contract/stream.ts";
import { epoch, type Tail } from "../../functions/contract/tail.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { Chance } from "../../functions/testing/simulation/simulate.ts";
import { diary, ledger, scroll } from "./streams.ts";

type Ledger = typeof ledger;

const text = new TextEncoder();
/** The last time that a Date can have (ECMA-262: time values and time range). */
const maxDate = 8.64e15;

/** Activities of every kind, which misbehave at random until faults stop. */
export class Activities {
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** True with a probability, until the faults end. */
  happens(probability: number): boolean {
    return !this.#chance.isCalm() && this.#chance.random.chance(probability);
  }

  /** Level 1. Reads, advances, checkpoints, and ends with each outcome of the contract. */
  reader<S extends Stream>(
    stream: S,
    name: string,
    options: { readonly parkAfterAttempts?: number } = {},
  ): Activity<S> {
    return defineProcessor(stream, {
      name,
      ...options,
      processEvents: (run, events) => this.#read(run as Run<Stream>, events as EventStream<unknown>),
    });
  }

  async #read(run: Run<Stream>, events: EventStream<unknown>): Promise<Outcome> {
    let tail: Tail = run.tail;
    for await (const { id } of events) {
      tail = id;
      if (this.happens(0.3)) run.advance(tail);
      if (this.happens(0.15)) await run.checkpoint(tail);
      if (this.happens(0.03)) throw new Error(`cannot read ${id}`);
      if (this.happens(0.02)) throw new SilentRetry();
    }
    return this.#outcome(run, tail);
  }

  #outcome(run: Run<Stream>, tail: Tail): Outcome {
    if (this.happens(0.04)) return silentRetryAfter(tail, this.later(run));
    if (this.happens(0.03)) return silentRetry(tail);
    if (this.happens(0.03)) return retry(tail, new Error("drawn"));
    // As nog's Go packages do to read everything again.
    if (this.happens(0.02)) return caughtUp(epoch);
    return caughtUp(tail);
  }

  /** A time to wait for: mostly within ten minutes, sometimes within a week, and once in a while never. */
  later(run: { now(): Date }): Date {
    const { random } = this.#chance;
    if (random.chance(0.01)) return new Date(maxDate);
    const longestMs = random.chance(0.1) ? 7 * 24 * 3_600_000 : 600_000;
    return new Date(run.now().getTime() + random.magnitude(1, longestMs));
  }

  /** Level 2, with a view that is sometimes too large for the record. */
  tally<S extends Stream>(stream: S, name: string, version: number): Activity<S> {
    return defineActivity(stream, {
      name,
      view: { version, initial: (): { ids: string[]; filler: string } => ({ ids: [], filler: "" }) },
      apply(view, { id }) {
        view.ids.push(id);
        view.filler = view.ids.length % 7 === 0 ? "x".repeat(5_000) : "";
      },
      act: async (_view, run): Promise<Decision> => {
        if (this.happens(0.05)) throw new Error("cannot act");
        if (this.happens(0.05)) return silentRetryAfter(this.later(run));
        if (this.happens(0.03)) return silentRetry();
        return caughtUp();
      },
    });
  }

  /** Level 2; completes after a number of events. Signals cut its waits. */
  closer(): Activity<Ledger> {
    return defineActivity(ledger, {
      name: "closer",
      signalsCutWaits: true,
      view: { version: 1, initial: () => ({ count: 0 }) },
      apply(view) {
        view.count++;
      },
      act: async (view, run): Promise<Decision> => {
        if (this.happens(0.1)) return silentRetryAfter(this.later(run));
        return view.count >= 4 ? completed() : caughtUp();
      },
    });
  }

  /** Level 2; calls its upstream each time that it acts. */
  caller(): Activity<typeof diary> {
    return defineActivity(diary, {
      name: "caller",
      view: { version: 1, initial: () => ({ count: 0 }) },
      apply(view) {
        view.count++;
      },
      act: async (_view, run): Promise<Decision> => {
        await run.client(Repos).getRepo({ repo: text.encode(run.address.id) });
        return caughtUp();
      },
    });
  }

  /** Level 1; keeps each event that it has read, so that each run makes progress. */
  steady(): Activity<typeof scroll> {
    return defineProcessor(scroll, {
      name: "steady",
      async processEvents(run, events) {
        let { tail } = run;
        for await (const { id } of events) {
          tail = id;
          run.advance(tail);
        }
        return caughtUp(tail);
      },
    });
  }
}
