import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, completed, silentRetryAfter } from "../../functions/contract/outcome.ts";
import type { Tail } from "../../functions/contract/tail.ts";
import { cron, lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/run/start.ts";
import { acquire } from "../../functions/tasks/transitions.ts";
import type { WakeClass } from "../../functions/wake/wake.ts";
import { settle } from "../support/test-clock.ts";
import { thing, World } from "../support/world.ts";

const start = Date.UTC(2026, 0, 1);

/** Reads to the head and remembers what it was handed, run by run. */
function recording(hooks: { readonly beforeReturn?: (run: number) => void | Promise<void> } = {}) {
  const runs: { readonly after: Tail; readonly events: string[]; readonly wokenBy: string }[] = [];
  const activity = defineProcessor(thing, {
    name: "reader",
    async processEvents(run, stream) {
      const events: string[] = [];
      runs.push({ after: run.tail, events, wokenBy: run.wokenBy });
      let tail = run.tail;
      for await (const { id } of stream) {
        events.push(id);
        tail = id;
      }
      await hooks.beforeReturn?.(runs.length);
      return caughtUp(tail);
    },
  });
  return { activity, runs };
}

async function sleepingWorld(recorded = recording()) {
  const world = new World({ activities: [lazy(recorded.activity)] });
  world.append("t", "e1");
  await startTask(world.ports, recorded.activity, { thingId: "t" });
  await world.drain();
  return { world, ...recorded };
}

describe("a run", () => {
  it("streams the events right after the stored tail (T1)", async () => {
    const { world, runs } = await sleepingWorld();
    world.append("t", "e2", "e3");
    await world.signal("t");
    await world.drain();
    expect(runs).toEqual([
      { after: "epoch", events: ["e1"], wokenBy: "start" },
      { after: "e1", events: ["e2", "e3"], wokenBy: "signal" },
    ]);
    expect(world.opened.map(({ after }) => after)).toEqual(["", "e1"]);
  });

  it("runs again at once for a signal that came after its last read (T3)", async () => {
    const recorded = recording({
      async beforeReturn(run) {
        if (run !== 1) return;
        world.append("t", "e2");
        await world.signal("t");
        expect(await world.deliver(world.alarms.take())).toEqual([]);
      },
    });
    const world = new World({ activities: [lazy(recorded.activity)] });
    world.append("t", "e1");
    await startTask(world.ports, recorded.activity, { thingId: "t" });
    await world.drain();
    expect(recorded.runs.map(({ events }) => events)).toEqual([["e1"], ["e2"]]);
    // In place: the same run, so the fence has not moved.
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e2", fence: 1, wakeCount: 1 });
  });

  it("hands over after ten passes, so that one busy task does not keep the invocation (rule 10)", async () => {
    const recorded = recording({
      async beforeReturn(run) {
        if (run > 12) return;
        world.append("t", `e${run + 1}`);
        await world.deliver([{ class: "signal", entity: "t" }]);
      },
    });
    const world = new World({ activities: [lazy(recorded.activity)] });
    world.append("t", "e1");
    await startTask(world.ports, recorded.activity, { thingId: "t" });
    await world.deliver(world.alarms.take());
    expect(recorded.runs).toHaveLength(10);
    expect(await world.record("t")).toMatchObject({ status: "ready", tail: "e10" });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e13", fence: 2 });
  });

  it("reads from epoch when the server no longer knows the tail (rule 18)", async () => {
    const { world, runs } = await sleepingWorld();
    world.histories.set("t", ["n1", "n2"]);
    await world.signal("t");
    await world.drain();
    expect(runs.at(-1)).toMatchObject({ after: "epoch", events: ["n1", "n2"] });
    expect(world.log.map(({ message }) => message)).toContain("tail unknown to the upstream, reading from epoch");
  });
});

describe("signals", () => {
  it("for one aggregate in one batch cause one run", async () => {
    const { world, runs } = await sleepingWorld();
    await world.deliver(Array.from({ length: 10 }, () => ({ class: "signal", entity: "t" })));
    expect(runs).toHaveLength(2);
  });

  it("for completed, parked, paused and cron tasks end at the Query, without a write (rule 4)", async () => {
    const done = defineProcessor(thing, { name: "done", processEvents: async (run) => completed(run.tail) });
    const timed = defineProcessor(thing, { name: "timed", processEvents: async (run) => caughtUp(run.tail) });
    const world = new World({ activities: [lazy(done), cron(timed, { everyMinutes: 5 })] });
    await startTask(world.ports, done, { thingId: "t" });
    await startTask(world.ports, timed, { thingId: "t" });
    await world.drain();
    const before = await world.store.tasksOf("t");
    const update = world.store.update.bind(world.store);
    let writes = 0;
    world.store.update = (key, change) => {
      writes++;
      return update(key, change);
    };
    expect(await world.deliver([{ class: "signal", entity: "t" }])).toEqual([]);
    expect(writes).toBe(0);
    expect(await world.store.tasksOf("t")).toEqual(before);
  });

  it("for a cron task that runs are passed over: it has its slots (rule 4)", async () => {
    const timed = defineProcessor(thing, {
      name: "timed",
      processEvents: async (run) => {
        expect(await world.deliver([{ class: "signal", entity: "t" }])).toEqual([]);
        return caughtUp(run.tail);
      },
    });
    const world = new World({ activities: [cron(timed, { everyMinutes: 5 })] });
    await startTask(world.ports, timed, { thingId: "t" });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", fence: 1, wakeCount: 0 });
  });

  it("of an aggregate that nobody follows are passed over", async () => {
    const { world } = await sleepingWorld();
    expect(await world.deliver([{ class: "signal", entity: "nobody" }])).toEqual([]);
  });

  it("come from a user's own bus events, and start a task where the binding says so", async () => {
    const { activity, runs } = recording();
    const world = new World({ activities: [lazy(activity, { startOnSignal: true })] });
    world.append("t", "e1");
    const event = { source: "things", "detail-type": "ThingChanged", detail: { id: "t" } };
    expect(await world.deliver([event])).toEqual([]);
    await world.drain();
    expect(runs).toHaveLength(1);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1" });
    expect(await world.deliver([{ ...event, detail: { about: "nothing" } }])).toEqual([]);
  });
});

describe("alarm clocks", () => {
  const classes: readonly WakeClass[] = ["start", "timer", "handOver", "rescue"];

  it.each(classes)("of class %s do not run a task that sleeps, however late they come (rule 3)", async (wakeClass) => {
    const { world, runs } = await sleepingWorld();
    const { fence } = await world.record("t");
    const key = { entity: "t", kind: "thing", activity: "reader" };
    for (const of of [0, fence]) expect(await world.deliver([{ class: wakeClass, key, fence: of }])).toEqual([]);
    expect(runs).toHaveLength(1);
  });

  it("are set under their own run's fence, though the answer to its commit shows the next run (rules 3 and 5)", async () => {
    const later = new Date(Date.UTC(2026, 0, 2));
    const activity = defineProcessor(thing, {
      name: "reader",
      processEvents: async (run) => silentRetryAfter(run.tail, later),
    });
    const world = new World({ activities: [lazy(activity)] });
    const { key } = await startTask(world.ports, activity, { thingId: "t" });
    const update = world.store.update.bind(world.store);
    world.store.update = async (task, change) => {
      const written = await update(task, change);
      if (change.operation !== "silentRetryAfter") return written;
      // The answer is lost, the next run begins, and the SDK makes the call again.
      const now = later.getTime();
      const claim = {
        token: "next",
        leaseUntil: now,
        engine: "lazy",
        eagerBucket: undefined,
        inQuarantine: false,
        now,
      } as const;
      await update(task, acquire(claim, { sleeping: false, early: true, fence: undefined }));
      return update(task, change);
    };
    const sent: unknown[] = [];
    world.alarms.sendAt = async (wake, at) => void sent.push({ ...wake, at });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "running", token: "next", fence: 2 });
    expect(sent).toEqual([{ class: "timer", key, fence: 1, at: later.getTime() }]);
  });

  it("that ring early are set again, without a look at the table", async () => {
    const { world, runs } = await sleepingWorld();
    const at = world.clock.now() + 45_000;
    const key = { entity: "t", kind: "thing", activity: "reader" };
    await world.deliver([{ class: "timer", key, fence: 1, notBefore: at }]);
    expect(world.alarms.next).toBe(world.clock.now() + 20_000);
    expect(runs).toHaveLength(1);
  });
});

