import { describe, expect, it } from "vitest";
import { taskName } from "../../functions/tasks/record.ts";
import { type Printers, printers } from "./printers.ts";
import { type OperatorPorts, type } from "./typed.ts";

const typed = (world: Printers, line: string, around: OperatorPorts = {}) =>
  type(line.split(" "), { desk: world.desk, ...around });

/** Everything that the table, the control documents and the bus hold. */
async function everything(world: Printers) {
  const records = [];
  for await (const record of world.store.list()) records.push(record);
  const { control } = world.ports;
  return { records, actions: await control.read("actions"), breaker: await control.read("upstream#things") };
}

describe("what operators type to act", () => {
  it.each([
    "wake b",
    "pause b --reason r",
    "pause b",
    "pause --activity reader",
    "pause --upstream things",
    "resume dd",
    "retry",
    "rewind b --to epoch",
    "skip-to b e1",
    "start reader thingId=new",
  ])("does nothing with --dry-run: %s", async (line) => {
    const world = await printers();
    const before = await everything(world);
    const asTable = await typed(world, `${line} --dry-run`);
    expect(asTable).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/^would /) });
    const asJson = await typed(world, `${line} --dry-run --json`);
    expect(JSON.parse(asJson.out)).toMatchObject({ dryRun: true });
    expect(await everything(world)).toEqual(before);
    expect(world.alarms.take()).toEqual([]);
  });

  it("can be looked at and changed though it waits for a time that no clock reaches, as an earlier version stored (rule 17)", async () => {
    const world = await printers();
    const notBefore = 8.64e15;
    const record = await world.record("b");
    world.seed({ ...record, status: "retrying", attempts: 1, notBefore, due: notBefore + 180_000 });
    for (const line of [
      "show b",
      "show b --json",
      "why b",
      "ls",
      "status",
      "pause b --dry-run --reason x",
      "rewind b --to epoch --dry-run --reason x",
      "wake b --dry-run",
    ]) {
      const { code, err } = await typed(world, line);
      // 3: an operator has something to do.
      expect([0, 3], line).toContain(code);
      expect(err, line).toBe("");
    }
    expect((await typed(world, "show b")).out).toMatch(/due +a time after the year 9999\n/);
    expect((await typed(world, "pause b --dry-run --reason x")).out).toMatch(/due +a time after the year 9999 +–\n/);
    expect(await typed(world, "pause b --reason x")).toMatchObject({ code: 0, err: "" });
    expect((await typed(world, "resume b --dry-run --reason x")).out).toMatch(
      /and send a wake, timer, for a time after the year 9999\n/,
    );
    expect(await typed(world, "resume b --reason x")).toMatchObject({ code: 0, err: "" });
    expect(await typed(world, "wake b")).toMatchObject({ code: 0, err: "" });
    expect(await world.drain()).toEqual([]);
    expect(await world.record("b")).toMatchObject({ status: "sleeping" });
  });

  it("runs a task at once that waits for a later time", async () => {
    const world = await printers();
    const notBefore = world.clock.now() + 3_600_000;
    world.seed({ ...(await world.record("b")), status: "retrying", attempts: 1, notBefore, due: notBefore + 180_000 });
    expect(await typed(world, "wake b")).toMatchObject({ code: 0, err: "" });
    await world.drain();
    expect(await world.record("b")).toMatchObject({ status: "sleeping" });
  });

  it("says with --dry-run what would be written and sent, and refuses what would be refused", async () => {
    const world = await printers();
    expect((await typed(world, "rewind b --to e1 --reason again --by kim --dry-run")).out).toBe(
      `would move the tail of thing/reader@b, which is sleeping
ATTRIBUTE     FROM      TO
fence         1         2
intervention  –         {"action":"rewind","reason":"again","by":"kim","at":1767225600000}
status        sleeping  ready
tail          e2        e1
tailSeenAt    –         0
and send a wake, operator
`,
    );
    expect(await typed(world, "resume b --dry-run")).toMatchObject({
      code: 1,
      err: expect.stringContaining("expected a paused or parked task, received sleeping"),
    });
  });

  it("keeps why and who in the record, and asks for the reason if it is missing", async () => {
    const world = await printers();
    const paused = await typed(world, "pause b --by kim", { answers: ["it smokes"] });
    expect(paused).toEqual({ code: 0, out: "thing/reader@b was sleeping, and is paused\n", err: "Why? " });
    expect(await world.record("b")).toMatchObject({
      paused: true,
      intervention: { action: "pause", reason: "it smokes", by: "kim" },
    });
    for (const line of ["resume b", "rewind b --to epoch", "skip-to b e2", "pause --upstream things"]) {
      const refused = await typed(world, line);
      expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("--reason: expected a reason") });
    }
    expect((await typed(world, "resume b --reason aired")).out).toBe("thing/reader@b was paused, and is ready\n");
    expect((await world.desk.actions()).map(({ action, target }) => [action, target])).toEqual([
      ["resume", "thing/reader@b"],
      ["pause", "thing/reader@b"],
    ]);
  });

  it("wakes a task, and refuses one that a wake does not run", async () => {
    const world = await printers();
    expect(await typed(world, "wake b")).toEqual({ code: 0, out: "thing/reader@b was woken\n", err: "" });
    expect(world.alarms.take()).toMatchObject([{ class: "operator", key: { entity: "b" } }]);
    expect((await typed(world, "wake dd")).err).toContain("received one that is parked");
  });

  it("starts a task by its address, once", async () => {
    const world = await printers();
    expect((await typed(world, "start thing/reader thingId=new")).out).toBe("thing/reader@new was started\n");
    expect(await world.record("new")).toMatchObject({ status: "ready", address: { thingId: "new" } });
    expect((await typed(world, "start reader thingId=new")).out).toContain("already exists and is ready");
    expect(await typed(world, "start reader thing=new")).toMatchObject({ code: 1, out: "" });
    expect((await typed(world, "start writer thingId=new")).err).toContain("the app has thing/reader, thing/fragile");
    expect((await typed(world, "start reader thingId")).code).toBe(2);
  });

  it("moves a tail to an event that the stream has, a time, or epoch", async () => {
    const world = await printers();
    expect((await typed(world, "rewind b --to e1 --reason r")).out).toBe(
      "thing/reader@b continues after e1; its tail was e2\n",
    );
    expect(await world.record("b")).toMatchObject({ tail: "e1", status: "ready" });
    const unknown = await typed(world, "rewind b --to e7 --reason r");
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining("the stream has no such id") });
    // Its ids say no time, and neither does its definition.
    const timeless = await typed(world, "rewind b --to 2026-01-01T00:00:00Z --reason r");
    expect(timeless.err).toContain("without a known time");
    expect(await typed(world, "rewind b --reason r")).toMatchObject({ code: 2 });
    const unchecked = await typed(world, "rewind b --to e7 --reason r", { withoutApp: "no app" });
    expect(unchecked).toMatchObject({ code: 0, err: "cannot check that the stream has e7: no app\n" });
  });

  it("finds the tail at a time: the last event before the first later one", async () => {
    const world = await printers();
    const [first, second, third] = [
      "01KDVQ4S00ABCDEFGHJKMNPQRS",
      "01KDVQ6KK0ABCDEFGHJKMNPQRS",
      "01KDVQ8E60ABCDEFGHJKMNPQRS",
    ];
    world.append("ulids", first ?? "", second ?? "", third ?? "");
    await typed(world, "start reader thingId=ulids");
    await world.drain();
    const events = await typed(world, "rewind ulids --to epoch --reason r");
    expect(events.code).toBe(0);
    const { out } = await typed(world, "events ulids --json");
    const at = out
      .split("\n")
      .slice(0, 2)
      .map((line) => new Date(JSON.parse(line).at));
    const between = new Date((at[0]?.getTime() ?? 0) + 1).toISOString();
    for (const [time, tail] of [
      [between, first],
      [at[1]?.toISOString(), second],
      ["2000-01-01", "epoch"],
      ["2100-01-01T00:00+02:00", third],
    ]) {
      expect((await typed(world, `rewind ulids --to ${time} --reason r`)).out).toContain(`continues after ${tail};`);
    }
  });

  it("skips events of a task without a view", async () => {
    const world = await printers();
    world.append("dd", "e2");
    expect((await typed(world, "skip-to dd e2 --reason broken")).out).toContain(
      "continues after e2; its tail was epoch",
    );
    expect(await world.record("dd")).toMatchObject({ tail: "e2", intervention: { action: "skip-to" } });
  });

  it("pauses an upstream that the app has, or that the table knows", async () => {
    const world = await printers();
    expect((await typed(world, "pause --upstream printers --reason r")).err).toContain("the app has things");
    expect((await typed(world, "pause --upstream things --reason r")).out).toContain("is paused");
    expect((await typed(world, "why b")).out).toContain("Its upstream things was paused");
    expect((await typed(world, "resume --upstream things --reason r")).out).toContain("is resumed");
    for (const line of ["pause", "pause b --upstream things", "pause --activity a --upstream things"]) {
      expect(await typed(world, line)).toMatchObject({ code: 2 });
    }
  });
});

