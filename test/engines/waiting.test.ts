import { describe, expect, it } from "vitest";
import { tasksOf } from "../../functions/client.ts";
import { type Activity, defineActivity, defineProcessor, type WokenBy } from "../../functions/contract/activity.ts";
import { caughtUp, completed, type Decision, silentRetryAfter } from "../../functions/contract/outcome.ts";
import { type Bound, cron, eager, lazy } from "../../functions/engines/binding.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { startTask } from "../../functions/run/start.ts";
import type { EngineName, TaskKey } from "../../functions/tasks/record.ts";
import type { Operation } from "../../functions/tasks/update.ts";
import { settle } from "../support/test-clock.ts";
import { thing, World } from "../support/world.ts";

const minute = 60_000;
const hour = 60 * minute;
const week = 7 * 24 * hour;

const child = defineProcessor(thing, {
  name: "child",
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id } of stream) {
      if (id === "done") return completed(id);
      tail = id;
    }
    return caughtUp(tail);
  },
});
const childKey: TaskKey = { entity: "c", kind: "thing", activity: "child" };
const parentKey: TaskKey = { entity: "p", kind: "thing", activity: "parent" };

type Options = {
  readonly signalsCutWaits?: boolean;
  /** What `act` decides while the child has not completed. */
  readonly meanwhile?: (now: Date) => Decision;
};

/** Starts the child and waits for it; counts its acts, with their reasons. */
function parentOf({ signalsCutWaits = false, meanwhile = () => caughtUp() }: Options = {}) {
  const acts: WokenBy[] = [];
  const parent = defineActivity(thing, {
    name: "parent",
    signalsCutWaits,
    view: { version: 1, initial: () => ({ n: 0 }) },
    apply(view) {
      view.n++;
    },
    async act(_view, run) {
      acts.push(run.wokenBy);
      const status = await run.start(child, { thingId: "c" }, { wake: true });
      return status === "completed" ? completed() : meanwhile(run.now());
    },
  });
  return { parent, acts };
}

const binders: { readonly [E in EngineName]: <A extends Activity<typeof thing>>(activity: A) => Bound<typeof thing> } =
  {
    lazy: (activity) => lazy(activity),
    cron: (activity) => cron(activity, { everyMinutes: 24 * 60 }),
    eager: (activity) => eager(activity),
  };
const engines = Object.keys(binders) as EngineName[];

/** A world in which the parent sleeps and awaits the child. */
async function waiting(engine: EngineName = "lazy", options: Options = {}) {
  const { parent, acts } = parentOf(options);
  const world = new World({ activities: [binders[engine](parent), lazy(child)] });
  world.append("c", "e1");
  await startTask(world.ports, parent, { thingId: "p" });
  const invocation = world.invocation(week);
  const led = engine === "eager" ? leadEagerShard(world.ports, { shard: 0, shards: 1 }, invocation) : undefined;
  const end = async () => {
    invocation.controller.abort();
    await led;
  };
  await world.drain();
  await settle();
  await world.drain();
  expect(acts).toHaveLength(1);
  return { world, parent, acts, end };
}

async function childEnds(world: World): Promise<void> {
  world.append("c", "done");
  await world.signal("c");
  await world.drain();
}

/** Hours of ticks, one a minute, and of what they send. */
async function pass(world: World, hours: number): Promise<void> {
  for (let minutes = 0; minutes < hours * 60; minutes++) {
    await world.clock.advance(minute);
    await world.tick();
    await world.drain();
    await settle();
  }
}

const fails = (): Decision => {
  throw new Error("no");
};

const signalParent = (world: World) => world.deliver([{ class: "signal", key: parentKey }]);

