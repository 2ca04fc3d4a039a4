import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Activity, defineActivity, defineProcessor, type TaskStatus } from "../../functions/contract/activity.ts";
import { caughtUp, completed } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/run/start.ts";
import { thing, World } from "../support/world.ts";

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

const childKey = { entity: "c", kind: "thing", activity: "child" };

/** Starts the child and waits for it. */
function parentOf(of: Activity<typeof thing>) {
  const statuses: TaskStatus[] = [];
  const parent = defineActivity(thing, {
    name: "parent",
    view: { version: 1, initial: () => ({}) },
    apply() {},
    async act(_view, run) {
      const status = await run.start(of, { thingId: "c" }, { wake: true });
      statuses.push(status);
      return status === "completed" ? completed() : caughtUp();
    },
  });
  return { parent, statuses };
}

describe("children", () => {
  it("wake the parent when they complete; waiting holds no lease (rule 13)", async () => {
    const { parent, statuses } = parentOf(child);
    const world = new World({ activities: [lazy(parent), lazy(child)] });
    world.append("c", "e1");
    await startTask(world.ports, parent, { thingId: "p" });
    await world.drain();
    expect(await world.record("p")).toMatchObject({ status: "sleeping", awaiting: true });
    expect(await world.record("p")).not.toHaveProperty("token");
    expect(await world.record("c")).toMatchObject({ status: "sleeping", awaited: true });
    expect(await world.store.waiters(childKey, 10)).toEqual(["thing/parent@p"]);
    world.append("c", "done");
    await world.signal("c");
    await world.drain();
    expect(await world.record("c")).toMatchObject({ status: "completed" });
    expect(await world.record("c")).not.toHaveProperty("due");
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(statuses).toEqual(["ready", "completed"]);
  });

  it("are started once, however often they are asked for", async () => {
    const { parent } = parentOf(child);
    const world = new World({ activities: [lazy(parent), lazy(child)] });
    await startTask(world.ports, parent, { thingId: "p" });
    await startTask(world.ports, parent, { thingId: "q" });
    await world.drain();
    expect(await world.store.waiters(childKey, 10)).toEqual(["thing/parent@p", "thing/parent@q"]);
  });

  it("tell a parent that runs meanwhile, whose run goes on and acts (rules 13 and 14)", async () => {
    const { parent, statuses } = parentOf(child);
    const world = new World({ activities: [lazy(parent), lazy(child)] });
    await startTask(world.ports, parent, { thingId: "p" });
    await world.drain();
    world.append("c", "done");
    let completes: Promise<unknown> | undefined;
    world.onOpen = async (thingId) => {
      if (thingId !== "p" || completes) return;
      completes = world.deliver([{ class: "signal", key: { entity: "c", kind: "thing", activity: "child" } }]);
      await completes;
      expect(await world.record("c")).toMatchObject({ status: "completed" });
      expect(await world.record("p")).toMatchObject({ status: "running", wakeCount: 1, childDone: true });
    };
    await world.deliver([{ class: "signal", key: { entity: "p", kind: "thing", activity: "parent" } }]);
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(statuses).toEqual(["ready", "completed"]);
  });

  it("that completed before tell the parent at once", async () => {
    const { parent, statuses } = parentOf(child);
    const world = new World({ activities: [lazy(parent), lazy(child)] });
    world.append("c", "done");
    await startTask(world.ports, child, { thingId: "c" });
    await world.drain();
    await startTask(world.ports, parent, { thingId: "p" });
    await world.drain();
    expect(statuses).toEqual(["completed"]);
  });

  it("that complete between their start and the word to them are not waited for (rule 13)", async () => {
    const { parent, statuses } = parentOf(child);
    const world = new World({ activities: [lazy(parent), lazy(child)] });
    world.append("c", "done");
    const update = world.store.update.bind(world.store);
    world.store.update = async (key, change) => {
      if (change.operation === "add waiter") {
        world.store.update = update;
        await world.deliver([{ class: "start", key: { entity: "c", kind: "thing", activity: "child" }, fence: 0 }]);
        expect(await world.record("c")).toMatchObject({ status: "completed" });
      }
      return update(key, change);
    };
    await startTask(world.ports, parent, { thingId: "p" });
    await world.deliver([{ class: "start", key: { entity: "p", kind: "thing", activity: "parent" }, fence: 0 }]);
    expect(statuses).toEqual(["completed"]);
    expect(await world.record("p")).toMatchObject({ status: "completed" });
  });

  it("whose wake-up was cut short are told by the next tick (T6)", async () => {
    const { parent } = parentOf(child);
    const world = new World({ activities: [lazy(parent), lazy(child)] });
    await startTask(world.ports, parent, { thingId: "p" });
    await world.drain();
    const update = world.store.update.bind(world.store);
    world.store.update = (key, change) => {
      if (change.operation === "mark a waiter") throw new Error("killed");
      return update(key, change);
    };
    world.append("c", "done");
    await world.signal("c");
    await world.drain();
    expect(await world.record("p")).toMatchObject({ status: "sleeping" });
    world.store.update = update;
    await world.clock.advance(180_000);
    expect(await world.tick()).toMatchObject({ notified: 1 });
    await world.drain();
    expect(await world.record("p")).toMatchObject({ status: "completed" });
  });

  it("awaited by a parent that lost its wake-up are looked at again within the hour (rule 13)", async () => {
    const { parent } = parentOf(child);
    const world = new World({ activities: [lazy(parent), lazy(child)] });
    await startTask(world.ports, parent, { thingId: "p" });
    await world.drain();
    // The waiter is gone from the child, as if it had never been written.
    world.append("c", "done");
    await world.store.removeWaiter(childKey, "thing/parent@p");
    await world.signal("c");
    await world.drain();
    for (let minutes = 0; minutes < 70; minutes += 1) {
      await world.clock.advance(60_000);
      await world.tick();
      await world.drain();
    }
    expect(await world.record("p")).toMatchObject({ status: "completed" });
  });

  it("of activities that are not in the app are refused by name", async () => {
    const { parent } = parentOf(child);
    const world = new World({ activities: [lazy(parent)] });
    await startTask(world.ports, parent, { thingId: "p" });
    await world.drain();
    expect((await world.record("p")).error?.message).toContain("activity thing/child");
  });

  it("keep the tail where it is if their start failed, also when nobody awaited it (rule 13)", async () => {
    const careless = defineProcessor(thing, {
      name: "careless",
      async processEvents(run, stream) {
        let tail = run.tail;
        for await (const { id } of stream) {
          void run.start(child, { thingId: "" });
          tail = id;
        }
        return caughtUp(tail);
      },
    });
    const world = new World({ activities: [lazy(careless), lazy(child)] });
    world.append("p", "e1");
    await startTask(world.ports, careless, { thingId: "p" });
    await world.drain();
    expect(await world.record("p")).toMatchObject({ status: "retrying", tail: "epoch" });
  });

  it("complete the parent whatever the order of their completion and its falling asleep (T3)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const { parent } = parentOf(child);
        const world = new World({ activities: [lazy(parent), lazy(child)] });
        world.append("c", "done");
        const update = world.store.update.bind(world.store);
        world.store.update = scheduler.scheduleFunction(update);
        await scheduler.waitFor(startTask(world.ports, parent, { thingId: "p" }));
        const invoke = async () => {
          for (let i = 0; i < 3; i++) {
            await scheduler.schedule(Promise.resolve(), "receive");
            await world.deliver(world.alarms.take());
          }
        };
        await scheduler.waitFor(Promise.all([invoke(), invoke()]));
        await scheduler.waitFor(world.drain());
        expect(await world.record("p")).toMatchObject({ status: "completed" });
        expect(await world.record("c")).toMatchObject({ status: "completed" });
      }),
      { numRuns: 200 },
    );
  });
});
