import { Code, ConnectError } from "@connectrpc/connect";
import { ulid } from "ulid";
import { describe, expect, it } from "vitest";
import { type Activity, defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { cron, lazy } from "../../functions/engines/binding.ts";
import { cronHandler } from "../../functions/lambda/cron-event.ts";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { recordQueueAge } from "../../functions/queue/queue-age.ts";
import { startTask } from "../../functions/run/start.ts";
import { measuredIn } from "../support/measured.ts";
import { settle } from "../support/test-clock.ts";
import { busEvent, reader, thing, World } from "../support/world.ts";

const minute = 60_000;
const context = { getRemainingTimeInMillis: () => 120_000, awsRequestId: "request-1" };
const budget = { checks: 100, concurrency: 5 };

const failing = defineProcessor(thing, {
  name: "failing",
  parkAfterAttempts: 2,
  async processEvents() {
    throw new Error("no route");
  },
});

/** Two tasks of a thing, if there are two activities; their starts are taken. */
async function worldOf(...activities: Activity<typeof thing>[]) {
  const world = new World({ activities: activities.map((activity) => lazy(activity)) });
  for (const activity of activities) await startTask(world.ports, activity, { thingId: "t" });
  return { world, measured: measuredIn(world) };
}

const wake = async (world: World, body: string) => wakeHandler(world.ports, JSON.parse(body), context);
const runAll = async (world: World) => {
  for (const message of world.alarms.take()) await wake(world, busEvent(message));
};

describe("the measurements of a run", () => {
  it("count passes by activity and outcome, those that failed, and tasks that were parked", async () => {
    const { world, measured } = await worldOf(reader, failing);
    world.append("t", "e1");
    await runAll(world);
    expect(measured.of("Runs")).toEqual([
      [1, { activity: "reader", outcome: "caughtUp" }],
      [1, { activity: "failing", outcome: "retry" }],
    ]);
    expect(measured.published).toMatchObject({ Runs: 2, Retries: 1 });
    await world.clock.advance(minute);
    await runAll(world);
    expect(measured.published).toMatchObject({ Runs: 3, Retries: 2, Parked: 1 });
    expect(await world.record("t", "failing")).toMatchObject({ status: "parked" });
  });

  it("are its milliseconds, from before its stream was opened until its outcome was written, and its events", async () => {
    const { world, measured } = await worldOf(reader);
    world.append("t", "e1", "e2", "e3");
    world.onOpen = () => world.clock.jump(world.clock.now() + 70);
    const { update } = world.store;
    world.store.update = (key, change) => {
      world.clock.jump(world.clock.now() + 5);
      return update.call(world.store, key, change);
    };
    await runAll(world);
    expect(measured.of("RunMs")).toEqual([[75, { activity: "reader" }]]);
    expect(measured.of("Events")).toEqual([[3, { activity: "reader" }]]);
  });

  it("are seconds of lag: how old the last event that it read was when its outcome was written", async () => {
    const { world, measured } = await worldOf(reader);
    const now = world.clock.now();
    world.append("t", ulid(now - 60_000), ulid(now + 1_000));
    await world.clock.advance(5_500);
    await runAll(world);
    expect(measured.of("LagSeconds")).toEqual([[4.5, { activity: "reader" }]]);
  });

  it("are no lag of a run without events, or with events whose time nobody knows", async () => {
    const { world, measured } = await worldOf(reader);
    await runAll(world);
    world.append("t", "e1");
    await world.signal("t");
    await runAll(world);
    expect(measured.of("Events").map(([value]) => value)).toEqual([0, 1]);
    expect(measured.of("LagSeconds")).toEqual([]);
  });

  it("are the bytes of a view each time it is written, as JSON", async () => {
    const listing = defineActivity(thing, {
      name: "listing",
      view: { version: 1, initial: (): { ids: string[] } => ({ ids: [] }) },
      apply: (view, { id }) => void view.ids.push(id),
      act: async () => caughtUp(),
    });
    const { world, measured } = await worldOf(listing);
    world.append("t", "e1", "é2");
    await runAll(world);
    const { view = "" } = await world.record("t");
    expect(measured.of("ViewBytes")).toEqual([[Buffer.byteLength(view), { activity: "listing" }]]);
    expect(Buffer.byteLength(view)).toBe(view.length + 1);
  });

  it("count a lease that it had lost when it wrote", async () => {
    const { world, measured } = await worldOf(reader);
    world.append("t", "e1");
    world.onEvent = async () => {
      world.onEvent = () => {};
      // Its process was frozen.
      world.clock.jump(((await world.record("t")).leaseUntil ?? 0) + 5_001);
      await world.deliver([{ class: "signal", entity: "t" }]);
    };
    await world.deliver(world.alarms.take());
    expect(measured.of("LeasesLost")).toEqual([[1, {}]]);
    expect(measured.of("LeasesExpired")).toEqual([[1, {}]]);
    expect(measured.of("Runs")).toHaveLength(2);
  });
});

describe("the measurements of the lazy function", () => {
  const record = (messageId: string, body: string, SentTimestamp: number, ApproximateReceiveCount = "1") => ({
    messageId,
    body,
    attributes: { SentTimestamp: String(SentTimestamp), ApproximateReceiveCount },
  });
  const signal = busEvent({ class: "signal", entity: "t" });

  it("are milliseconds from when the first of a task's messages was sent until the task was acquired", async () => {
    const { world, measured } = await worldOf(reader);
    world.alarms.take();
    const now = world.clock.now();
    await wakeHandler(
      world.ports,
      { Records: [record("a", signal, now - 250), record("b", signal, now - 1_500), record("c", signal, now - 40)] },
      context,
    );
    expect(measured.of("WakeToRunMs")).toEqual([[1_500, {}]]);
  });

  it("are counted from the time that a wake is for, if it was sent ahead of it", async () => {
    const { world, measured } = await worldOf(reader);
    const [start] = world.alarms.take();
    const now = world.clock.now();
    const timed = busEvent({ ...Object(start), notBefore: now - 30 });
    await wakeHandler(world.ports, { Records: [record("a", timed, now - 20_000)] }, context);
    expect(measured.of("WakeToRunMs")).toEqual([[30, {}]]);
  });

  it("are none of a message that was delivered before, nor of one that caused no run", async () => {
    const { world, measured } = await worldOf(reader);
    const [start] = world.alarms.take();
    const now = world.clock.now();
    const stale = busEvent({ ...Object(start), fence: 7 });
    await wakeHandler(world.ports, { Records: [record("a", signal, now - 250, "2")] }, context);
    await wakeHandler(world.ports, { Records: [record("b", stale, now - 250)] }, context);
    expect(measured.of("Runs")).toHaveLength(1);
    expect(measured.of("WakeToRunMs")).toEqual([]);
  });

  it("count streams that could not be opened or broke, with the code of the error", async () => {
    const { world, measured } = await worldOf(reader);
    world.append("t", "e1", "e2");
    world.onOpen = () => {
      throw new ConnectError("not you", Code.PermissionDenied);
    };
    await runAll(world);
    world.onOpen = () => {};
    world.onEvent = (_thing, id) => {
      if (id === "e2") throw new ConnectError("gone", Code.Aborted);
    };
    await world.clock.advance(minute);
    await runAll(world);
    expect(measured.of("StreamFailures")).toEqual([
      [1, { why: "PermissionDenied" }],
      [1, { why: "Aborted" }],
    ]);
  });
});

describe("the measurements of a tick", () => {
  it("say that it ended well, what was overdue, and for how long the oldest had been", async () => {
    const { world, measured } = await worldOf(reader, failing);
    world.alarms.take();
    const { due = 0 } = await world.record("t", "reader");
    await world.clock.advance(due - world.clock.now() + 90_000);
    await cronHandler(world.ports, [], budget, {}, context);
    expect(measured.published).toEqual({
      Ticks: 1,
      DueBacklog: 2,
      OldestDueSeconds: 90,
      Rescues: 2,
      ProbesWithNews: 0,
      Parked: 0,
    });
  });

  it("count rescues by the status that a task was in: what was lost, or that a slot has come", async () => {
    const world = new World({ activities: [lazy(reader), cron(failing, { everyMinutes: 1 })] });
    const measured = measuredIn(world);
    await startTask(world.ports, reader, { thingId: "t" });
    await startTask(world.ports, failing, { thingId: "u" });
    await world.deliver(world.alarms.take().filter((message) => JSON.stringify(message).includes("failing")));
    await world.clock.advance(60 * minute);
    await cronHandler(world.ports, [], budget, {}, context);
    expect(measured.of("Rescues")).toEqual(
      expect.arrayContaining([
        [1, { why: "ready" }],
        [1, { why: "retrying" }],
      ]),
    );
    world.append("v", "e1");
    await startTask(world.ports, reader, { thingId: "v" });
    world.onEvent = () => new Promise(() => {});
    void world.deliver(world.alarms.take().filter((message) => JSON.stringify(message).includes('"v"')));
    await settle();
    measured.clear();
    world.clock.jump(((await world.record("v")).leaseUntil ?? 0) + minute);
    await cronHandler(world.ports, [], budget, {}, context);
    await world.clock.advance(minute);
    await cronHandler(world.ports, [], budget, {}, context);
    expect(measured.of("Rescues")).toContainEqual([1, { why: "running" }]);
  });

  it("count sleeping tasks that have news which nothing has signaled", async () => {
    const { world, measured } = await worldOf(reader);
    await runAll(world);
    world.append("t", "e1");
    await world.clock.advance(60 * minute);
    await cronHandler(world.ports, [], budget, {}, context);
    expect(measured.published).toMatchObject({ ProbesWithNews: 1 });
    expect(measured.of("Rescues")).toEqual([]);
  });

  it("say how late the queue is, and of no backlog, when it looks at nothing for it (rule 11)", async () => {
    const { world, measured } = await worldOf(reader);
    await recordQueueAge(world.ports.control, "wakes", { ageMs: 400_000, at: world.clock.now() });
    await cronHandler(world.ports, [], budget, {}, context);
    expect(measured.published).toMatchObject({ Ticks: 1, OldestDueSeconds: 400 });
    expect(measured.of("DueBacklog")).toEqual([]);
  });

  it("are of no tick that failed", async () => {
    const { world, measured } = await worldOf(reader);
    world.store.due = () => Promise.reject(new Error("no table"));
    await expect(cronHandler(world.ports, [], budget, {}, context)).rejects.toThrow("no table");
    expect(measured.published).toEqual({});
  });
});
