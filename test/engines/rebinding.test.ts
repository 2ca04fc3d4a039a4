import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, silentRetryAfter } from "../../functions/contract/outcome.ts";
import { type Bound, cron, eager, lazy } from "../../functions/engines/binding.ts";
import type { Ports } from "../../functions/engines/ports.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { startTask } from "../../functions/run/start.ts";
import { dueShards } from "../../functions/tasks/record.ts";
import { graceMs } from "../../functions/tasks/times.ts";
import { tick } from "../../functions/tick/tick.ts";
import { overriding } from "../../proof/mutate/mutants/overriding.ts";
import { settle } from "../support/test-clock.ts";
import { reader, thing, World } from "../support/world.ts";

const minute = 60_000;
const hour = 60 * minute;
const other = defineProcessor(thing, { name: "other", processEvents: async (run) => caughtUp(run.tail) });

/** A deployed version of the app. It has the table and the documents of the one before, and its time. */
function deployed(before: World | undefined, ...activities: readonly Bound[]): World {
  if (!before) return new World({ activities });
  const world = new World({ activities, store: before.store, control: before.ports.control });
  world.clock.jump(before.clock.now());
  for (const [thingId, ids] of before.histories) world.histories.set(thingId, ids);
  return world;
}

/** Another process of the same version. */
const processOf = ({ ports }: World): Ports => ({ ...ports });

/** Ticks once a minute and delivers what they send; until `isDone`. Resolves to the minutes that it took, 600 at most. */
async function minutesUntil(world: World, isDone: () => Promise<boolean>): Promise<number> {
  for (let minutes = 0; minutes < 600; minutes++) {
    if (await isDone()) return minutes;
    await world.clock.advance(minute);
    await world.tick();
    await world.drain();
  }
  return 600;
}

async function pass(world: World, minutes: number): Promise<void> {
  let passed = 0;
  await minutesUntil(world, async () => passed++ === minutes);
}

const daily = cron(reader, { everyMinutes: 1440 });

/** A daily task that has run, and sleeps until its next slot; then an event comes. */
async function dailyWorld(...more: readonly Bound[]): Promise<World> {
  const world = deployed(undefined, daily, ...more);
  world.append("t", "e1");
  await startTask(world.ports, reader, { thingId: "t" });
  await world.drain();
  await pass(world, 20);
  expect((await world.record("t")).due).toBeGreaterThan(world.clock.now() + 23 * hour);
  world.append("t", "e2");
  return world;
}

const seenBindings = async ({ ports }: World) =>
  (await ports.control.read("bindings"))?.value as {
    readonly bindings: Record<string, string>;
    readonly round?: { readonly left: number };
  };

describe("a daily cron task takes its new binding on within the hour (rule 11)", () => {
  it.each([
    ["lazy", lazy(reader)],
    ["every minute", cron(reader, { everyMinutes: 1 })],
    ["every two hours, and then runs at the next of these slots", cron(reader, { everyMinutes: 120 })],
  ])("%s", async (_what, binding) => {
    const world = deployed(await dailyWorld(), binding);
    const { startedAt } = await world.record("t");
    const minutes = await minutesUntil(world, async () => (await world.record("t")).tail === "e2");
    if (binding.everyMinutes < 120) expect(minutes).toBeLessThanOrEqual(60);
    else expect(world.clock.now() - startedAt).toBe(2 * hour);
    const { fence } = await world.record("t");
    await pass(world, 10);
    expect((await world.record("t")).fence).toBe(fence + (binding.everyMinutes === 1 ? 10 : 0));
  });

  it("eager", async () => {
    const world = deployed(await dailyWorld(), eager(reader));
    const isFound = async () => (await world.record("t")).eagerBucket !== undefined;
    expect(await minutesUntil(world, isFound)).toBeLessThanOrEqual(60);
    const invocation = world.invocation(900_000);
    const leading = leadEagerShard(world.ports, { shard: 0, shards: 1 }, invocation);
    await world.clock.advance(2_000);
    expect(await world.record("t")).toMatchObject({ status: "running", tail: "e2" });
    invocation.controller.abort();
    for (let i = 0; i < 20; i++) await settle();
    await leading;
  });
});

describe("an activity that leaves the app and comes back", () => {
  it("has its tasks checked within the hour, though they were put off for hours (rule 11)", async () => {
    const first = deployed(undefined, lazy(reader), lazy(other));
    first.append("t", "e1");
    await startTask(first.ports, reader, { thingId: "t" });
    await first.drain();
    await pass(first, 5);
    const without = deployed(first, lazy(other));
    await pass(without, 20);
    expect((await without.record("t")).due).toBeGreaterThan(without.clock.now() + 5 * hour);
    expect((await seenBindings(without)).bindings).toEqual({ "thing/reader": "not in the app", "thing/other": "lazy" });
    const again = deployed(without, lazy(reader), lazy(other));
    again.append("t", "e2");
    expect(await minutesUntil(again, async () => (await again.record("t")).tail === "e2")).toBeLessThanOrEqual(60);
  });
});

