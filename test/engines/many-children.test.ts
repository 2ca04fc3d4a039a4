import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, completed } from "../../functions/contract/outcome.ts";
import { epoch } from "../../functions/contract/tail.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
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
