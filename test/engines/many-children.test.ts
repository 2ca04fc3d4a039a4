import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, completed } from "../../functions/contract/outcome.ts";
import { epoch } from "../../functions/contract/tail.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { awaitChild } from "../../functions/run/await-child.ts";
import { startTask } from "../../functions/run/start.ts";
import { settle } from "../support/test-clock.ts";
import { thing, World } from "../support/world.ts";

const children = 100_000;
const perEvent = 1_000;

const child = defineProcessor(thing, { name: "child", processEvents: async (run) => caughtUp(run.tail) });

/** Starts a thousand children for each event, and checkpoints when they are started. */
const index = defineProcessor(thing, {
  name: "index",
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id } of stream) {
      const first = Number(id.slice(1)) * perEvent;
      const starts = Array.from({ length: perEvent }, (_, i) => run.start(child, { thingId: `c${first + i}` }));
      await Promise.all(starts);
      await run.checkpoint(id);
      tail = id;
    }
    return caughtUp(tail);
  },
});

describe("an index activity", () => {
  it("starts 100,000 children, with checkpoints between, goes on after its deadline, and starts none a second time on a reload", async () => {
    const world = new World({ activities: [lazy(index), lazy(child)] });
    world.append("i", ...Array.from({ length: children / perEvent }, (_, i) => `e${i}`));
    await startTask(world.ports, index, { thingId: "i" });
    let refused = 0;
    let starts = 0;
    const update = world.store.update.bind(world.store);
    world.store.update = async (key, change) => {
      const written = await update(key, change);
      if (!written.applied) refused++;
      if (change.operation === "start" && written.applied) starts++;
      return written;
    };
    const mine = () => world.alarms.take().filter((wake) => "key" in wake && wake.key.activity === "index");
    const first = world.invocation();
    world.onEvent = (_thing, id) => {
      if (id === "e40") first.controller.abort();
    };
    await world.deliver(mine(), first);
    expect(await world.record("i")).toMatchObject({ status: "ready", tail: "e39" });
    await world.deliver(mine());
    expect(await world.record("i")).toMatchObject({ status: "sleeping", tail: `e${children / perEvent - 1}` });
    expect(starts).toBe(children);
    // From epoch again: every child is there already, and is found by a read.
    const key = { entity: "i", kind: "thing", activity: "index" };
    await world.edit(key, { tail: epoch });
    await world.deliver([{ class: "signal", entity: "i" }]);
    expect(await world.record("i")).toMatchObject({ status: "sleeping", tail: `e${children / perEvent - 1}` });
    expect(starts).toBe(children);
    expect(refused).toBe(0);
  });
});

/** Counts requests under way, and the most of them at once. */
function counted(world: World) {
  const requests = { most: 0, started: [] as string[] };
  let open = 0;
  const around =
    <A extends unknown[], R>(name: string, work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      requests.started.push(name);
      requests.most = Math.max(requests.most, ++open);
      try {
        // Leaves room for others, as a request does.
        await new Promise((resolve) => setImmediate(resolve));
        return await work(...args);
      } finally {
        open--;
      }
    };
  world.store.get = around("get", world.store.get.bind(world.store));
  world.store.update = around("update", world.store.update.bind(world.store));
  return requests;
}

/** Starts children without waiting for any of them. */
const careless = defineProcessor(thing, {
  name: "careless",
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id } of stream) {
      for (let i = 0; i < 1_500; i++) void run.start(child, { thingId: `c${i}` });
      tail = id;
    }
    return caughtUp(tail);
  },
});

describe("an activity that starts 1,500 children at once", () => {
  const names = (world: World) => Promise.all(Array.from({ length: 1_500 }, (_, i) => world.store.tasksOf(`c${i}`)));

  it("has them started in order, 20 at a time (rule 13)", async () => {
    const world = new World({ activities: [lazy(careless), lazy(child)] });
    world.append("p", "e1");
    await startTask(world.ports, careless, { thingId: "p" });
    const wakes = world.alarms.take();
    const requests = counted(world);
    await world.deliver(wakes);
    expect(await world.record("p")).toMatchObject({ status: "sleeping", tail: "e1" });
    expect((await names(world)).every(({ tasks }) => tasks.length === 1)).toBe(true);
    expect(requests.most).toBeLessThanOrEqual(20);
    expect(requests.started.slice(0, 100)).toContain("update");
  });

  it("is cut at the deadline, hands over at once, and ends with all of them, without an attempt (rules 9 and 13)", async () => {
    const world = new World({ activities: [lazy(careless), lazy(child)] });
    world.append("p", "e1");
    await startTask(world.ports, careless, { thingId: "p" });
    const update = world.store.update.bind(world.store);
    const mine = () => world.alarms.take().filter((wake) => "key" in wake && wake.key.activity === "careless");
    let runs = 0;
    for (let wakes = mine(); wakes.length > 0; wakes = mine()) {
      const invocation = world.invocation();
      let started = 0;
      world.store.update = async (key, change) => {
        if (change.operation === "start" && ++started === 400) invocation.controller.abort();
        return update(key, change);
      };
      await world.deliver(wakes, invocation);
      runs++;
      const record = await world.record("p");
      expect(record).toMatchObject({ attempts: 0, tail: record.status === "sleeping" ? "e1" : "epoch" });
      expect(["ready", "sleeping"]).toContain(record.status);
    }
    expect(runs).toBe(4);
    expect((await names(world)).every(({ tasks }) => tasks.length === 1)).toBe(true);
  });
});

