import { describe, expect, it } from "vitest";
import { createApp } from "../../functions/app.ts";
import { type Activity, defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, completed } from "../../functions/contract/outcome.ts";
import type { EventId } from "../../functions/contract/tail.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { manyFaults } from "../../functions/testing/simulation/faults.ts";
import { type Scenario, simulate } from "../../functions/testing/simulation/simulate.ts";
import { scenario } from "../../proof/simulate/scenario.ts";
import { ledger } from "../../proof/simulate/streams.ts";

const upstreams = { books: { baseUrl: "http://127.0.0.1", protocol: "grpc" } } as const;

/** One aggregate and one activity. */
function alone(bound: ReturnType<typeof lazy>): Scenario {
  return {
    versions: [createApp({ activities: [bound], upstreams })],
    aggregates: [{ stream: ledger, address: { id: "a" }, event: (position) => position, maxEvents: 12 }],
  };
}

const reader = defineProcessor(ledger, {
  name: "reader",
  async processEvents(run, events) {
    let { tail } = run;
    for await (const { id } of events) tail = id;
    return caughtUp(tail);
  },
});

describe("a simulation", () => {
  it("keeps every promise in worlds in which everything goes wrong (T1 to T7)", async () => {
    let kills = 0;
    for (let seed = 1; seed <= 4; seed++) {
      const { violation, ...report } = await simulate(scenario, { seed });
      expect(violation).toBeUndefined();
      kills += report.kills;
      expect(report.attempts).toBeGreaterThan(50);
    }
    expect(kills).toBeGreaterThan(10);
  });

  it.each([
    [3074, "what had killed two runs, and was then bound to another engine, ran beside others (rule 8)"],
    [6603, "a process that had stood still counted as one that backs off for no time"],
    [6623, "a lease that was over when it was taken counted as one that nothing had happened to"],
    [6775, "a process that had stood still since before the quiet counted as running without a reason"],
    [5060, "a write that nobody had answered was carried out late, and left the view ahead of its tail (T5)"],
    [20261796, "a tick moved the due time of a running task beyond its next probe (rule 6)"],
    [20085, "a task that was paused while it ran, and completed, could not be resumed, nor said so"],
    [6892, "a task that leaders find counted as one that sleeps beyond its probe"],
    [106, "an activity that was abandoned after its process had stood still counted as settled by another outcome"],
  ])("keeps every promise in world %i, in which once %s", async (seed) => {
    expect((await simulate(scenario, { seed })).violation).toBeUndefined();
  });

  it("is the same for the same seed, word for word, and another for another", async () => {
    const options = { story: true, stormMinutes: 4 };
    const first = await simulate(scenario, { seed: 3, ...options });
    const again = await simulate(scenario, { seed: 3, ...options });
    const other = await simulate(scenario, { seed: 4, ...options });
    expect(first.story.length).toBeGreaterThan(100);
    expect(again).toEqual(first);
    expect(other.story).not.toEqual(first.story);
  });

  it("does not change when its story is wanted", async () => {
    const { story: _, ...silent } = await simulate(scenario, { seed: 5, stormMinutes: 4 });
    const { story, ...told } = await simulate(scenario, { seed: 5, stormMinutes: 4, story: true });
    expect(told).toEqual(silent);
    expect(story.at(0)).toMatch(/^00:00\.000 {2}chance/);
  });

  it("kills nothing and loses nothing without faults, and is at rest soon", async () => {
    const report = await simulate(alone(lazy(reader)), { seed: 1, faults: {} });
    expect(report).toMatchObject({ violation: undefined, kills: 0, events: 12 });
    expect(report.settledMinutes).toBeLessThanOrEqual(5);
  });

  it.each([
    ["lazy", lazy],
    ["cron", (activity: Activity<typeof ledger>) => cron(activity, { everyMinutes: 2 })],
    ["eager", eager],
  ] as const)("brings a task of the %s engine to the head through all faults (T7)", async (_, bind) => {
    for (const seed of [1, 2]) {
      const report = await simulate(alone(bind(reader)), { seed, faults: { ...manyFaults, trim: 0 } });
      expect(report.violation).toBeUndefined();
      expect(report.events).toBeGreaterThanOrEqual(12);
    }
  });

  it("finds an activity whose tail passes over events that it was not given in this run (T1)", async () => {
    let furthest: EventId | undefined;
    const fromMemory = defineProcessor(ledger, {
      name: "reader",
      async processEvents(run, events) {
        for await (const { id } of events) {
          // The first run reads on, and forgets; later ones trust what it has seen.
          if (furthest !== undefined && id < furthest) return caughtUp(furthest);
          furthest = id;
        }
        return caughtUp(run.tail);
      },
    });
    const { violation } = await simulate(alone(lazy(fromMemory)), { seed: 1, faults: {} });
    expect(violation).toMatchObject({ rule: "T1", task: "ledger/reader@a" });
  });

  it("finds an apply that makes something else of the same events each time (T5)", async () => {
    let calls = 0;
    const forgetful = defineActivity(ledger, {
      name: "reader",
      view: { version: 1, initial: () => ({ calls: 0 }) },
      apply(view) {
        view.calls = ++calls;
      },
      act: async () => caughtUp(),
    });
    const { violation } = await simulate(alone(lazy(forgetful)), { seed: 1, faults: {} });
    expect(violation).toMatchObject({ rule: "T5", task: "ledger/reader@a" });
  });

  it("finds a task that never comes to rest (T7)", async () => {
    const restless = defineProcessor(ledger, {
      name: "reader",
      async processEvents() {
        throw new Error("never");
      },
    });
    const { violation, settledMinutes } = await simulate(alone(lazy(restless)), {
      seed: 1,
      faults: {},
      stormMinutes: 2,
    });
    expect(violation).toMatchObject({ rule: "T7", what: expect.stringContaining("retrying at epoch") });
    expect(settledMinutes).toBe(0);
  });

  it("lets a completed task rest (T4)", async () => {
    const done = defineProcessor(ledger, {
      name: "reader",
      async processEvents(run, events) {
        for await (const { id } of events) return completed(id);
        return caughtUp(run.tail);
      },
    });
    const report = await simulate(alone(lazy(done)), { seed: 2, faults: manyFaults });
    expect(report.violation).toBeUndefined();
  });
});
