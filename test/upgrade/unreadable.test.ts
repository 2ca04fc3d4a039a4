import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tasksOf } from "../../functions/client.ts";
import { defineActivity, defineProcessor, task } from "../../functions/contract/activity.ts";
import { caughtUp, completed } from "../../functions/contract/outcome.ts";
import { eager, lazy } from "../../functions/engines/binding.ts";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { Leadership, startMissingLeaders } from "../../functions/leaders/leadership.ts";
import { readQueueAge, recordQueueAge } from "../../functions/queue/queue-age.ts";
import { startTask } from "../../functions/run/start.ts";
import { graceMs } from "../../functions/tasks/times.ts";
import { addWaiter } from "../../functions/tasks/transitions.ts";
import { tick } from "../../functions/tick/tick.ts";
import { trip } from "../../functions/upstream/breaker.ts";
import type { WakeClass } from "../../functions/wake/wake.ts";
import { restartTasks } from "../../local/restart.ts";
import { until } from "../local/aws-clients.ts";
import { startDatabase, type TestDatabase } from "../support/dynamodb.ts";
import { busEvent, reader, thing } from "../support/world.ts";
import { controlItem, keyOf, TableWorld, taskItem, viewItem } from "./table-world.ts";

/** Record values of a newer version, and the expected error. */
const foreign: readonly (readonly [what: string, attribute: string, value: AttributeValue, says: string])[] = [
  ["of a later version", "v", { N: "2" }, "attribute v: expected record version 1, received 2"],
  ["of a version that is no number", "v", { M: {} }, "attribute v: expected record version 1, received no number"],
  ["with an unknown status", "status", { S: "resting" }, 'attribute status: expected a status, received "resting"'],
];

const context = { getRemainingTimeInMillis: () => 120_000, awsRequestId: "request-1" };
/** A second activity of the same aggregates. */
const writer = defineProcessor(thing, {
  name: "writer",
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id } of stream) tail = id;
    return caughtUp(tail);
  },
});

const wakeClasses: readonly WakeClass[] = [
  "start",
  "signal",
  "child",
  "operator",
  "probe",
  "timer",
  "handOver",
  "rescue",
];

/** The value that this version can read. */
const asBefore = (attribute: string, status: string) => (attribute === "v" ? undefined : { S: status });

const errorsOf = ({ log }: TableWorld, message: string) =>
  log.flatMap((line) => (line.level === "error" && line.message === message ? [line.fields] : []));