describe("a parent that awaits its child", () => {
  it("is told though it runs and falls asleep between the words of its child, with three writes at most (T3, rule 13)", async () => {
    const { world, acts } = await waiting();
    const update = world.store.update.bind(world.store);
    const told: Operation[] = [];
    let release = () => {};
    world.store.update = async (key, change) => {
      if (key.entity !== "p") return update(key, change);
      const { operation } = change;
      if (operation === "mark a waiter" || operation === "child completed") told.push(operation);
      // A signal acquires the parent before the first word, and its run ends without news before the second.
      if (operation === "mark a waiter" && told.length === 1) {
        let opened = () => {};
        const isOpen = new Promise<void>((resolve) => {
          opened = resolve;
        });
        world.onOpen = (thingId) => {
          if (thingId !== "p") return;
          opened();
          return new Promise<void>((resolve) => {
            release = resolve;
          });
        };
        const run = signalParent(world);
        await isOpen;
        world.onOpen = () => {};
        const refused = await update(key, change);
        release();
        await run;
        expect(await world.record("p")).toMatchObject({ status: "sleeping" });
        return refused;
      }
      return update(key, change);
    };
    await childEnds(world);
    expect(told).toEqual(["mark a waiter", "child completed", "mark a waiter"]);
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(acts).toHaveLength(2);
  });

  it("stays a waiter, and its child due, until it is told (T6, rule 13)", async () => {
    const { world } = await waiting();
    const update = world.store.update.bind(world.store);
    world.store.update = async (key, change) => {
      if (key.entity === "p") throw new Error("throttled");
      return update(key, change);
    };
    await childEnds(world);
    expect(await world.store.waiters(childKey, 10)).toEqual(["thing/parent@p"]);
    expect(await world.record("c")).toMatchObject({ status: "completed", awaited: true, due: expect.any(Number) });
    world.store.update = update;
    await world.clock.advance(3 * minute);
    expect(await world.tick()).toMatchObject({ notified: 1 });
    await world.drain();
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(await world.store.waiters(childKey, 10)).toEqual([]);
    expect(await world.record("c")).not.toHaveProperty("due");
  });

  it("still awaits it after a signal without news, whatever the engine (rules 13 and 14)", async () => {
    for (const engine of ["lazy", "eager"] as const) {
      const { world, acts, end } = await waiting(engine);
      for (let i = 0; i < 3; i++) {
        await signalParent(world);
        await world.clock.advance(4_000);
        await settle();
      }
      expect(await world.record("p"), engine).toMatchObject({ status: "sleeping", awaiting: true });
      expect(acts, engine).toHaveLength(1);
      await end();
    }
  });

  it("asks again if its stream fails before it is called: the next run acts (rule 13)", async () => {
    const { world, acts } = await waiting();
    world.onOpen = () => {
      throw new Error("the server fails");
    };
    await signalParent(world);
    expect(await world.record("p")).toMatchObject({ status: "retrying", childDone: true });
    expect(await world.record("p")).not.toHaveProperty("awaiting");
    world.onOpen = () => {};
    await world.drainUntil(world.clock.now() + minute);
    expect(acts).toHaveLength(2);
    expect(await world.record("p")).toMatchObject({ status: "sleeping", awaiting: true });
  });

  it.each(engines)("looks at it once an hour, in the %s engine (rule 13)", async (engine) => {
    const { world, acts, end } = await waiting(engine);
    await pass(world, 6);
    expect(acts.length - 1).toBeGreaterThanOrEqual(5);
    expect(acts.length - 1).toBeLessThanOrEqual(6);
    expect(new Set(acts.slice(1))).toEqual(new Set(["child"]));
    await end();
  });

  it.each(engines)("finds out within the hour if it was forgotten, in the %s engine (rule 13)", async (engine) => {
    const { world, end } = await waiting(engine);
    await world.store.removeWaiter(childKey, "thing/parent@p");
    await childEnds(world);
    await pass(world, 1.2);
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    await end();
  });

  it("is looked at again though it has a slot every minute: it acts at each (rules 13 and 16)", async () => {
    const { parent, acts } = parentOf();
    const world = new World({ activities: [cron(parent, { everyMinutes: 1 }), lazy(child)] });
    await startTask(world.ports, parent, { thingId: "p" });
    await world.drain();
    await world.store.removeWaiter(childKey, "thing/parent@p");
    await childEnds(world);
    await pass(world, 0.1);
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(acts.length).toBe(2);
  });

  it("costs its leader no read while it waits", async () => {
    const { world, end } = await waiting("eager");
    await world.clock.advance(4_000);
    await settle();
    let reads = 0;
    const get = world.store.get.bind(world.store);
    world.store.get = (key) => {
      if (key.entity === "p") reads++;
      return get(key);
    };
    for (let i = 0; i < 20; i++) {
      await world.clock.advance(3_000);
      await settle();
    }
    expect(reads).toBe(0);
    await end();
  });
});

describe("the end of a child", () => {
  it("ends a wait of the run that asked for it (rules 13 and 17)", async () => {
    const { world, acts } = await waiting("lazy", {
      meanwhile: (now) => silentRetryAfter(new Date(now.getTime() + week)),
    });
    expect(await world.record("p")).toMatchObject({ status: "retrying", awaiting: true });
    await childEnds(world);
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(acts).toEqual(["start", "child"]);
  });

  it("does not end a backoff, and is seen after it (rules 9 and 13)", async () => {
    const { world, acts } = await waiting("lazy", { meanwhile: fails });
    expect(await world.record("p")).toMatchObject({ status: "retrying", attempts: 1 });
    await childEnds(world);
    expect(await world.record("p")).toMatchObject({ status: "retrying", attempts: 1, childDone: true });
    await world.drainUntil(world.clock.now() + minute);
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(acts).toEqual(["start", "timer"]);
  });

  it("ends any wait of an activity whose waits may be cut (rule 13)", async () => {
    const { world, acts } = await waiting("lazy", { signalsCutWaits: true, meanwhile: fails });
    await childEnds(world);
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(acts).toEqual(["start", "child"]);
  });

  it("reaches a parent that is ready, and has no other reason to act (T3, rule 14)", async () => {
    const { world, acts } = await waiting();
    await world.edit(parentKey, { status: "ready", due: world.clock.now() + 2 * minute });
    await childEnds(world);
    expect(await world.record("p")).toMatchObject({ status: "ready", childDone: true });
    await world.deliver([{ class: "rescue", key: parentKey }]);
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(acts).toHaveLength(2);
  });

  it("reaches a parent that is paused when it is resumed (T3)", async () => {
    const { world, parent } = await waiting();
    const tasks = tasksOf(world.ports);
    const task = { activity: parent, address: { thingId: "p" } };
    await tasks.pause(task);
    await childEnds(world);
    expect(await world.record("p")).toMatchObject({ status: "sleeping", childDone: true });
    await tasks.resume(task);
    await world.drain();
    expect(await world.record("p")).toMatchObject({ status: "completed" });
  });
});