describe("what operators do to many tasks", () => {
  it("goes at a rate, shows how far it is, and is one action in the list", async () => {
    const world = await printers();
    for (let extra = 0; extra < 3; extra++) await typed(world, `start fragile thingId=f${extra}`);
    await world.drain();
    world.failing = false;
    const retrying = typed(world, "retry --activity fragile --rate 2 --by kim", { isWatched: true });
    let begun = 0;
    for (let half = 0; half < 4; half++) {
      await world.clock.advance(half === 0 ? 499 : 500);
      begun = (await Promise.all(["c", "dd", "f0", "f1", "f2"].map((id) => world.record(id)))).filter(
        ({ status }) => status === "ready",
      ).length;
      expect(begun).toBe(half + 1);
    }
    await world.clock.advance(500);
    const { code, out, err } = await retrying;
    expect({ code, out }).toEqual({ code: 0, out: "retry: 5 tasks, 0 refused\n" });
    expect(err).toContain("\r[############------------------] 2 of 5");
    expect(await world.desk.actions()).toMatchObject([
      { action: "retry", target: "tasks of activity fragile: 5", by: "kim", reason: "retry" },
    ]);
    await world.drain();
    expect(await world.record("dd")).toMatchObject({ status: "sleeping", attempts: 0 });
  });

  it("stops at Ctrl-C, and says what is left", async () => {
    const world = await printers();
    const stop = new AbortController();
    const retrying = typed(world, "retry --rate 1", { stopping: stop.signal });
    await world.clock.advance(0);
    stop.abort();
    expect(await retrying).toMatchObject({
      code: 1,
      out: "retry: 1 tasks, 0 refused\n",
      err: "stopped, with 1 left\n",
    });
  });

  it("goes on when one is refused, and ends with 1", async () => {
    const world = await printers();
    const pausing = typed(world, "pause --activity reader --reason r --rate 1");
    await world.clock.advance(500);
    await world.desk.operators.pause(await world.desk.find("aa2"));
    const update = world.store.update.bind(world.store);
    world.store.update = async (key, change) => {
      if (taskName(key) === "thing/reader@b") throw new Error("no table");
      return update(key, change);
    };
    await world.clock.advance(500);
    await world.clock.advance(1_000);
    const { code, out, err } = await pausing;
    expect({ code, out, err }).toEqual({
      code: 1,
      out: "pause: 2 tasks, 1 refused\n",
      err: "thing/reader@b: no table\n",
    });
  });

  it("lists them with --dry-run", async () => {
    expect((await typed(await printers(), "retry --dry-run")).out).toBe(
      "would resume or wake thing/fragile@c, which is parked\nwould resume or wake thing/fragile@dd, which is parked\n2 tasks, at 10 per second\n",
    );
  });
});