describe("a child with thousands of waiters", () => {
  const waiterOf = (i: number) => ({ entity: `p${i}`, kind: "thing", activity: "waiter" });
  const ending = defineProcessor(thing, { name: "ending", processEvents: async (run) => completed(run.tail) });
  const waiter = defineProcessor(thing, { name: "waiter", processEvents: async (run) => caughtUp(run.tail) });

  async function manyWaiters(count: number) {
    const world = new World({ activities: [lazy(ending), lazy(waiter)] });
    const { key } = await startTask(world.ports, ending, { thingId: "c" });
    const begin = world.alarms.take();
    for (let i = 0; i < count; i++) {
      await startTask(world.ports, waiter, { thingId: `p${i}` }, "caller");
      await world.edit(waiterOf(i), { status: "sleeping", awaiting: true, due: world.clock.now() + 3_600_000 });
      await awaitChild(world.ports, key, await world.record(`p${i}`));
    }
    const left = async () => (await world.store.waiters(key, count)).length;
    return { world, begin, left };
  }

  it("keeps a small record, and tells them side by side (rule 13)", async () => {
    const count = 8_000;
    const { world, begin, left } = await manyWaiters(count);
    expect(JSON.stringify(await world.record("c")).length).toBeLessThan(500);
    const requests = counted(world);
    await world.deliver(begin);
    expect(await left()).toBe(0);
    expect(requests.most).toBe(20);
    const record = await world.record("c");
    expect(record).not.toHaveProperty("awaited");
    expect(record).not.toHaveProperty("due");
    expect(world.alarms.take()).toHaveLength(count);
  });

  it("tells them until the deadline, and a tick goes on where it stopped, as often as it takes (T6, rule 13)", async () => {
    const count = 450;
    const { world, begin, left } = await manyWaiters(count);
    const update = world.store.update.bind(world.store);
    const told = new Map<string, number>();
    world.store.update = async (key, change) => {
      if (change.operation === "mark a waiter") told.set(key.entity, (told.get(key.entity) ?? 0) + 1);
      return update(key, change);
    };
    // Each page of a hundred takes 40 s.
    const waiters = world.store.waiters.bind(world.store);
    world.store.waiters = async (...page) => {
      if (page[1] < count) await world.clock.advance(40_000);
      return waiters(...page);
    };
    await world.deliver(begin);
    const lefts = [await left()];
    for (let ticks = 0; ticks < 30 && lefts.at(-1) !== 0; ticks++) {
      await world.drain();
      await world.clock.advance(60_000);
      await world.tick();
      if ((await left()) !== lefts.at(-1)) lefts.push(await left());
    }
    expect(lefts.at(-1)).toBe(0);
    expect(lefts.length).toBeGreaterThan(3);
    expect([...told.values()].filter((times) => times !== 1)).toEqual([]);
    expect(told.size).toBe(count);
    expect(await world.record("c")).not.toHaveProperty("due");
  });
});

describe("a parent and its child in any two engines", () => {
  const engines = {
    lazy: <A extends typeof child>(activity: A) => lazy(activity),
    cron: <A extends typeof child>(activity: A) => cron(activity, { everyMinutes: 1 }),
    eager: <A extends typeof child>(activity: A) => eager(activity),
  };
  const names = Object.keys(engines) as (keyof typeof engines)[];
  const pairs = names.flatMap((parent) => names.map((of) => ({ parent, of })));

  it.each(pairs)("wait without a lease and are told: parent $parent, child $of (rule 13)", async ({ parent, of }) => {
    let done = false;
    const worker = defineProcessor(thing, {
      name: "worker",
      async processEvents(run, stream) {
        let tail = run.tail;
        for await (const { id } of stream) tail = id;
        return done ? completed(tail) : caughtUp(tail);
      },
    });
    const waiter = defineProcessor(thing, {
      name: "waiter",
      async processEvents(run) {
        const status = await run.start(worker, { thingId: "w" }, { wake: true });
        return status === "completed" ? completed(run.tail) : caughtUp(run.tail);
      },
    });
    const world = new World({ activities: [engines[parent](waiter), engines[of](worker)] });
    for (const thingId of ["p", "q"]) await startTask(world.ports, waiter, { thingId });
    const invocation = world.invocation(900_000);
    const held = leadEagerShard(world.ports, { shard: 0, shards: 1 }, invocation);
    /** Two minutes of everything: rereads, wakes, ticks. */
    const pass = async () => {
      for (let i = 0; i < 8; i++) {
        await world.drain();
        await world.clock.advance(15_000);
        await world.tick();
      }
      await world.drain();
      await settle();
    };
    await pass();
    for (const thingId of ["p", "q"]) {
      const record = await world.record(thingId);
      expect(record).toMatchObject({ status: "sleeping", awaiting: true });
      expect(record).not.toHaveProperty("token");
    }
    done = true;
    world.append("w", "e1");
    await world.signal("w");
    await pass();
    await pass();
    expect(await world.record("w")).toMatchObject({ status: "completed" });
    for (const thingId of ["p", "q"]) expect(await world.record(thingId)).toMatchObject({ status: "completed" });
    invocation.controller.abort();
    await held;
  });
});
