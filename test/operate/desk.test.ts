import { Code, ConnectError } from "@connectrpc/connect";
import { ulid } from "ulid";
import { describe, expect, it } from "vitest";
import { defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { Desk } from "../../functions/operate/desk.ts";
import { startTask } from "../../functions/run/start.ts";
import { taskName } from "../../functions/tasks/record.ts";
import { recordTick } from "../../functions/tick/last-tick.ts";
import { trip } from "../../functions/upstream/breaker.ts";
import { patienceMs } from "../support/patience.ts";
import { reader, thing, World } from "../support/world.ts";

const note = { reason: "the printer burns", by: "kim" };
const failing = defineProcessor(thing, {
  name: "fragile",
  parkAfterAttempts: 1,
  processEvents: async (run) => {
    throw new Error(`printer ${run.address.thingId.length} is on fire`);
  },
});

async function setUp() {
  const world = new World({ activities: [lazy(reader), lazy(failing)] });
  const desk = new Desk(world.ports, ["things"]);
  for (const thingId of ["aa1", "aa2", "b"]) {
    world.append(thingId, "e1", "e2");
    await startTask(world.ports, reader, { thingId });
  }
  for (const thingId of ["c", "dd"]) await startTask(world.ports, failing, { thingId });
  await world.drain();
  await recordTick(world.ports.control, { at: world.clock.now(), report: {} });
  return { world, desk };
}

describe("the desk of an operator", () => {
  it("finds a task by its name, or by a beginning that only one task has", async () => {
    const { desk } = await setUp();
    for (const text of ["thing/reader@b", "thing/reader@b", "b", "thing/fragile@d", "dd"]) {
      expect(taskName(await desk.find(text))).toMatch(/@(b|dd)$/);
    }
    const several = desk.find("aa");
    await expect(several).rejects.toMatchObject({ code: "unknown-task" });
    await expect(several).rejects.toThrow("thing/reader@aa1, thing/reader@aa2");
    for (const text of ["", "z", "thing/reader@z"]) await expect(desk.find(text)).rejects.toThrow("what no task has");
  });

  it("adds the table up: what is parked needs someone, and errors that differ in numbers alone are one", async () => {
    const { desk } = await setUp();
    const overview = await desk.overview();
    expect(overview).toMatchObject({
      tasks: 5,
      runs: 5,
      byStatus: { sleeping: 3, parked: 2 },
      overdue: 0,
      errors: [{ message: "printer … is on fire", tasks: 2 }],
      verdict: { level: "attention", where: "tasks" },
    });
    expect(overview.byActivity.map(({ activity, tasks }) => [activity, tasks])).toEqual([
      ["thing/fragile", 2],
      ["thing/reader", 3],
    ]);
  });

  it("says whether it is us or the upstream", async () => {
    const { world, desk } = await setUp();
    await world.ports.breakers.change("things", (stored) => trip(stored, world.clock.now(), 1, "no route"));
    expect((await desk.overview()).verdict).toMatchObject({ level: "stuck", where: "upstream" });
    world.clock.jump(world.clock.now() + 200_000);
    expect((await desk.overview()).verdict).toMatchObject({ level: "stuck", where: "us" });
    await recordTick(world.ports.control, { at: world.clock.now() + 1_200_000, report: {} });
    await world.ports.breakers.change("things", (stored) => ({ ...stored, state: "closed" }));
    world.clock.jump(world.clock.now() + 1_200_000);
    const late = await desk.overview();
    expect(late).toMatchObject({ overdue: 3, verdict: { level: "stuck", where: "us" } });
    expect(late.oldestOverdue?.task).toMatch(/^thing\/reader@/);
  });

  it("shows a task with its last runs, and how far it is behind, without a write or the lease", async () => {
    const { world, desk } = await setUp();
    world.append("b", "e3", "e4");
    const record = await desk.find("b");
    const signal = AbortSignal.timeout(patienceMs);
    expect(await desk.lag(record, signal)).toEqual({ events: 2, more: false, head: "e4" });
    const { runs, why } = await desk.check(record);
    expect(runs).toMatchObject([{ fence: 1, wake: "start", outcome: "caughtUp", events: 2, tail: "e2" }]);
    expect(why.reason).toBe("asleep");
    expect(await world.record("b")).toEqual(record);
  });

  it("opens no breaker for the functions when a look at a stream fails (rule 12)", async () => {
    const { world, desk } = await setUp();
    world.onOpen = () => {
      throw new ConnectError("no route from here", Code.Internal);
    };
    const record = await desk.find("b");
    for (let check = 0; check < 10; check++) {
      await expect(desk.lag(record, AbortSignal.timeout(patienceMs))).rejects.toThrow("no route from here");
    }
    expect(await desk.upstreams()).toMatchObject([{ name: "things", breaker: { state: "closed" } }]);
  });

  it("does not take the end of its patience for the end of a stream", async () => {
    const { world, desk } = await setUp();
    world.append("b", "e3", "e4");
    const patience = new AbortController();
    world.onEvent = (_, id) => {
      if (id === "e4") patience.abort();
    };
    expect(await desk.lag(await desk.find("b"), patience.signal)).toMatchObject({ more: true, head: undefined });
  });

  it("says when a tail was made, if its kind or its id knows", async () => {
    const { desk } = await setUp();
    const record = await desk.find("b");
    expect((await desk.check(record)).tailMadeAt).toBeUndefined();
    const tail = eventId(ulid(1_700_000_000_000));
    for (const kind of ["thing", "other"]) {
      expect((await desk.check({ ...record, kind, tail })).tailMadeAt).toBe(1_700_000_000_000);
    }
  });

  it("lists by what people ask for", async () => {
    const { desk } = await setUp();
    const names = async (filter: Parameters<Desk["list"]>[0]) => {
      const found: string[] = [];
      for await (const record of desk.list(filter)) found.push(taskName(record));
      return found.sort();
    };
    expect(await names({ status: "parked" })).toEqual(["thing/fragile@c", "thing/fragile@dd"]);
    expect(await names({ error: "printer 2" })).toEqual(["thing/fragile@dd"]);
    expect(await names({ error: "printer … is on fire" })).toEqual(["thing/fragile@c", "thing/fragile@dd"]);
    expect(await names({ activity: "reader", entity: "aa" })).toEqual(["thing/reader@aa1", "thing/reader@aa2"]);
  });

  it("keeps the reason of what an operator does, in the record and in the list of actions", async () => {
    const { world, desk } = await setUp();
    const b = await desk.find("b");
    await desk.operators.pause(b, note);
    expect(await world.record("b")).toMatchObject({ paused: true, intervention: { action: "pause", ...note } });
    expect((await desk.check(await desk.find("b"))).why.sentence).toContain("by kim: the printer burns");
    await desk.operators.resume(b, { ...note, reason: "it is out" });
    await desk.operators.pauseUpstream("things", note);
    expect(await desk.actions()).toMatchObject([
      { action: "pause", target: "upstream things", ...note },
      { action: "resume", target: "thing/reader@b", reason: "it is out" },
      { action: "pause", target: "thing/reader@b" },
    ]);
    for (const reason of ["", "x".repeat(201), "\ud800"]) {
      await expect(desk.operators.pause(b, { ...note, reason })).rejects.toMatchObject({ subject: "reason" });
    }
    await expect(desk.operators.pause(b, { ...note, by: "" })).rejects.toMatchObject({ subject: "who did it" });
  });

  it("skips events that cannot be processed, and not those that a view is made of", async () => {
    const { world, desk } = await setUp();
    const viewed = defineActivity(thing, {
      name: "viewed",
      view: { version: 1, initial: () => ({ n: 0 }) },
      apply: (view) => void view.n++,
      act: async () => caughtUp(),
    });
    const other = new World({ activities: [lazy(viewed)] });
    other.append("v", "e1");
    await startTask(other.ports, viewed, { thingId: "v" });
    await other.drain();
    const refused = new Desk(other.ports, []).operators.skipTo(await other.record("v"), eventId("e1"));
    await expect(refused).rejects.toMatchObject({ code: "store-refused", received: "one with a view" });
    const skipped = await desk.operators.skipTo(await desk.find("dd"), eventId("e2"), { note });
    expect(skipped).toMatchObject({ status: "ready", tail: "e2", intervention: { action: "skip-to" } });
    expect(world.alarms.take()).toMatchObject([{ class: "operator", key: { entity: "dd" } }]);
  });

  it("works without the app, but for what needs a stream", async () => {
    const { world } = await setUp();
    const empty = new World({ activities: [], store: world.store, control: world.ports.control });
    const desk = new Desk(empty.ports, []);
    expect(await desk.overview()).toMatchObject({ tasks: 5 });
    const record = await desk.find("b");
    expect((await desk.check(record)).why.reason).toBe("asleep");
    await desk.operators.pause(record, note);
    await desk.operators.resume(record, note);
    await expect(desk.lag(record, AbortSignal.timeout(patienceMs))).rejects.toMatchObject({ code: "unknown-kind" });
  });
});