describe.each(foreign)("a record %s", (_what, attribute, value, says) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startDatabase();
  });
  afterAll(() => database.close());

  /** Things with one ready and overdue task each; the named ones are of another version. */
  async function overdueWorld(names: readonly string[], unreadable: readonly string[]) {
    const world = await TableWorld.start(database, { activities: [lazy(reader), lazy(writer)] });
    for (const thingId of names) {
      world.append(thingId, "e1");
      await startTask(world.ports, reader, { thingId });
    }
    world.alarms.take();
    for (const name of unreadable) await world.set(taskItem(name), attribute, value);
    await world.clock.advance(graceMs + 1);
    return world;
  }

  it("is an error of the tick's log, the others run, and it is read again after a quarter of an hour", async () => {
    const world = await overdueWorld(["a", "b", "c"], ["b"]);
    const before = await world.item(taskItem("b"));
    expect(await world.tick()).toMatchObject({ rescued: 2, unreadable: 1 });
    expect(await world.drain()).toEqual([]);
    for (const name of ["a", "c"]) expect(await world.record(name)).toMatchObject({ status: "sleeping", tail: "e1" });
    const named = { count: 1, task: "thing/reader@b", err: expect.stringContaining(says) };
    expect(errorsOf(world, "due records not readable")).toMatchObject([named]);
    // Its error is not repeated in each tick, and it is not read in each.
    await world.clock.advance(14 * 60_000);
    expect(await world.tick()).toMatchObject({ rescued: 0, failed: 0, unreadable: 1 });
    await world.clock.advance(60_000);
    expect(await world.tick()).toMatchObject({ rescued: 0, failed: 0, unreadable: 1 });
    expect(errorsOf(world, "due records not readable")).toMatchObject([named, named]);
    expect(await world.item(taskItem("b"))).toEqual(before);
    await world.set(taskItem("b"), attribute, asBefore(attribute, "ready"));
    await world.clock.advance(15 * 60_000);
    const report = await world.tick();
    expect(report).toMatchObject({ rescued: 1 });
    expect(report).not.toHaveProperty("unreadable");
    await world.drain();
    expect(await world.record("b")).toMatchObject({ status: "sleeping", tail: "e1" });
  });

  it("takes nothing of a tick's budget, however many there are", async () => {
    const many = Array.from({ length: 40 }, (_, i) => `u${i}`);
    const world = await overdueWorld([...many, "good"], many);
    const report = await tick(world.ports, [], { checks: 3, concurrency: 2 }, world.invocation(60_000));
    expect(report).toMatchObject({ rescued: 1, unreadable: 40, cutShort: false });
    expect(errorsOf(world, "due records not readable")).toMatchObject([{ count: 40 }]);
  });

  it("is left as it is by a local restart, which says so and sets the others going", async () => {
    const world = await overdueWorld(["a", "b"], ["b"]);
    const before = await world.item(taskItem("b"));
    const { store, control, alarms, clock } = world.ports;
    const said: string[] = [];
    const onMalformed = ({ message }: Error) => void said.push(message);
    expect(await restartTasks({ store, control, alarms, clock, onMalformed })).toEqual(["thing/reader@a"]);
    expect(said).toEqual([expect.stringContaining(says)]);
    expect(await world.drain()).toEqual([]);
    expect(await world.record("a")).toMatchObject({ status: "sleeping", tail: "e1" });
    expect(await world.item(taskItem("b"))).toEqual(before);
  });

  it("of a root does not keep the tick from its work", async () => {
    const roots = [task(reader, { thingId: "r" }), task(reader, { thingId: "s" })];
    const world = await TableWorld.start(database, { activities: [lazy(reader)], roots });
    await startTask(world.ports, reader, { thingId: "r" });
    await world.set(taskItem("r"), attribute, value);
    expect(await world.tick()).toMatchObject({ started: 1, failed: 1 });
    expect(errorsOf(world, "root not started")).toMatchObject([
      { activity: "reader", thingId: "r", err: expect.stringContaining(says) },
    ]);
  });

  it("fails a signal, which comes again, and the other tasks of the aggregate run", async () => {
    const world = await overdueWorld(["t"], []);
    await startTask(world.ports, writer, { thingId: "t" });
    await world.drain();
    await world.set(taskItem("t"), attribute, value);
    const before = await world.item(taskItem("t"));
    world.append("t", "e2");
    const event = { Records: [{ messageId: "m", body: busEvent({ class: "signal", entity: "t" }), attributes: {} }] };
    expect(await wakeHandler(world.ports, event, context)).toEqual({
      batchItemFailures: [{ itemIdentifier: "m" }],
    });
    expect(await world.record("t")).toMatchObject({ activity: "writer", status: "sleeping", tail: "e2" });
    expect(await world.item(taskItem("t"))).toEqual(before);
    expect(errorsOf(world, "delivery failed")).toMatchObject([
      { messageIds: ["m"], code: "malformed-record", err: expect.stringContaining(`task#t thing#reader, ${says}`) },
    ]);
  });

  it("is not touched by a wake of any class, and the batch's other wakes run", async () => {
    for (const one of wakeClasses) {
      const world = await overdueWorld(["a", "b"], []);
      const { fence } = await world.record("b");
      await world.set(taskItem("b"), attribute, value);
      const before = await world.item(taskItem("b"));
      const failed = await world.deliver([
        { class: one, key: keyOf("b"), fence },
        { class: "rescue", key: keyOf("a") },
      ]);
      expect(failed, one).toMatchObject([{ code: "malformed-record", message: expect.stringContaining(says) }]);
      expect(await world.item(taskItem("b")), one).toEqual(before);
      expect(await world.record("a"), one).toMatchObject({ status: "sleeping", tail: "e1" });
    }
  });

  it("stays a waiter of a completed child, and the waiters beside it are told", async () => {
    const ending = defineProcessor(thing, { name: "ending", processEvents: async (run) => completed(run.tail) });
    const world = await TableWorld.start(database, { activities: [lazy(reader), lazy(ending)] });
    for (const thingId of ["a", "b", "c"]) await startTask(world.ports, reader, { thingId });
    await world.drain();
    await startTask(world.ports, ending, { thingId: "child" });
    for (const name of ["a", "b", "c"]) {
      await world.store.addWaiter(keyOf("child", "ending"), keyOf(name));
      await world.store.update(keyOf("child", "ending"), addWaiter());
    }
    await world.set(taskItem("b"), attribute, value);
    const before = await world.item(taskItem("b"));
    expect(await world.drain()).toEqual([]);
    expect(await world.record("child")).toMatchObject({ status: "completed", awaited: true });
    expect(await world.store.waiters(keyOf("child", "ending"), 10)).toEqual(["thing/reader@b"]);
    for (const name of ["a", "c"]) expect(await world.record(name)).toMatchObject({ status: "sleeping", fence: 2 });
    expect(await world.item(taskItem("b"))).toEqual(before);
    expect(errorsOf(world, "waiter not told")).toMatchObject([
      { task: "thing/reader@b", child: "thing/ending@child", err: expect.stringContaining(says) },
    ]);
    await world.set(taskItem("b"), attribute, asBefore(attribute, "sleeping"));
    await world.clock.advance(graceMs + 1);
    expect(await world.tick()).toMatchObject({ notified: 1 });
    expect(await world.drain()).toEqual([]);
    expect(await world.record("b")).toMatchObject({ status: "sleeping", fence: 2 });
    expect(await world.record("child")).not.toHaveProperty("awaited");
  });

  it("does not keep an event from starting and signaling the other tasks of its aggregate", async () => {
    const activities = [lazy(reader, { startOnSignal: true }), lazy(writer, { startOnSignal: true })];
    const world = await TableWorld.start(database, { activities });
    await startTask(world.ports, reader, { thingId: "t" });
    await world.drain();
    await world.set(taskItem("t"), attribute, value);
    world.append("t", "e1");
    const changed = { source: "things", "detail-type": "ThingChanged", detail: { id: "t" } };
    expect(await world.deliver([changed])).toMatchObject([{ code: "malformed-record" }]);
    await world.drain();
    expect(await world.record("t")).toMatchObject({ activity: "writer", status: "sleeping", tail: "e1" });
  });

  it("does not keep a leader from the other tasks of its shard, and is named once a minute", async () => {
    const world = await TableWorld.start(database, { activities: [eager(reader)] });
    for (const thingId of ["a", "b"]) {
      world.append(thingId, "e1");
      await startTask(world.ports, reader, { thingId });
    }
    await world.set(taskItem("b"), attribute, value);
    const before = await world.item(taskItem("b"));
    const invocation = world.invocation(900_000);
    const held = leadEagerShard(world.ports, { shard: 0, shards: 1 }, invocation);
    const named = () => errorsOf(world, "eager run failed").length;
    await until(() => world.openStreams === 1 && named() === 1, "one is watched and the other named");
    const began = world.clock.now();
    while (named() === 1) await world.clock.advance(1_000);
    expect(world.clock.now() - began).toBeGreaterThanOrEqual(60_000);
    expect(errorsOf(world, "eager run failed")[0]).toMatchObject({
      task: "thing/reader@b",
      err: expect.stringContaining(says),
    });
    invocation.controller.abort();
    expect(await held).toMatchObject({ ended: "handed over", watched: 1 });
    expect(await world.item(taskItem("b"))).toEqual(before);
  });

  it("is passed over by a list of all tasks, with an error", async () => {
    const world = await overdueWorld(["a", "b", "c"], ["b"]);
    const found: string[] = [];
    for await (const { name } of tasksOf(world.ports).list()) found.push(name);
    expect(found.sort()).toEqual(["thing/reader@a", "thing/reader@c"]);
    expect(errorsOf(world, "record not readable")).toMatchObject([{ err: expect.stringContaining(says) }]);
  });
});

