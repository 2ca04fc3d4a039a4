import { describe, expect, it } from "vitest";
import { defineProcessor, task } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { defineStream } from "../../functions/contract/stream.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { recordQueueAge } from "../../functions/queue/queue-age.ts";
import { startTask } from "../../functions/run/start.ts";
import { dueShard, dueShards } from "../../functions/tasks/record.ts";
import { tick } from "../../functions/tick/tick.ts";
import { overriding } from "../../proof/mutate/mutants/overriding.ts";
import { settle } from "../support/test-clock.ts";
import { reader, thing, World } from "../support/world.ts";

const minute = 60_000;

async function sleepingWorld() {
  const world = new World({ activities: [lazy(reader)] });
  world.append("t", "e1");
  await startTask(world.ports, reader, { thingId: "t" });
  await world.drain();
  return world;
}

describe("a tick", () => {
  it("starts the roots, once", async () => {
    const world = new World({ activities: [lazy(reader)], roots: [task(reader, { thingId: "t" })] });
    expect(await world.tick()).toMatchObject({ started: 1 });
    expect(await world.tick()).toMatchObject({ started: 0 });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping" });
  });

  it("says which root has no entity id, and starts the others", async () => {
    const numbered = defineStream({
      kind: "numbered",
      upstream: "things",
      method: Repos.method.events,
      address: ["number"],
      entityId: ({ number }) => BigInt(number).toString(),
      request: () => ({}),
      read: () => ({ events: [], willBlock: true }),
    });
    const counter = defineProcessor(numbered, { name: "counter", processEvents: async ({ tail }) => caughtUp(tail) });
    const roots = [task(counter, { number: "one" }), task(counter, { number: "2" })];
    const world = new World({ activities: [lazy(counter)], roots });
    expect(await world.tick()).toMatchObject({ started: 1, failed: 1 });
    expect(world.log.filter(({ message }) => message === "root not started")).toMatchObject([
      { level: "error", fields: { activity: "counter", number: "one", err: "Cannot convert one to a BigInt" } },
    ]);
  });

  describe("with more roots than it has the time for", () => {
    const many = 400;
    const readMs = 10;

    /** A table of which each read of a record takes its time. */
    async function slowWorld() {
      const roots = Array.from({ length: many }, (_, i) => task(reader, { thingId: `root${i}` }));
      const world = new World({ activities: [lazy(reader)], roots });
      await startTask(world.ports, reader, { thingId: "t" });
      world.alarms.take();
      await world.clock.advance(3 * minute);
      const reads: string[] = [];
      let atOnce = 0;
      let maxAtOnce = 0;
      const store = overriding(world.store, {
        async get(key) {
          reads.push(key.entity);
          maxAtOnce = Math.max(maxAtOnce, ++atOnce);
          await world.clock.sleep(readMs);
          atOnce--;
          return world.store.get(key);
        },
      });
      return { world, ports: { ...world.ports, store }, roots, reads, maxAtOnce: () => maxAtOnce };
    }

    const budget = { checks: 1_000, concurrency: 5 };

    /** A tick that is aborted after so many milliseconds. */
    async function tickFor({ world, ports, roots }: Awaited<ReturnType<typeof slowWorld>>, ms: number) {
      const invocation = world.invocation(60_000);
      const ticking = tick(ports, roots, budget, invocation);
      for (let passed = 0; passed < ms; passed += readMs) await world.clock.advance(readMs);
      invocation.controller.abort();
      await world.clock.advance(readMs);
      return ticking;
    }

    it("checks what is due meanwhile, reads a few at once, and stops at its deadline", async () => {
      const slow = await slowWorld();
      const { world, reads, maxAtOnce } = slow;
      const report = await tickFor(slow, 20 * readMs);
      expect(report).toMatchObject({ rescued: 1, cutShort: true });
      expect(report.started).toBeGreaterThan(budget.concurrency);
      expect(report.started).toBeLessThan(many);
      expect(maxAtOnce()).toBe(budget.concurrency + 1);
      const left = many - reads.filter((entity) => entity !== "t").length;
      expect(world.log).toContainEqual({
        level: "warn",
        message: "roots left to the next tick",
        fields: { roots: many, left },
      });
    });

    it("goes on with the others in the next tick, until all are started", async () => {
      const slow = await slowWorld();
      let started = 0;
      let ticks = 0;
      for (; started < many && ticks < 20; ticks++) started += (await tickFor(slow, 20 * readMs)).started;
      expect(started).toBe(many);
      expect(ticks).toBeGreaterThan(1);
      const ofRoots = slow.reads.filter((entity) => entity !== "t");
      expect(new Set(ofRoots.slice(0, many)).size).toBe(many);
    });

    it("begins anywhere in a new process", async () => {
      const firsts = new Set<string | undefined>();
      for (const drawn of [0, 0.25, 0.75]) {
        const slow = await slowWorld();
        slow.world.random = () => drawn;
        await tickFor(slow, readMs);
        firsts.add(slow.reads[0]);
      }
      expect([...firsts]).toEqual(["root0", "root100", "root300"]);
    });

    it("starts the missing leaders before it has read a root", async () => {
      const { world, ports, roots } = await slowWorld();
      const limits = { ...ports.limits, eagerShards: 3 };
      const { bindings } = new World({ activities: [eager(reader)] }).ports;
      const invocation = world.invocation(60_000);
      const ticking = tick({ ...ports, bindings, limits }, roots, budget, invocation);
      await settle();
      expect(world.alarms.leaders).toEqual(["eager-0-of-3", "eager-1-of-3", "eager-2-of-3"]);
      invocation.controller.abort();
      await world.clock.advance(readMs);
      expect(await ticking).toMatchObject({ leaders: 3, cutShort: true });
    });

    it("fails for what it cannot read only after the rest has ended", async () => {
      const { world, ports, roots } = await slowWorld();
      world.store.due = () => Promise.reject(new Error("no table"));
      let hasEnded = false;
      const invocation = world.invocation(60_000);
      const ticking = tick(ports, roots, budget, invocation).finally(() => {
        hasEnded = true;
      });
      ticking.catch(() => {});
      await settle();
      expect(hasEnded).toBe(false);
      invocation.controller.abort();
      await world.clock.advance(readMs);
      await expect(ticking).rejects.toThrow("no table");
    });
  });

  it("rescues a task whose wake was lost, ever less often while it stays overdue (T6)", async () => {
    const world = new World({ activities: [lazy(reader)] });
    await startTask(world.ports, reader, { thingId: "t" });
    world.alarms.take();
    expect(await world.tick()).toMatchObject({ rescued: 0 });
    const rescues: number[] = [];
    for (let minutes = 1; minutes <= 60; minutes++) {
      await world.clock.advance(minute);
      if ((await world.tick()).rescued > 0) rescues.push(minutes);
      world.alarms.take();
    }
    // Due after 3 min, then 3, 6, 12 and 24 min later.
    expect(rescues).toEqual([3, 6, 12, 24, 48]);
    await world.clock.advance(60 * minute);
    await world.tick();
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", rescues: 0 });
  });

  it("rescues a retry whose timer was lost", async () => {
    let broken = true;
    const flaky = defineProcessor(thing, {
      name: "flaky",
      async processEvents(run) {
        if (broken) throw new Error("no route");
        return caughtUp(run.tail);
      },
    });
    const world = new World({ activities: [lazy(flaky)] });
    await startTask(world.ports, flaky, { thingId: "t" });
    await world.drain();
    broken = false;
    await world.clock.advance(20_000);
    world.alarms.take();
    await world.clock.advance(3 * minute);
    await world.tick();
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping" });
  });

  it("probes a sleeping lazy task, and wakes it only if there is something after its tail", async () => {
    const world = await sleepingWorld();
    await world.clock.advance(3 * minute);
    expect(await world.tick()).toMatchObject({ probed: 1, news: 0 });
    expect(world.alarms.take()).toEqual([]);
    // The signal of this event was lost.
    world.append("t", "e2");
    await world.clock.advance(14 * minute);
    expect(await world.tick()).toMatchObject({ probed: 0 });
    await world.clock.advance(minute);
    expect(await world.tick()).toMatchObject({ probed: 1, news: 1 });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e2", wakeCount: 0 });
  });

  it("takes an upstream that fails for news: the run will log it", async () => {
    const world = await sleepingWorld();
    await world.clock.advance(3 * minute);
    world.onOpen = () => {
      throw new Error("broken");
    };
    expect(await world.tick()).toMatchObject({ news: 1 });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "retrying" });
  });

  it("looks at a running task again when its lease ends, and has it taken over then (rule 8)", async () => {
    const world = new World({ activities: [lazy(reader)] });
    world.append("t", "e1");
    await startTask(world.ports, reader, { thingId: "t" });
    let killed = true;
    world.onOpen = () => (killed ? new Promise(() => {}) : undefined);
    void world.deliver(world.alarms.take(), world.invocation(900_000));
    await settle();
    // Its process is frozen: no timer of it fires.
    world.clock.jump(world.clock.now() + 3 * minute);
    expect(await world.tick()).toMatchObject({ running: 1, rescued: 0 });
    const { leaseUntil = 0, due } = await world.record("t");
    expect(due).toBe(leaseUntil + 5_001);
    killed = false;
    world.clock.jump(leaseUntil + 5_001);
    expect(await world.tick()).toMatchObject({ rescued: 1 });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1", fence: 2, strikes: 0 });
  });

  it("parks a task whose invocations keep dying, at the activity's limit (rule 8)", async () => {
    const deadly = defineProcessor(thing, {
      name: "deadly",
      parkAfterAttempts: 2,
      processEvents: () => new Promise(() => {}),
    });
    const world = new World({ activities: [lazy(deadly)] });
    await startTask(world.ports, deadly, { thingId: "t" });
    let wakes = world.alarms.take();
    for (let deaths = 0; deaths < 3; deaths++) {
      void world.deliver(wakes, world.invocation(900_000));
      await settle();
      const record = await world.record("t");
      expect(record).toMatchObject({ status: "running", strikes: deaths });
      world.clock.jump((record.leaseUntil ?? 0) + 60_000);
      await world.tick();
      wakes = world.alarms.take();
    }
    expect(await world.record("t")).toMatchObject({ status: "parked", strikes: 2 });
    expect(wakes).toEqual([]);
  });

  it("of two at once rescues each task once (rule 11)", async () => {
    const world = new World({ activities: [lazy(reader)] });
    for (let i = 0; i < 20; i++) await startTask(world.ports, reader, { thingId: `t${i}` });
    world.alarms.take();
    await world.clock.advance(3 * minute);
    const reports = await Promise.all([world.tick(), world.tick()]);
    expect(reports.map(({ rescued }) => rescued).reduce((a, b) => a + b)).toBe(20);
    expect(world.alarms.take()).toHaveLength(20);
  });

  it("does not add to a queue that is late (rule 11)", async () => {
    const world = new World({ activities: [lazy(reader)] });
    await startTask(world.ports, reader, { thingId: "t" });
    world.alarms.take();
    await world.clock.advance(3 * minute);
    await recordQueueAge(world.ports.control, "wakes", { ageMs: 200_000, at: world.clock.now() });
    expect(await world.tick()).toMatchObject({ rescued: 0, cutShort: true });
    await world.clock.advance(2 * minute);
    expect(await world.tick()).toMatchObject({ rescued: 1, cutShort: false });
  });

  it("goes on if it cannot read how late the queue is (T6)", async () => {
    const world = new World({ activities: [lazy(reader)] });
    await startTask(world.ports, reader, { thingId: "t" });
    world.alarms.take();
    await world.clock.advance(3 * minute);
    const { control } = world.ports;
    const read = control.read.bind(control);
    control.read = (name) => (name === "queue-age" ? Promise.reject(new Error("a document of v2")) : read(name));
    expect(await world.tick()).toMatchObject({ rescued: 1, cutShort: false });
    const word = { level: "warn", message: "queue age not readable", fields: { err: "a document of v2" } };
    expect(world.log).toContainEqual(word);
  });

  it("takes a paused task out of the index and wakes nobody", async () => {
    const world = await sleepingWorld();
    const record = await world.record("t");
    await world.edit(record, { paused: true });
    await world.clock.advance(3 * minute);
    await world.tick();
    expect(world.alarms.take()).toEqual([]);
    expect(await world.record("t")).not.toHaveProperty("due");
  });

  it("goes on after a task that it cannot check", async () => {
    const world = await sleepingWorld();
    await startTask(world.ports, reader, { thingId: "x" });
    world.alarms.take();
    await world.clock.advance(3 * minute);
    const { get } = world.store;
    world.store.get = (key) =>
      key.entity === "x" ? Promise.reject(new Error("no answer")) : get.call(world.store, key);
    expect(await world.tick()).toMatchObject({ probed: 1, failed: 1 });
    expect(world.log.at(-1)).toMatchObject({ message: "check failed", fields: { task: "thing/reader@x" } });
  });

  describe("that finds foreign tasks, whose activity has left the app (rule 11)", () => {
    const live = 50;
    const readMs = 10;
    const hour = 60 * minute;

    /** As it is an hour after a deploy without two of the activities; each request to the table takes its time. */
    async function worldAfter(foreign: number) {
      const world = new World({ activities: [cron(reader, { everyMinutes: 1 })] });
      for (let i = 0; i < live; i++) await startTask(world.ports, reader, { thingId: `t${i}` });
      world.alarms.take();
      const record = await world.record("t0");
      for (let i = 0; i < foreign; i++) {
        const kind = i % 4 === 0 ? "gone" : "thing";
        world.seed({ ...record, entity: `f${i}`, kind, activity: "old", due: world.clock.now() - i });
      }
      await world.clock.advance(hour);
      const requests = { get: 0, due: 0, update: 0 };
      const counted = async <T>(name: keyof typeof requests, request: Promise<T>) => {
        requests[name]++;
        await world.clock.sleep(readMs);
        return request;
      };
      const store = overriding(world.store, {
        get: (key) => counted("get", world.store.get(key)),
        due: (...asked) => counted("due", world.store.due(...asked)),
        update: (...asked) => counted("update", world.store.update(...asked)),
      });
      return { world, ports: { ...world.ports, store }, requests };
    }

    async function tickFor({ world, ports }: Awaited<ReturnType<typeof worldAfter>>, ms: number) {
      const invocation = world.invocation(60_000);
      const ticking = tick(ports, [], { checks: 2_000, concurrency: 20 }, invocation);
      for (let passed = 0; passed < ms; passed += readMs) await world.clock.advance(readMs);
      invocation.controller.abort();
      await world.clock.advance(readMs);
      return ticking;
    }

    it("checks all others though it is cut short, and says once how many there are", async () => {
      const foreign = 20_000;
      const after = await worldAfter(foreign);
      const { world, requests } = after;
      expect(await tickFor(after, 1_500)).toMatchObject({ rescued: live, failed: 0, foreign, overdue: live });
      expect(requests.get).toBe(live);
      // Two for each shard, and those of the round of the app's own bindings.
      expect(requests.due).toBeLessThanOrEqual(2 * dueShards);
      const said = world.log.filter(({ level }) => level !== "info");
      expect(said.map(({ message }) => message)).toEqual(["foreign tasks due"]);
      expect(said[0]?.fields).toMatchObject({
        activities: { "gone/old": foreign / 4, "thing/old": (foreign * 3) / 4 },
      });
    });

    it("puts a thousand of them off for hours with the rest of its time, so that they are soon out of the way", async () => {
      const after = await worldAfter(2_500);
      const { world, ports, requests } = after;
      let ticks = 0;
      while ((await tickFor(after, 1_500)).foreign && ticks < 10) ticks++;
      expect(ticks).toBe(3);
      expect(requests.get).toBe(live);
      const dues: number[] = [];
      for await (const { activity, due = 0 } of world.store.list()) if (activity === "old") dues.push(due);
      expect(Math.min(...dues)).toBeGreaterThan(world.clock.now() + 5 * hour);
      requests.update = 0;
      await tickFor({ world, ports, requests }, 1_500);
      expect(requests.update).toBe(0);
    });
  });

  it("says that its budget is used up by the last shard of the index, too", async () => {
    const world = new World({ activities: [cron(reader, { everyMinutes: 1 })] });
    const tasks = 300;
    for (let i = 0; i < tasks; i++) await startTask(world.ports, reader, { thingId: `t${i}` });
    world.alarms.take();
    await world.clock.advance(3 * minute);
    const now = world.clock.now();
    for (let shard = 0; shard < dueShards; shard++) expect(await world.store.due(shard, now, 1)).toHaveLength(1);
    const report = await tick(world.ports, [], { checks: tasks - 1, concurrency: 2 }, world.invocation());
    expect(report).toMatchObject({ rescued: tasks - 1, cutShort: true });
    await world.clock.advance(minute);
    const rest = await tick(world.ports, [], { checks: 1, concurrency: 2 }, world.invocation());
    expect(rest).toMatchObject({ rescued: 1 });
  });

  it("stops at its budget and leaves the rest to the next one", async () => {
    const world = new World({ activities: [cron(reader, { everyMinutes: 1 })] });
    for (let i = 0; i < 30; i++) await startTask(world.ports, reader, { thingId: `t${i}` });
    world.alarms.take();
    await world.clock.advance(3 * minute);
    const report = await tick(world.ports, [], { checks: 10, concurrency: 2 }, world.invocation());
    expect(report).toMatchObject({ rescued: 10, cutShort: true });
    const usedUp = () => world.log.filter(({ message }) => message.startsWith("checks used up"));
    expect(usedUp()).toMatchObject([{ fields: { checks: 10, oldestDueMs: report.oldestDueMs } }]);
    expect(await world.tick()).toMatchObject({ rescued: 20, cutShort: false });
    expect(usedUp()).toHaveLength(1);
  });

  it("reaches every shard, though more comes due than it can look at (T6, rule 22)", async () => {
    const world = new World({ activities: [lazy(reader)], limits: { probePeriodMs: 3 * minute } });
    const tasks = 160;
    for (let i = 0; i < tasks; i++) await startTask(world.ports, reader, { thingId: `t${i}` });
    await world.drain();
    await world.clock.advance(3 * minute);
    const startedAt = world.clock.now();
    // Five ticks for all of them, and each comes due again after three.
    for (let ticks = 0; ticks < 12; ticks++) {
      const report = await tick(world.ports, [], { checks: tasks / 5, concurrency: 5 }, world.invocation());
      expect(report).toMatchObject({ probed: tasks / 5, cutShort: true });
      await world.clock.advance(minute);
    }
    const neverChecked: string[] = [];
    for await (const { entity, due = 0 } of world.store.list()) if (due <= startedAt) neverChecked.push(entity);
    expect(neverChecked).toEqual([]);
  });

  it("gives what a shard does not need to those that do", async () => {
    const world = new World({ activities: [lazy(reader)] });
    const ofOneShard = Array.from({ length: 500 }, (_, i) => `t${i}`).filter(
      (entity) => dueShard({ entity, kind: "thing", activity: "reader" }) === 7,
    );
    for (const thingId of ofOneShard) await startTask(world.ports, reader, { thingId });
    await world.drain();
    await world.clock.advance(3 * minute);
    const checks = ofOneShard.length;
    const report = await tick(world.ports, [], { checks, concurrency: 5 }, world.invocation());
    expect(checks).toBeGreaterThan(5);
    expect(report).toMatchObject({ probed: checks });
  });
});