describe("an operator's wake", () => {
  it("makes a run in progress act once more (rule 14)", async () => {
    const { world, acts } = await waiting();
    let asked: Promise<unknown> | undefined;
    world.onOpen = async (thingId) => {
      if (thingId !== "p" || asked) return;
      asked = world.deliver([{ class: "operator", key: parentKey }]);
      await asked;
      expect(await world.record("p")).toMatchObject({ status: "running", actAsked: true });
    };
    await signalParent(world);
    expect(acts).toEqual(["start", "operator"]);
    expect(await world.record("p")).toMatchObject({ status: "sleeping", awaiting: true });
    expect(await world.record("p")).not.toHaveProperty("actAsked");
  });
});

describe("tasks that would wait for ever", () => {
  /** Awaits another activity of an aggregate, or goes on if that is refused. */
  const waitingFor = (name: string, of: () => Activity<typeof thing>, thingId: string, refusals: string[]) =>
    defineProcessor(thing, {
      name,
      async processEvents(run) {
        await run.start(of(), { thingId }, { wake: true }).catch((error: Error) => refusals.push(error.message));
        return caughtUp(run.tail);
      },
    });

  it("are refused if they await themselves, and go on if they can (rule 13)", async () => {
    const refusals: string[] = [];
    const selfish: Activity<typeof thing> = waitingFor("selfish", () => selfish, "a", refusals);
    const world = new World({ activities: [lazy(selfish)] });
    await startTask(world.ports, selfish, { thingId: "a" });
    await world.drain();
    expect(refusals).toEqual([expect.stringContaining("received thing/selfish@a → thing/selfish@a [endless-wait]")]);
    expect(await world.record("a")).toMatchObject({ status: "sleeping", attempts: 0 });
    expect(await world.record("a")).not.toHaveProperty("awaited");
    expect(await world.record("a")).not.toHaveProperty("awaiting");
  });

  it("fail their run if they do not catch that (rules 9 and 13)", async () => {
    const stubborn: Activity<typeof thing> = defineProcessor(thing, {
      name: "stubborn",
      async processEvents(run) {
        await run.start(stubborn, run.address, { wake: true });
        return caughtUp(run.tail);
      },
    });
    const world = new World({ activities: [lazy(stubborn)] });
    await startTask(world.ports, stubborn, { thingId: "a" });
    await world.drain();
    const { status, error } = await world.record("a");
    expect({ status, error }).toMatchObject({
      status: "retrying",
      error: { message: expect.stringContaining("endless-wait") },
    });
  });

  it.each([2, 3, 5])("are refused where %i of them would close a circle, which is named (rule 13)", async (length) => {
    const refusals: string[] = [];
    const circle: Activity<typeof thing>[] = Array.from({ length }, (_, i) =>
      waitingFor(`w${i}`, () => circle[(i + 1) % length] ?? expect.fail("no such task"), "a", refusals),
    );
    const world = new World({ activities: circle.map((one) => lazy(one)) });
    await startTask(world.ports, circle[0] ?? expect.fail("no task"), { thingId: "a" });
    await world.drain();
    expect(refusals).toHaveLength(1);
    for (let i = 0; i < length; i++) expect(refusals[0]).toContain(`thing/w${i}@a`);
    expect(world.log.filter(({ message }) => message === "wait failed")).toHaveLength(1);
    const { tasks } = await world.store.tasksOf("a");
    expect(tasks.filter(({ awaiting }) => awaiting)).toHaveLength(length - 1);
    expect(tasks.every(({ status }) => status === "sleeping")).toBe(true);
  });

  it("are not refused in a chain, nor if the other has not waited for long (rule 13)", async () => {
    const refusals: string[] = [];
    const middle = waitingFor("middle", () => child, "c", refusals);
    const first = waitingFor("first", () => middle, "m", refusals);
    const back = waitingFor("back", () => first, "f", refusals);
    const world = new World({ activities: [first, middle, child, back].map((one) => lazy(one as typeof child)) });
    await startTask(world.ports, first, { thingId: "f" });
    await world.drain();
    // It is still among the waiters of the middle one, and does not wait any more.
    await world.edit({ entity: "f", kind: "thing", activity: "first" }, { awaiting: undefined as never });
    await startTask(world.ports, back, { thingId: "m" });
    await world.drain();
    expect(refusals).toEqual([]);
    await childEnds(world);
  });
});