describe("beside the records of tasks, what a newer version wrote", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startDatabase();
  });
  afterAll(() => database.close());

  const v2 = { N: "2" } as const;
  const says = "attribute v: expected record version 1, received 2";

  async function sleepingWorld() {
    const world = await TableWorld.start(database, { activities: [lazy(reader)] });
    await startTask(world.ports, reader, { thingId: "t" });
    await world.drain();
    world.append("t", "e1");
    return world;
  }

  it("a large view: its task fails and is tried again, the view stays, and the others run (T5)", async () => {
    const counter = defineActivity(thing, {
      name: "counter",
      view: { version: 1, initial: () => ({ ids: [] as string[], filling: "x".repeat(5_000) }) },
      apply: (view, { id }) => void view.ids.push(id),
      act: async () => caughtUp(),
    });
    const world = await TableWorld.start(database, { activities: [lazy(counter), lazy(reader)] });
    world.append("t", "e1");
    for (const activity of [counter, reader]) await startTask(world.ports, activity, { thingId: "t" });
    await world.drain();
    const { viewRef = "" } = await world.record("t", "counter");
    const view = viewItem("t", "counter", viewRef);
    await world.set(view, "v", v2);
    const before = await world.item(view);
    world.append("t", "e2");
    await world.signal("t");
    expect(await world.drain()).toEqual([]);
    expect(await world.record("t", "reader")).toMatchObject({ status: "sleeping", tail: "e2" });
    expect(await world.record("t", "counter")).toMatchObject({
      status: "retrying",
      tail: "e1",
      viewRef,
      error: { message: expect.stringContaining(`view ${viewRef} of thing/counter@t, ${says}`) },
    });
    expect(await world.item(view)).toEqual(before);
    await world.set(view, "v", undefined);
    await world.drainUntil(world.clock.now() + 60_000);
    expect(await world.record("t", "counter")).toMatchObject({ status: "sleeping", tail: "e2" });
  });

  const wake = (detail: object, type = "Wake") => ({ source: "tailwake", "detail-type": type, detail });
  it.each([
    ["a wake", wake({ v: 2, class: "rescue", ...keyOf("t") }), "detail.v: expected record version 1, received 2"],
    ["a signal", wake({ v: "2", entity: "t" }, "Signal"), 'detail.v: expected record version 1, received "2"'],
    ["a wake of an unknown class", wake({ class: "storm", ...keyOf("t") }), "detail.class: expected one of start,"],
    ["an unknown message", wake({ class: "rescue", ...keyOf("t") }, "Gust"), "detail-type: expected one of Signal,"],
  ])("%s: it alone is delivered again", async (_what, message, names) => {
    const world = await sleepingWorld();
    const Records = [message, { class: "signal", entity: "t" }, message].map((one, i) => ({
      messageId: `m${i}`,
      body: busEvent(one),
      attributes: {},
    }));
    expect(await wakeHandler(world.ports, { Records }, context)).toEqual({
      batchItemFailures: [{ itemIdentifier: "m0" }, { itemIdentifier: "m2" }],
    });
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1", fence: 2 });
    for (const { err } of errorsOf(world, "delivery failed")) expect(err).toContain(names);
  });

  it("a wake with fields that this version does not know is a wake", async () => {
    const world = await sleepingWorld();
    expect(await world.deliver([wake({ class: "probe", mood: "sunny", ...keyOf("t") })])).toEqual([]);
    expect(await world.record("t")).toMatchObject({ tail: "e1" });
  });

  it("a breaker: it counts as closed, is left as it is, and an operator is told that it cannot be changed", async () => {
    const world = await sleepingWorld();
    const { breakers } = world.ports;
    await breakers.change("things", (stored) => trip(stored, world.clock.now(), 0.5, "storm"));
    const breaker = controlItem("upstream#things");
    await world.set(breaker, "v", v2);
    const before = await world.item(breaker);
    await world.clock.advance(5_001);
    await world.signal("t");
    expect(await world.drain()).toEqual([]);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1" });
    expect(errorsOf(world, "breaker not readable, counts as closed")).toMatchObject([
      { upstream: "things", err: expect.stringContaining(`control document upstream#things, ${says}`) },
    ]);
    for (let i = 0; i < 5; i++) world.health.failed(new ConnectError("storm", Code.Unavailable));
    await breakers.report("things");
    await expect(tasksOf(world.ports).pauseUpstream("things", "storm")).rejects.toThrow(says);
    expect(await world.item(breaker)).toEqual(before);
  });

  it("the word of a late queue: a tick works without it, and this version leaves no other", async () => {
    const world = await sleepingWorld();
    const { control } = world.ports;
    await recordQueueAge(control, "wakes", { ageMs: graceMs + 1, at: world.clock.now() });
    expect(await world.tick()).toMatchObject({ cutShort: true });
    const word = controlItem("queue-age");
    await world.set(word, "v", v2);
    const before = await world.item(word);
    expect(await world.tick()).toMatchObject({ cutShort: false });
    const fields = { err: expect.stringContaining(says) };
    const said = world.log.filter(({ message }) => message === "queue age not readable");
    expect(said).toMatchObject([{ level: "warn", fields }]);
    await recordQueueAge(control, "wakes", { ageMs: graceMs + 9, at: world.clock.now() });
    expect(await world.item(word)).toEqual(before);
    await expect(readQueueAge(control, "wakes")).rejects.toThrow(says);
  });

  it("a leader's place: other places get their leaders, and who had it notices that it is replaced", async () => {
    const limits = { eagerShards: 2 };
    const world = await TableWorld.start(database, { activities: [eager(reader)], limits });
    const held = await Leadership.claim(world.ports, "eager-0-of-2", "me");
    const leader = controlItem("holder#eager-0-of-2");
    await world.set(leader, "v", v2);
    const before = await world.item(leader);
    expect(await startMissingLeaders(world.ports)).toBe(1);
    expect(world.alarms.leaders).toEqual(["eager-1-of-2"]);
    expect(errorsOf(world, "leader not started")).toMatchObject([
      { leader: "eager-0-of-2", err: expect.stringContaining(says) },
    ]);
    expect(await held?.write({ leaving: true })).toBe(false);
    expect(held?.lost.aborted).toBe(true);
    expect(await world.item(leader)).toEqual(before);
  });
});