describe("the round of a rebinding", () => {
  const many = 1_200;

  /** The daily tasks of the version before, and the one that binds them to the lazy engine, on a table that takes time. */
  async function manyWorld() {
    const before = await dailyWorld();
    const record = await before.record("t");
    for (let i = 1; i < many; i++) before.seed({ ...record, entity: `t${i}` });
    const world = deployed(before, lazy(reader));
    const forward: string[] = [];
    const store = overriding(world.store, {
      async update(key, update) {
        await world.clock.sleep(10);
        const written = await world.store.update(key, update);
        if (update.operation === "bring forward" && written.applied) forward.push(key.entity);
        return written;
      },
    });
    // The first tick sees what has changed; the invocations of the version before end in the next ten minutes.
    await tick({ ...world.ports, store }, [], { checks: 10, concurrency: 5 }, world.invocation(60_000));
    await world.clock.advance(10 * minute);
    return { world, forward, process: (): Ports => ({ ...world.ports, store }) };
  }

  const budget = { checks: 10, concurrency: 5 };

  it("goes on in the next tick where it was cut, and brings each task forward once", async () => {
    const { world, forward, process } = await manyWorld();
    const left: number[] = [];
    for (let ticks = 0; ticks < 20 && (await seenBindings(world)).round; ticks++) {
      const invocation = world.invocation(60_000);
      const ticking = tick(process(), [], budget, invocation);
      await world.clock.advance(300);
      invocation.controller.abort();
      await world.clock.advance(10);
      expect((await ticking).broughtForward).toBeGreaterThan(0);
      left.push((await seenBindings(world)).round?.left ?? 0);
    }
    expect(left.length).toBeGreaterThan(3);
    expect(left).toEqual([...new Set(left)].sort((a, b) => b - a));
    expect(forward).toHaveLength(many);
    expect(new Set(forward).size).toBe(many);
  });

  it("spreads the checks over ten minutes, so that not all come at once", async () => {
    const { world, process } = await manyWorld();
    let drawn = 0;
    world.random = () => (drawn++ % 100) / 100;
    const ticking = tick(process(), [], budget, world.invocation(60_000));
    await world.clock.advance(minute);
    await ticking;
    const dues: number[] = [];
    for await (const { due = 0 } of world.store.list()) dues.push(due - world.clock.now());
    expect(Math.max(...dues)).toBeLessThanOrEqual(10 * minute);
    for (let from = 0; from < 8; from++) {
      const count = dues.filter((due) => due >= from * minute && due < (from + 1) * minute).length;
      expect(count).toBeLessThan(many / 5);
    }
  });

  it("of two ticks at once brings each task forward once", async () => {
    const { world, forward, process } = await manyWorld();
    const ticking = [process(), process()].map((ports) => tick(ports, [], budget, world.invocation(60_000)));
    await world.clock.advance(minute);
    await Promise.all(ticking);
    expect(new Set(forward).size).toBe(many);
    expect(forward).toHaveLength(many);
    expect((await seenBindings(world)).round).toBeUndefined();
  });

  it("goes round once more from where it is if bindings change meanwhile", async () => {
    const { world, process } = await manyWorld();
    const invocation = world.invocation(60_000);
    const ticking = tick(process(), [], budget, invocation);
    await world.clock.advance(300);
    invocation.controller.abort();
    await world.clock.advance(10);
    await ticking;
    const { round: before } = await seenBindings(world);
    expect(before?.left).toBeLessThan(dueShards);
    const next = deployed(world, lazy(reader), lazy(other));
    await next.tick();
    expect((await seenBindings(next)).round).toEqual({
      ...before,
      activities: ["thing/reader", "thing/other"],
      left: dueShards,
      from: next.clock.now() + 10 * minute,
    });
  });
});