describe("no wake-up is lost (T3)", () => {
  it("whatever the order of commits, signals, runs and their writes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 4 }), async (scheduler, events) => {
        const { activity, runs } = recording();
        const world = new World({ activities: [lazy(activity)] });
        const update = world.store.update.bind(world.store);
        world.store.update = scheduler.scheduleFunction(update);
        world.onOpen = () => scheduler.schedule(Promise.resolve(), "open");
        world.onEvent = () => scheduler.schedule(Promise.resolve(), "event");
        const started = startTask(world.ports, activity, { thingId: "t" });
        const writers = Array.from({ length: events }, async (_, i) => {
          await scheduler.schedule(Promise.resolve(), `commit ${i}`);
          world.append("t", `e${i}`);
          await world.signal("t");
        });
        // Two invocations that take what has arrived; the last signals are always delivered.
        const invoke = async () => {
          for (let i = 0; i < 3; i++) {
            await scheduler.schedule(Promise.resolve(), "receive");
            await world.deliver(world.alarms.take());
          }
        };
        const all = Promise.all([started, ...writers, invoke(), invoke()]);
        await scheduler.waitFor(all);
        const rest = world.drain();
        await scheduler.waitFor(rest);
        const record = await world.record("t");
        expect(record).toMatchObject({ status: "sleeping", tail: world.histories.get("t")?.at(-1) });
        // T1: what the runs were handed, one after the other, is the history.
        expect(runs.flatMap(({ events: handed }) => handed)).toEqual(world.histories.get("t"));
      }),
      { numRuns: 200 },
    );
  });
});

