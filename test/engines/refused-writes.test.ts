import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { eager, lazy } from "../../functions/engines/binding.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { startTask } from "../../functions/run/start.ts";
import type { TaskKey } from "../../functions/tasks/record.ts";
import type { Operation } from "../../functions/tasks/update.ts";
import { settle } from "../support/test-clock.ts";
import { reader, thing, World } from "../support/world.ts";

const minute = 60_000;
const key: TaskKey = { entity: "t", kind: "thing", activity: "reader" };

/** Errors as the SDK throws them once it has given up. */
const throttled = () =>
  Object.assign(new Error("too many requests"), { name: "ProvisionedThroughputExceededException" });
const unanswered = () => Object.assign(new Error("no answer"), { name: "TimeoutError" });
const invalid = () => Object.assign(new Error("too large"), { name: "ValidationException", $fault: "client" });

interface Refusal {
  readonly operation: Operation;
  readonly error: () => Error;
  /** Whether the write is made all the same. */
  readonly isMade?: boolean;
  /** While it returns true. */
  readonly goesOn: () => boolean;
}

/** Lets the table refuse one operation. Returns the tries of it. */
function refuse(world: World, { operation, error, isMade = false, goesOn }: Refusal): { tries: number } {
  const counted = { tries: 0 };
  const update = world.store.update.bind(world.store);
  world.store.update = async (of, change) => {
    if (change.operation !== operation) return update(of, change);
    counted.tries++;
    if (!goesOn()) return update(of, change);
    if (isMade) await update(of, change);
    throw error();
  };
  return counted;
}

/** Waits for work while the time passes. */
async function whileTimePasses<T>(world: World, work: Promise<T>): Promise<T> {
  let isOver = false;
  void work.finally(() => {
    isOver = true;
  });
  for (let i = 0; !isOver && i < 2_000; i++) {
    await settle();
    if (!isOver) await world.clock.advance(500);
  }
  return work;
}

async function startedWorld(activity = reader): Promise<World> {
  const world = new World({ activities: [lazy(activity)] });
  world.append("t", "e1");
  await startTask(world.ports, activity, { thingId: "t" });
  return world;
}

