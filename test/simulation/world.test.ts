import { type Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { createApp } from "../../functions/app.ts";
import { defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { type Bound, cron, lazy } from "../../functions/engines/binding.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { start } from "../../functions/tasks/transitions.ts";
import type { AggregateDefinition } from "../../functions/testing/simulation/aggregate.ts";
import { drawnFaults, mildFaults, noFaults } from "../../functions/testing/simulation/faults.ts";
import { costOf, maxItemBytes, sizeOf } from "../../functions/testing/simulation/item-size.ts";
import { drawnPlatform } from "../../functions/testing/simulation/platform.ts";
import { SimulatedProcess } from "../../functions/testing/simulation/process.ts";
import { Random } from "../../functions/testing/simulation/random.ts";
import { type Scenario, type SimulationOptions, simulate } from "../../functions/testing/simulation/simulate.ts";
import { Story } from "../../functions/testing/simulation/story.ts";
import { SimulatedTable, type TableWrite } from "../../functions/testing/simulation/table.ts";
import { Timeline } from "../../functions/testing/simulation/timeline.ts";
import { SimulatedWorld } from "../../functions/testing/simulation/world.ts";
import { diary, diaryChanged, ledger, scroll } from "../../proof/simulate/streams.ts";

const upstream = { baseUrl: "http://127.0.0.1", protocol: "grpc" } as const;
const upstreams = { books: upstream, papers: upstream, quarry: upstream };
const event = (position: number) => position;
const inLedger: AggregateDefinition = { stream: ledger, address: { id: "a" }, event, maxEvents: 12 };

const reader = defineProcessor(ledger, {
  name: "reader",
  async processEvents(run, events) {
    let { tail } = run;
    for await (const { id } of events) tail = id;
    return caughtUp(tail);
  },
});

const appOf = (...activities: Bound[]) => createApp({ activities, upstreams });
const alone = (...activities: Bound[]): Scenario => ({ versions: [appOf(...activities)], aggregates: [inLedger] });

/** The lines of the stories of some seeds; each world keeps its promises. */
async function storiesOf(scenario: Scenario, options: Omit<SimulationOptions, "seed">, seeds = 3): Promise<string[]> {
  const lines: string[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const { violation, story } = await simulate(scenario, { seed, story: true, stormMinutes: 10, ...options });
    expect(violation).toBeUndefined();
    lines.push(...story);
  }
  return lines;
}

const first = new Date(Date.UTC(2026, 0, 1)).getTime();

/** A process and its table, in a world of its own. */
function worldWith(faults: Partial<typeof noFaults>) {
  const random = new Random(1);
  const timeline = new Timeline(random.fork(), first);
  const world = new SimulatedWorld(timeline, random, new Story(false), { ...noFaults, ...faults });
  const writes: TableWrite[] = [];
  const table = new SimulatedTable(world, {
    onWrite: async (write) => {
      writes.push(write);
    },
  });
  const process = new SimulatedProcess("process", world);
  return { timeline, world, process, table, writes };
}

const key = { entity: "a", kind: "ledger", activity: "reader" };

describe("a simulated call without an answer", () => {
  it("is given up after some seconds, and carried out then, later, or never", async () => {
    const { timeline, process, table, writes } = worldWith({ unansweredCall: 1 });
    const failures: string[] = [];
    for (let i = 0; i < 30; i++) {
      const task = { ...key, entity: `a-${i}` };
      table
        .storeOf(process)
        .update(task, start({ id: task.entity }, "lazy", first))
        .catch((error: Error) => failures.push(error.message));
    }
    await timeline.run(first + 15_000);
    expect(failures).toHaveLength(30);
    const soon = writes.length;
    await timeline.run(first + 400_000);
    expect(soon).toBeGreaterThan(0);
    expect(writes.length).toBeGreaterThan(soon);
    expect(writes.length).toBeLessThan(30);
    expect(writes.every(({ isGivenUp }) => isGivenUp)).toBe(true);
  });

  it("is carried out after its process has died", async () => {
    const { timeline, process, table, writes } = worldWith({ unansweredCall: 1 });
    for (let i = 0; i < 10; i++)
      void table.storeOf(process).update({ ...key, entity: `a-${i}` }, start({ id: "a" }, "lazy", first));
    await timeline.run(first);
    process.kill("for the test");
    await timeline.run(first + 400_000);
    expect(writes.length).toBeGreaterThan(0);
  });

  it("is answered for a patient process", async () => {
    const { timeline, world, table } = worldWith({ unansweredCall: 1 });
    const written = table
      .storeOf(new SimulatedProcess("patient", world, { isPatient: true }))
      .update(key, start({ id: "a" }, "lazy", first));
    await timeline.run(first + 1_000);
    expect((await written).applied).toBe(true);
  });
});

describe("the simulated table", () => {
  it("refuses an item beyond the limit of DynamoDB, and keeps the one before", async () => {
    const { timeline, process, table } = worldWith({});
    const store = table.storeOf(process);
    const written = store.update(key, start({ id: "x".repeat(maxItemBytes) }, "lazy", first));
    const failed = expect(written).rejects.toThrow("Item size has exceeded the maximum allowed size");
    await timeline.run(first + 1_000);
    await failed;
  });

  it("refuses a key that is too long", async () => {
    const { timeline, process, table } = worldWith({});
    const failed = expect(table.storeOf(process).tasksOf("x".repeat(2_048))).rejects.toThrow("maximum size limit");
    await timeline.run(first + 1_000);
    await failed;
  });

  it("says what a write costs", async () => {
    const { timeline, process, table, writes } = worldWith({});
    void table.storeOf(process).update(key, start({ id: "x".repeat(3_000) }, "lazy", first));
    await timeline.run(first + 1_000);
    expect(writes.map(({ cost }) => cost)).toEqual([4]);
    expect(costOf(1)).toBe(1);
    expect(costOf(1_025)).toBe(2);
    expect(sizeOf(writes[0]?.after as never)).toBeGreaterThan(3_000);
  });
});

describe("a simulated clock", () => {
  it("is set during an invocation, and stays within half of the skew", async () => {
    const { timeline, process } = worldWith({ clockStep: 1, skewMs: 5_000 });
    const ahead = () => process.clock.now() - timeline.now;
    const seen = new Set<number>();
    for (let i = 1; i <= 20; i++) {
      process.beginInvocation(() => {});
      await timeline.run(first + i * 60_000);
      seen.add(Math.round(ahead()));
      expect(Math.abs(ahead())).toBeLessThanOrEqual(2_501);
    }
    expect(seen.size).toBeGreaterThan(5);
    expect(process.troubles).toBeGreaterThan(5);
  });
});

describe("a simulation", () => {
  it("has signals of nobody, and of ids that no key may have", async () => {
    const story = await storiesOf(alone(lazy(reader)), { faults: { strangeSignal: 1 } });
    expect(story.some((line) => line.includes('"entity":"of nobody"'))).toBe(true);
    expect(story.some((line) => line.includes(`"entity":"${"x".repeat(200)}`))).toBe(true);
  });

  it("has storms of signals without news", async () => {
    const story = await storiesOf(alone(lazy(reader)), { faults: { signalStorm: 1 } });
    expect(story.some((line) => /signals of a come each \d+ ms/.test(line))).toBe(true);
    expect(story.filter((line) => line.includes('"detail-type":"Signal"')).length).toBeGreaterThan(100);
  });

  it("has streams with messages without events", async () => {
    await storiesOf(alone(lazy(reader)), { faults: { emptyMessage: 1 } });
  });

  it("finds that a view is folded twice from a stream that begins with its tail, which is not promised (T5)", async () => {
    const counter = defineActivity(ledger, {
      name: "counter",
      view: { version: 1, initial: () => ({ count: 0 }) },
      apply(view) {
        view.count++;
      },
      act: async () => caughtUp(),
    });
    for (const faults of [{ inclusiveStart: 1 }, { repeatEvent: 1 }]) {
      const { violation } = await simulate(alone(lazy(counter)), { seed: 1, faults });
      expect(violation?.rule).toBe("T5");
    }
  });

  it("has outages of one upstream of several, and of a part of it", async () => {
    const scribe = defineProcessor(diary, {
      name: "scribe",
      async processEvents(run, events) {
        let { tail } = run;
        for await (const { id } of events) tail = id;
        return caughtUp(tail);
      },
    });
    const story = await storiesOf(
      {
        versions: [appOf(lazy(reader), lazy(scribe, { startOnSignal: true }))],
        aggregates: [
          inLedger,
          { stream: diary, address: { id: "b" }, event, maxEvents: 12, busEvent: diaryChanged("b") },
        ],
      },
      { faults: { outage: 1 } },
    );
    const out = story.filter((line) => / is out for /.test(line)).join("\n");
    expect(out).toMatch(/books is out for \d+ s, 100 %/);
    expect(out).toMatch(/papers is out for \d+ s/);
    expect(out).toMatch(/is out for \d+ s, [2-9]\d %/);
    expect(story.some((line) => line.includes('"detail-type":"DiaryChanged"'))).toBe(true);
  });

  it("refuses unary calls of activities", async () => {
    const refusals: (Code | undefined)[] = [];
    const caller = defineActivity(ledger, {
      name: "caller",
      view: { version: 1, initial: () => ({ count: 0 }) },
      apply(view) {
        view.count++;
      },
      async act(_view, run) {
        try {
          await run.client(Repos).getRepo({});
        } catch (error) {
          refusals.push(error instanceof ConnectError ? error.code : undefined);
          throw error;
        }
        return caughtUp();
      },
    });
    const scenario: Scenario = {
      ...alone(lazy(caller)),
      routes: (router) => router.service(Repos, { getRepo: () => ({}) }),
    };
    await storiesOf(scenario, { faults: { refuseCall: 0.5 } });
    expect(new Set(refusals).size).toBeGreaterThan(1);
  });

  it("cuts the streams of an aggregate until the faults end, and a reader that keeps what it has read comes forward", async () => {
    const steady = defineProcessor(scroll, {
      name: "steady",
      async processEvents(run, events) {
        let { tail } = run;
        for await (const { id } of events) {
          tail = id;
          run.advance(id);
        }
        return caughtUp(tail);
      },
    });
    const scenario: Scenario = {
      versions: [appOf(lazy(steady))],
      aggregates: [{ stream: scroll, address: { id: "s" }, event, firstEvents: 100, maxEvents: 100, cutAfter: 20 }],
    };
    const { violation, events } = await simulate(scenario, { seed: 1, faults: {} });
    expect(violation).toBeUndefined();
    expect(events).toBeGreaterThanOrEqual(100);
  });

  it("lets an activity leave the app and come back (T7)", async () => {
    const other = defineProcessor(ledger, { name: "other", processEvents: async (run) => caughtUp(run.tail) });
    const scenario: Scenario = {
      versions: [appOf(lazy(reader), lazy(other)), appOf(lazy(other))],
      aggregates: [inLedger],
      tasks: [{ activity: reader, address: { id: "a" } }],
    };
    const story = await storiesOf(scenario, { faults: { deploy: 0.3 } });
    expect(story.some((line) => line.includes("deploys version 1"))).toBe(true);
    expect(story.some((line) => line.includes("deploys version 0"))).toBe(true);
  });

  it("lets a cron task with a long interval rest until its slot (rule 16)", async () => {
    for (const everyMinutes of [720, 43_200]) {
      const report = await simulate(alone(cron(reader, { everyMinutes })), { seed: 1, faults: {} });
      expect(report.violation).toBeUndefined();
      expect(report.attempts).toBeLessThan(5);
    }
  });
});

describe("a world in which some tasks ail", () => {
  const many: Scenario = {
    versions: [appOf(lazy(reader))],
    aggregates: Array.from({ length: 10 }, (_, i) => ({ ...inLedger, address: { id: `a-${i}` } })),
  };

  it("has aggregates whose activities hang or fail while others come forward (rule 22)", async () => {
    const lines = await storiesOf(many, { isAiling: true, stormMinutes: 60 }, 10);
    const ails = lines.filter((line) => /hang: .*; fail: /.test(line)).join("\n");
    expect(ails).toMatch(/hang: a-\d/);
    expect(ails).toMatch(/fail: a-\d/);
    expect(lines.some((line) => line.includes("is killed: its time is over"))).toBe(true);
  });

  it("finds a task that nothing ails and that does not come forward (rule 22)", async () => {
    const lazyBones = defineProcessor(ledger, {
      name: "reader",
      processEvents: async (run) => caughtUp(run.tail),
    });
    const found = new Set<string | undefined>();
    for (let seed = 1; seed <= 3; seed++) {
      const { violation } = await simulate({ ...many, versions: [appOf(lazy(lazyBones))] }, { seed, isAiling: true });
      found.add(violation?.rule);
    }
    expect(found).toContain("rule 22");
  });
});

describe("what is drawn for a simulation", () => {
  const seeds = Array.from({ length: 200 }, (_, seed) => seed);

  it("has index lags up to minutes, and no fault that is not promised to be survived", () => {
    const drawn = seeds.map((seed) => drawnFaults(new Random(seed)));
    expect(new Set(drawn.map(({ indexLagMs }) => indexLagMs))).toEqual(new Set([0, 30_000, 300_000]));
    expect(drawn.every(({ repeatEvent, inclusiveStart }) => repeatEvent + inclusiveStart === 0)).toBe(true);
  });

  it("kills and loses nothing where tasks are watched", () => {
    for (const seed of seeds) {
      const { kill, block, freeze, throttle, loseMessage, loseTick, operate, deploy } = mildFaults(new Random(seed));
      expect(kill + block + freeze + throttle + loseMessage + loseTick + operate + deploy).toBe(0);
    }
  });

  it("has ticks and leaders cut short, slow services, and several shards", () => {
    const drawn = seeds.map((seed) => drawnPlatform(new Random(seed), 3, false));
    expect(drawn.some(({ tickMs }) => tickMs < 10_000)).toBe(true);
    expect(drawn.some(({ leaderMs }) => leaderMs < 100_000)).toBe(true);
    expect(drawn.some(({ slowness }) => slowness > 5)).toBe(true);
    expect(drawn.some(({ eagerShards }) => new Set(eagerShards).size > 1)).toBe(true);
  });
});