describe("two invocations with the same wake", () => {
  it("run the task once (T2)", async () => {
    const { activity, runs } = recording();
    const world = new World({ activities: [lazy(activity)] });
    world.append("t", "e1");
    await startTask(world.ports, activity, { thingId: "t" });
    const wakes = world.alarms.take();
    await Promise.all([world.deliver(wakes), world.deliver(wakes)]);
    expect(runs).toHaveLength(1);
  });

  it("a frozen run that thaws after its lease was taken over changes nothing (T2, rule 1)", async () => {
    let thaw = () => {};
    const frozen = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    const recorded = recording({ beforeReturn: (run) => (run === 1 ? frozen : undefined) });
    const world = new World({ activities: [lazy(recorded.activity)] });
    world.append("t", "e1");
    await startTask(world.ports, recorded.activity, { thingId: "t" });
    const first = world.invocation();
    const wakes = world.alarms.take();
    const zombie = world.deliver(wakes, first);
    await settle();
    // Nothing of the frozen process moves, so its own alarm does not ring: only the clock of the others does.
    Object.defineProperty(first, "abandonAt", { value: Number.POSITIVE_INFINITY });
    const { leaseUntil = 0 } = await world.record("t");
    world.append("t", "e2");
    world.clock.jump(leaseUntil + 5_001);
    await world.deliver(wakes);
    const after = await world.record("t");
    expect(after).toMatchObject({ status: "sleeping", tail: "e2", fence: 2, strikes: 0 });
    thaw();
    await zombie;
    expect(await world.record("t")).toEqual(after);
    expect(world.log.map(({ message }) => message)).toContain("lease lost");
  });
});

describe("cron tasks", () => {
  it("run at their slots, k·interval after their start, and missed slots are not caught up (rule 16)", async () => {
    const { activity, runs } = recording();
    const world = new World({ activities: [cron(activity, { everyMinutes: 5 })] });
    await startTask(world.ports, activity, { thingId: "t" });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", notBefore: start + 300_000 });
    await world.clock.advance(299_999);
    await world.tick();
    expect(world.alarms.take()).toEqual([]);
    await world.clock.advance(1);
    expect(await world.tick()).toMatchObject({ rescued: 1 });
    await world.drain();
    expect(runs.map(({ wokenBy }) => wokenBy)).toEqual(["start", "interval"]);
    await world.clock.advance(17 * 60_000);
    await world.tick();
    await world.drain();
    expect(runs).toHaveLength(3);
    expect((await world.record("t")).notBefore).toBe(start + 25 * 60_000);
  });
});