describe("a run whose commit the table refuses", () => {
  it("tries again while it has its lease, and is neither an attempt nor a strike (rules 5, 8 and 9)", async () => {
    const world = await startedWorld();
    const until = world.clock.now() + 90_000;
    const counted = refuse(world, {
      operation: "caughtUp",
      error: throttled,
      goesOn: () => world.clock.now() < until,
    });
    expect(await whileTimePasses(world, world.deliver(world.alarms.take()))).toEqual([]);
    expect(await world.record("t")).toMatchObject({
      status: "sleeping",
      tail: "e1",
      attempts: 0,
      strikes: 0,
      fence: 1,
    });
    // With waits that double up to 5 s.
    expect(counted.tries).toBeGreaterThan(15);
    expect(counted.tries).toBeLessThan(40);
    expect(world.alarms.take()).toEqual([]);
  });

  it("finds that its commit was made, if only the answer was lost (rule 5)", async () => {
    let lost = 0;
    const world = await startedWorld();
    const counted = refuse(world, { operation: "caughtUp", error: unanswered, isMade: true, goesOn: () => lost++ < 2 });
    expect(await whileTimePasses(world, world.deliver(world.alarms.take()))).toEqual([]);
    expect(counted.tries).toBe(3);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1", fence: 1 });
    expect(world.log.filter(({ message }) => message === "lease lost")).toEqual([]);
  });

  it("gives its lease back at the end of its invocation: the next run needs no wait, and no strike counts (rule 8)", async () => {
    const world = await startedWorld();
    let refuses = true;
    refuse(world, { operation: "caughtUp", error: throttled, goesOn: () => refuses });
    for (let runs = 1; runs <= 4; runs++) {
      const began = world.clock.now();
      const wakes = world.alarms.take();
      expect(wakes).toHaveLength(1);
      expect(await whileTimePasses(world, world.deliver(wakes))).toEqual([]);
      expect(world.clock.now() - began).toBeLessThan(120_000);
      expect(await world.record("t")).toMatchObject({ status: "running", strikes: 0, fence: runs });
      await world.clock.advance((world.alarms.next ?? expect.fail("no wake")) - world.clock.now());
    }
    refuses = false;
    await world.drain();
    expect(await world.record("t")).toMatchObject({
      status: "sleeping",
      tail: "e1",
      strikes: 0,
      attempts: 0,
      fence: 5,
    });
  });

  it("keeps the reason why it was woken: an operator's wake makes the next run act (rule 14)", async () => {
    const reasons: string[] = [];
    const activity = defineProcessor(thing, {
      name: "reader",
      async processEvents(run, stream) {
        reasons.push(run.wokenBy);
        let tail = run.tail;
        for await (const { id } of stream) tail = id;
        return caughtUp(tail);
      },
    });
    const world = await startedWorld(activity);
    await world.drain();
    let refuses = true;
    refuse(world, { operation: "caughtUp", error: throttled, goesOn: () => refuses });
    await whileTimePasses(world, world.deliver([{ class: "operator", key }]));
    refuses = false;
    await world.drainUntil(world.clock.now() + minute);
    expect(reasons).toEqual(["start", "operator", "operator"]);
  });

  it("waits a quarter of an hour if the table refuses it for good, without a strike (rule 8)", async () => {
    const world = await startedWorld();
    let refuses = true;
    const counted = refuse(world, { operation: "caughtUp", error: invalid, goesOn: () => refuses });
    expect(await world.deliver(world.alarms.take())).toEqual([]);
    expect(counted.tries).toBe(1);
    expect((world.alarms.next ?? 0) - world.clock.now()).toBeGreaterThanOrEqual(15 * minute);
    refuses = false;
    await world.drainUntil(world.clock.now() + 16 * minute);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", strikes: 0, fence: 2 });
  });

  it("fails its delivery if nobody can be told: then its lease ends, and a later run takes over (T6, rule 7)", async () => {
    const world = await startedWorld();
    let refuses = true;
    refuse(world, { operation: "caughtUp", error: throttled, goesOn: () => refuses });
    world.alarms.sendAt = async () => {
      throw throttled();
    };
    const wakes = world.alarms.take();
    expect(await whileTimePasses(world, world.deliver(wakes))).toHaveLength(1);
    refuses = false;
    await world.clock.advance(15_000);
    await world.deliver(wakes);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1", fence: 2 });
  });

  it("has a lease that nobody else gives back: another token changes nothing (T2)", async () => {
    const world = await startedWorld();
    let checked = false;
    world.onOpen = async () => {
      checked = true;
      const before = await world.record("t");
      for (const ended of ["token-7", "x", `${before.token}0`]) {
        expect(await world.deliver([{ class: "rescue", key, ended }])).toEqual([]);
      }
      expect(await world.record("t")).toEqual(before);
    };
    await world.drain();
    expect(checked).toBe(true);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", fence: 1 });
  });
});

describe("an acquire that the table does not answer", () => {
  it("is tried again, and finds itself done (rule 5)", async () => {
    let lost = 0;
    const world = await startedWorld();
    refuse(world, { operation: "acquire", error: unanswered, isMade: true, goesOn: () => lost++ < 3 });
    expect(await whileTimePasses(world, world.deliver(world.alarms.take()))).toEqual([]);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1", fence: 1 });
  });
});

describe("an eager task", () => {
  async function ledWorld() {
    const world = new World({ activities: [eager(reader)] });
    world.append("t", "e1");
    await startTask(world.ports, reader, { thingId: "t" });
    const invocation = world.invocation(900_000);
    const led = leadEagerShard(world.ports, { shard: 0, shards: 1 }, invocation);
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 500) {
        await settle();
        await world.clock.advance(500);
      }
      await settle();
    };
    const end = async () => {
      invocation.controller.abort();
      await led;
    };
    return { world, pass, end };
  }

  it("is watched on after writes that failed for twenty seconds (rule 5)", async () => {
    const { world, pass, end } = await ledWorld();
    await pass(5_000);
    const until = world.clock.now() + 20_000;
    refuse(world, { operation: "caughtUp, watching", error: throttled, goesOn: () => world.clock.now() < until });
    world.append("t", "e2");
    await pass(15_000);
    world.append("t", "e3");
    await pass(15_000);
    expect(await world.record("t")).toMatchObject({ status: "running", tail: "e3", strikes: 0, fence: 1 });
    await end();
  });

  it("is taken back by its leader at once if its run has failed at a write, without a strike (rules 8 and 19)", async () => {
    const { world, pass, end } = await ledWorld();
    await pass(5_000);
    let refuses = true;
    refuse(world, { operation: "caughtUp, watching", error: invalid, goesOn: () => refuses });
    world.append("t", "e2");
    await pass(8_000);
    refuses = false;
    await pass(8_000);
    const record = await world.record("t");
    expect(record).toMatchObject({ status: "running", tail: "e2", strikes: 0 });
    expect(record.fence).toBeGreaterThan(1);
    await end();
  });
});
