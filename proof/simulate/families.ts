import { type Activity, defineActivity, defineProcessor, type RunContext } from "../../functions/contract/activity.ts";
import { caughtUp, completed, type Decision, silentRetryAfter } from "../../functions/contract/outcome.ts";
import type { Activities } from "./activities.ts";
import { diary, ledger } from "./streams.ts";

type Ledger = typeof ledger;

const counting = { version: 1, initial: () => ({ count: 0 }) };
const count = (view: { count: number }) => {
  view.count++;
};

/** Activities that start others and wait for them. */
export class Families {
  readonly #activities: Activities;

  constructor(activities: Activities) {
    this.#activities = activities;
  }

  /** Starts a child for its aggregate, waits for its completion, or for a time, and completes. */
  parent(child: Activity<Ledger>): Activity<typeof diary> {
    return defineActivity(diary, {
      name: "parent",
      view: counting,
      apply: count,
      act: async (view, run): Promise<Decision> => {
        if (view.count < 2) return caughtUp();
        const status = await run.start(child, { id: `${run.address.id}-child` }, { wake: true });
        if (this.#activities.happens(0.1)) throw new Error("cannot wait");
        if (this.#activities.happens(0.1)) return silentRetryAfter(this.#activities.later(run));
        return status === "completed" ? completed() : caughtUp();
      },
    });
  }

  /** Waits for one child, which many wait for, and completes. */
  follower(child: Activity<Ledger>, id: string): Activity<typeof diary> {
    return defineActivity(diary, {
      name: "follower",
      view: counting,
      apply: count,
      act: async (_view, run): Promise<Decision> =>
        (await run.start(child, { id }, { wake: true })) === "completed" ? completed() : caughtUp(),
    });
  }

  /** Starts many children at once, and leaves it to its run to wait until they are written. */
  fan(child: Activity<Ledger>, ids: readonly string[]): Activity<typeof diary> {
    return defineActivity(diary, {
      name: "fan",
      view: counting,
      apply: count,
      act: async (_view, run): Promise<Decision> => {
        for (const id of ids) void run.start(child, { id });
        return completed();
      },
    });
  }

  /** Completes at once. */
  leaf(): Activity<Ledger> {
    return defineProcessor(ledger, { name: "leaf", processEvents: async (run) => completed(run.tail) });
  }

  /** Awaits itself, unless that is refused. */
  hermit(): Activity<Ledger> {
    const hermit: Activity<Ledger> = this.#awaiting("hermit", () => hermit);
    return hermit;
  }

  /** Two that await each other, unless that is refused. */
  couple(): readonly [Activity<Ledger>, Activity<Ledger>] {
    const one: Activity<Ledger> = this.#awaiting("one", () => other);
    const other: Activity<Ledger> = this.#awaiting("other", () => one);
    return [one, other];
  }

  #awaiting(name: string, child: () => Activity<Ledger>): Activity<Ledger> {
    return defineActivity(ledger, {
      name,
      view: counting,
      apply: count,
      act: async (_view, run: RunContext<Ledger>): Promise<Decision> => {
        await run.start(child(), run.address, { wake: true }).catch(() => {});
        return caughtUp();
      },
    });
  }
}