describe("the bound of T7", () => {
  /** What is lost, and how long the task may then take to its head: a tick more than the rule says. */
  const losses: readonly (readonly [string, number, (world: World) => Promise<unknown>])[] = [
    ["the wake of a start", 3 * minute, async (world) => world.alarms.take()],
    [
      "a signal",
      15 * minute,
      async (world) => {
        await world.drain();
        world.append("t", "e2");
      },
    ],
    [
      "the timer of a retry",
      20_000 + 3 * minute,
      async (world) => {
        world.onOpen = () => {
          throw new Error("no route");
        };
        await world.drain();
        world.onOpen = () => {};
        await world.clock.advance(20_000);
        world.alarms.take();
      },
    ],
    [
      "the invocation of a run",
      2 * minute + 5_001 + 3 * minute,
      async (world) => {
        world.onOpen = () => new Promise(() => {});
        void world.deliver(world.alarms.take());
        await settle();
        world.onOpen = () => {};
        world.clock.jump(world.clock.now() + minute);
      },
    ],
    [
      "a signal of a task that awaits a child",
      60 * minute,
      async (world) => {
        await world.drain();
        const { due = 0 } = await world.record("t");
        await world.edit(await world.record("t"), { awaiting: true });
        await world.clock.advance(due - world.clock.now());
        await world.tick();
        world.alarms.take();
        world.append("t", "e2");
      },
    ],
  ];

  it.each(losses)("holds after the loss of %s (rule 22)", async (_, boundMs, lose) => {
    const world = new World({ activities: [lazy(reader)] });
    world.append("t", "e1");
    await startTask(world.ports, reader, { thingId: "t" });
    const startedAt = world.clock.now();
    await lose(world);
    const lostAt = world.clock.now();
    const head = world.histories.get("t")?.at(-1);
    const isAtHead = async () => (await world.record("t")).tail === head;
    expect(await isAtHead()).toBe(false);
    while (!(await isAtHead()) && world.clock.now() < startedAt + 24 * 60 * minute) {
      await world.clock.advance(minute);
      await world.tick();
      await world.drain();
    }
    expect(world.clock.now() - lostAt).toBeLessThanOrEqual(boundMs + minute);
  });
});