describe("a task that was brought forward", () => {
  it("keeps its slot, if that is the next one of its binding", async () => {
    const before = await dailyWorld(lazy(other));
    const { notBefore, fence } = await before.record("t");
    const without = deployed(before, lazy(other));
    await pass(without, 5);
    const world = deployed(without, daily, lazy(other));
    let moved = false;
    await minutesUntil(world, async () => {
      const { due } = await world.record("t");
      moved ||= due !== notBefore;
      return moved && due === notBefore;
    });
    expect(await world.record("t")).toMatchObject({ notBefore, due: notBefore, fence });
  });

  it("goes on waiting for the time of its retry", async () => {
    const patient = defineProcessor(thing, {
      name: "patient",
      processEvents: async (run) => silentRetryAfter(run.tail, new Date(run.now().getTime() + 24 * hour)),
    });
    const before = deployed(undefined, lazy(patient));
    await startTask(before.ports, patient, { thingId: "t" });
    await before.drain();
    await before.tick();
    const { notBefore = 0, fence } = await before.record("t");
    const world = deployed(before, cron(patient, { everyMinutes: 1 }));
    const isForward = async () => (await world.record("t")).due !== notBefore + graceMs;
    expect(await minutesUntil(world, isForward)).toBeLessThan(15);
    await pass(world, 50);
    expect(await world.record("t")).toMatchObject({
      status: "retrying",
      notBefore,
      due: notBefore + graceMs,
      fence,
      rescues: 0,
    });
  });
});

describe("a tick of another version of the app beside it", () => {
  it("undoes neither what it has written nor what it has brought forward", async () => {
    const before = await dailyWorld();
    const world = deployed(before, lazy(reader));
    const { control } = world.ports;
    let writes = 0;
    const { write } = control;
    control.write = (name, ...rest) => {
      if (name === "bindings") writes++;
      return write.call(control, name, ...rest);
    };
    const [old, fresh] = [processOf(before), processOf(world)];
    const budget = { checks: 100, concurrency: 5 };
    const both = async (minutes: number) => {
      for (let passed = 0; passed < minutes; passed++) {
        await world.clock.advance(minute);
        before.clock.jump(world.clock.now());
        for (const ports of [old, fresh]) await tick(ports, [], budget, world.invocation(60_000));
        await world.drain();
      }
    };
    await both(30);
    expect(await world.record("t")).toMatchObject({ tail: "e2" });
    const soFar = writes;
    await both(60);
    expect(writes).toBe(soFar);
    expect((await seenBindings(world)).bindings).toEqual({ "thing/reader": "lazy" });
  });

  it("does not put the tasks of new activities off", async () => {
    const before = deployed(undefined, lazy(other));
    await before.tick();
    const world = deployed(before, lazy(other), lazy(reader));
    await world.tick();
    await startTask(world.ports, reader, { thingId: "t" });
    const { due = 0 } = await world.record("t");
    await world.clock.advance(4 * minute);
    before.clock.jump(world.clock.now());
    expect(await before.tick()).toMatchObject({ foreign: 1 });
    expect((await world.record("t")).due).toBe(due);
  });
});

describe("bindings that have not changed", () => {
  it("cost one read in the life of a process", async () => {
    const world = await dailyWorld();
    let reads = 0;
    const { control } = world.ports;
    const { read } = control;
    control.read = (name) => {
      if (name === "bindings") reads++;
      return read.call(control, name);
    };
    const ports = processOf(world);
    for (let ticks = 0; ticks < 10; ticks++) {
      await tick(ports, [], { checks: 10, concurrency: 5 }, world.invocation(60_000));
      await world.clock.advance(minute);
    }
    expect(reads).toBe(1);
  });

  it("bring nothing forward where no document says so: after an upgrade, and in a new deployment", async () => {
    const before = await dailyWorld();
    const record = await before.record("t");
    const world = new World({ activities: [lazy(reader)], store: before.store });
    world.clock.jump(before.clock.now());
    await pass(world, 60);
    expect(await world.record("t")).toEqual(record);
    expect((await seenBindings(world)).bindings).toEqual({ "thing/reader": "lazy" });
  });

  it("are compared anew where the document is none of bindings, and a tick does its work if it cannot be read", async () => {
    const world = await dailyWorld();
    const { control } = world.ports;
    for (const value of [
      {},
      { bindings: 3 },
      { bindings: {}, changedAt: 0, round: { shard: 99 } },
      { bindings: ["lazy"] },
    ]) {
      await control.write("bindings", value, "any");
      expect(await tick(processOf(world), [], { checks: 10, concurrency: 5 }, world.invocation())).toMatchObject({
        failed: 0,
      });
      expect(await seenBindings(world)).toMatchObject({ bindings: { "thing/reader": "cron 1440" } });
    }
    const { read } = control;
    control.read = (name) => (name === "bindings" ? Promise.reject(new Error("v2")) : read.call(control, name));
    await startTask(world.ports, reader, { thingId: "u" });
    await world.clock.advance(10 * minute);
    const ports = processOf(world);
    expect(await tick(ports, [], { checks: 10, concurrency: 5 }, world.invocation())).toMatchObject({ rescued: 1 });
    const word = { level: "warn", message: "rebound tasks not brought forward", fields: { err: "v2" } };
    expect(world.log).toContainEqual(word);
  });
});