describe("what this version does not know of a record that it can read", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await startDatabase();
  });
  afterAll(() => database.close());

  const mood = { M: { sky: { S: "sunny" }, since: { NS: ["1", "2"] } } };

  it("survives everything that happens to a task", async () => {
    let end: "caughtUp" | "throw" | "completed" = "caughtUp";
    const activity = defineActivity(thing, {
      name: "reader",
      view: { version: 1, initial: () => ({ n: 0 }) },
      apply: (view) => void view.n++,
      async act() {
        if (end === "throw") throw new Error("storm");
        return end === "completed" ? completed() : caughtUp();
      },
    });
    const world = await TableWorld.start(database, { activities: [lazy(activity)] });
    const tasks = tasksOf(world.ports);
    const one = task(activity, { thingId: "t" });
    world.append("t", "e1");
    await startTask(world.ports, activity, { thingId: "t" });
    await world.set(taskItem("t"), "mood", mood);
    const kept = async (status: string) =>
      expect(await world.item(taskItem("t"))).toMatchObject({ mood, status: { S: status } });
    await world.drain();
    await kept("sleeping");
    end = "throw";
    world.append("t", "e2");
    await world.signal("t");
    await world.drain();
    await kept("retrying");
    await tasks.pause(one);
    await tasks.resume(one);
    await kept("retrying");
    await tasks.rewind(one, "epoch");
    await kept("ready");
    await world.clock.advance(graceMs + 1);
    await world.tick();
    await kept("ready");
    end = "completed";
    await world.drain();
    await kept("completed");
  });

  it("survives in a breaker that opens and closes, and in a leader's place that is claimed", async () => {
    const world = await TableWorld.start(database, { activities: [lazy(reader)] });
    const { breakers, control } = world.ports;
    await control.write("upstream#things", { state: "closed", until: 0, openMs: 0, trips: 0, mood: "sunny" }, 0);
    const breaker = async () => (await control.read("upstream#things"))?.value;
    for (let i = 0; i < 5; i++) world.health.failed(new ConnectError("storm", Code.Unavailable));
    await breakers.report("things");
    expect(await breaker()).toMatchObject({ state: "open", reason: expect.stringContaining("storm"), mood: "sunny" });
    await world.clock.advance(10_000);
    expect(await breakers.admit("things")).toMatchObject({ isTrial: true });
    world.health.succeeded();
    await breakers.report("things");
    expect(await breaker()).toEqual({ state: "closed", until: 0, openMs: 0, trips: 0, mood: "sunny" });
    const before = { epoch: 4, owner: "it", aliveUntil: 0, leaving: true, released: 4, mood: "sunny" };
    await control.write("holder#signals", before, 0);
    await Leadership.claim(world.ports, "signals", "me");
    const { leaving: _, ...stays } = before;
    const claimed = { ...stays, epoch: 5, owner: "me", aliveUntil: expect.any(Number) };
    expect((await control.read("holder#signals"))?.value).toEqual(claimed);
  });
});
