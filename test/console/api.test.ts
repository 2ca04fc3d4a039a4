import { afterEach, describe, expect, it } from "vitest";
import type { Rows, SurveyMessage, TaskMessage } from "../../console/messages.ts";
import { Desk } from "../../functions/operate/desk.ts";
import { taskName } from "../../functions/tasks/record.ts";
import { World } from "../support/world.ts";
import { type Client, deskWorld, plainConsole } from "./console-world.ts";

const b = "thing/reader@b";
const reason = "the printer burns";

let open: Client | undefined;
afterEach(async () => {
  await open?.console.close();
  open = undefined;
});

async function setUp(kill?: () => Promise<number>) {
  const { world, desk } = await deskWorld();
  open = await plainConsole(world, desk, kill);
  await open.enter();
  return { world, desk, client: open };
}

async function namesOf(client: Client, query: string): Promise<string[]> {
  const { status, value } = await client.get(`tasks${query}`);
  expect(status).toBe(200);
  return (value as Rows).rows.map(taskName);
}

describe("the console's list of tasks", () => {
  it("has those that fit, in the order asked for", async () => {
    const { client } = await setUp();
    expect(await namesOf(client, "?sort=name&status=parked")).toEqual(["thing/fragile@c", "thing/fragile@dd"]);
    expect(await namesOf(client, "?activity=reader&entity=aa&kind=thing&sort=name")).toEqual([
      "thing/reader@aa1",
      "thing/reader@aa2",
    ]);
    expect(await namesOf(client, `?error=${encodeURIComponent("printer … is on fire")}`)).toHaveLength(2);
    expect(await namesOf(client, "?error=printer+2")).toEqual(["thing/fragile@dd"]);
    expect((await namesOf(client, "")).slice(0, 3)).toEqual(["thing/reader@aa1", "thing/reader@aa2", b]);
    for (const sort of ["error", "attempts"]) {
      expect((await namesOf(client, `?sort=${sort}`)).slice(0, 2)).toEqual(["thing/fragile@c", "thing/fragile@dd"]);
    }
  });

  it("comes in pages of 100, from one read of the table for all pages that are open", async () => {
    const { world, client } = await setUp();
    const record = await world.record("b");
    let reads = 0;
    world.store.list = async function* () {
      reads++;
      for (let i = 0; i < 250; i++) yield { ...record, entity: `e${String(i).padStart(3, "0")}` };
    };
    const ends = new AbortController();
    const next = client.live("", ends.signal);
    await next("survey");
    expect(await namesOf(client, "?sort=name&from=200")).toHaveLength(50);
    const { value } = await client.get("tasks?sort=name&from=100");
    expect(value).toMatchObject({ total: 250, leftOut: 0, rows: { length: 100, 0: { entity: "e100" } } });
    expect(reads).toBe(1);
    ends.abort();
  });

  it("refuses by its name what it is asked for and does not know", async () => {
    const { client } = await setUp();
    const wrong = [
      "status=broken",
      "sort=age",
      "from=-1",
      "from=1e3",
      `entity=${"x".repeat(1_001)}`,
      "error=%ED%A0%80%00x".repeat(200),
    ];
    for (const query of wrong) {
      const { status, value } = await client.get(`tasks?${query}`);
      expect(status, query).toBe(400);
      expect(value).toMatchObject({ error: { code: "invalid-argument", subject: query.split("=")[0] } });
    }
  });

  it("says so if the table cannot be read", async () => {
    const { world, client } = await setUp();
    // biome-ignore lint/correctness/useYield: it fails before it has one
    world.store.list = async function* () {
      throw new Error("the credentials have expired");
    };
    expect(await client.get("tasks")).toEqual({
      status: 502,
      value: { error: { code: "refused", message: "the credentials have expired" } },
    });
  });
});

describe("what the console shows without being asked", () => {
  it("is the table every 2 s after the last read, and a task when it changes", async () => {
    const { world, client } = await setUp();
    const ends = new AbortController();
    const next = client.live(`?task=${encodeURIComponent(b)}`, ends.signal);
    const survey = await next<SurveyMessage>("survey");
    expect(survey).toMatchObject({
      now: world.clock.now(),
      about: { deployment: "test", by: "kim", canKill: false },
      value: { notCaughtUp: 2, overview: { tasks: 5, verdict: { level: "attention" } }, actions: [], watched: {} },
    });
    expect(await next<TaskMessage>("task")).toMatchObject({
      value: { record: { entity: "b", tail: "e2" }, why: { reason: "asleep" }, runs: [{ fence: 1 }] },
    });
    expect(await client.post("task/pause", { task: b, reason })).toMatchObject({ status: 200 });
    expect(await next<TaskMessage>("task")).toMatchObject({ value: { why: { reason: "paused" } } });
    await world.clock.advance(2_000);
    const later = await next<SurveyMessage>("survey");
    expect(later.value).toMatchObject({ notCaughtUp: 2, actions: [{ action: "pause", target: b, reason, by: "kim" }] });
    ends.abort();
  });

  it("is read at most half of the time, and not at all when nobody looks", async () => {
    const { world, client } = await setUp();
    const list = world.store.list.bind(world.store);
    let reads = 0;
    world.store.list = async function* (...args) {
      reads++;
      world.clock.jump(world.clock.now() + 30_000);
      yield* list(...args);
    };
    const ends = new AbortController();
    const [one, two] = [client.live("", ends.signal), client.live("", ends.signal)];
    await Promise.all([one("survey"), two("survey")]);
    expect(reads).toBe(1);
    await world.clock.advance(29_999);
    expect(reads).toBe(1);
    await world.clock.advance(1);
    await Promise.all([one("survey"), two("survey")]);
    expect(reads).toBe(2);
    const closed = client.console.close();
    open = undefined;
    ends.abort();
    await closed;
    await world.clock.advance(3_600_000);
    expect([reads, world.clock.sleeping]).toEqual([2, 0]);
  });

  it("is why a task or the table cannot be read, as long as it is so", async () => {
    const { world, client } = await setUp();
    const ends = new AbortController();
    const list = world.store.list;
    world.store.list = () => {
      throw new Error("no route to the table");
    };
    const next = client.live("?task=thing/reader@gone", ends.signal);
    expect(await next("survey")).toMatchObject({ error: { message: "no route to the table" } });
    expect(await next("task")).toMatchObject({ error: { code: "unknown-task" } });
    world.store.list = list;
    await world.clock.advance(2_000);
    expect(await next("survey")).toMatchObject({ value: { overview: { tasks: 5 } } });
    ends.abort();
  });
});

describe("what the console does", () => {
  it("is what an operator does at the desk, with a reason, in their name", async () => {
    const { world, client } = await setUp();
    const to = { task: b, reason };
    expect(await client.post("task/pause", to)).toEqual({ status: 200, value: { done: `Paused ${b}.` } });
    expect(await world.record("b")).toMatchObject({
      paused: true,
      intervention: { action: "pause", reason, by: "kim" },
    });
    expect(await client.post("task/resume", to)).toMatchObject({ status: 200 });
    expect(await client.post("task/rewind", { ...to, to: "epoch" })).toMatchObject({ status: 200 });
    expect(await world.record("b")).toMatchObject({ tail: "epoch", status: "ready" });
    expect(await client.post("task/skip-to", { ...to, to: "e1", force: true })).toMatchObject({ status: 200 });
    expect(await world.record("b")).toMatchObject({ tail: "e1", intervention: { action: "skip-to" } });
    world.alarms.take();
    expect(await client.post("task/wake", { task: b })).toMatchObject({ status: 200 });
    expect(world.alarms.take()).toMatchObject([{ class: "operator", key: { entity: "b" } }]);
    expect(await client.post("upstream/pause", { upstream: "things", reason })).toMatchObject({ status: 200 });
    expect(await world.ports.breakers.isPaused("things")).toBe(true);
    expect(await client.post("upstream/resume", { upstream: "things", reason })).toMatchObject({ status: 200 });
  });

  it("counts how far a task is behind, without a write", async () => {
    const { world, client } = await setUp();
    world.append("b", "e3");
    const before = await world.record("b");
    expect(await client.get(`lag?task=${encodeURIComponent(b)}`)).toEqual({
      status: 200,
      value: { events: 1, more: false, head: "e3" },
    });
    expect(await world.record("b")).toEqual(before);
  });

  it("kills only where the functions are this machine's", async () => {
    let kills = 0;
    const { client } = await setUp(async () => [2, 0][kills++] ?? 0);
    expect(await client.post("kill", {})).toMatchObject({ status: 200, value: { done: "Killed 2 of its processes." } });
    expect(await client.post("kill", {})).toMatchObject({ value: { done: expect.stringContaining("No process") } });
    await client.console.close();
    const { client: elsewhere } = await setUp();
    expect((await elsewhere.post("kill", {})).status).toBe(404);
    expect(kills).toBe(2);
  });

  it("is refused with the thing, what was expected and what came", async () => {
    const { client, world } = await setUp();
    const before = await world.record("b");
    const cases = [
      ["task/pause", { task: b }, 400, "reason"],
      ["task/pause", { task: b, reason: "x".repeat(201) }, 400, "reason"],
      ["task/pause", { task: b, reason: 7 }, 400, "reason"],
      ["task/pause", { reason }, 400, "task"],
      ["task/pause", { task: "nothing", reason }, 404, "task nothing"],
      ["task/pause", { task: "thing/reader@gone", reason }, 404, "task thing/reader@gone"],
      ["task/wake", { task: "thing/reader@gone" }, 404, "task thing/reader@gone"],
      ["task/resume", { task: b, reason }, 409, `task ${b}`],
      ["task/rewind", { task: b, reason }, 400, "to"],
      ["task/rewind", { task: b, reason, to: "x".repeat(343) }, 400, "event id"],
      ["task/rewind", { task: b, reason, to: "e1", force: "yes" }, 400, "force"],
      ["upstream/pause", { upstream: "others", reason }, 404, "upstream others"],
      ["upstream/pause", { upstream: "things" }, 400, "reason"],
      ["task/pause", [], 400, "body"],
      ["task/pause", "null", 400, "body"],
      ["task/pause", "{", 400, "body"],
      ["task/pause", '{"__proto__":{"task":"x"}}', 400, "task"],
    ] as const;
    for (const [path, body, status, subject] of cases) {
      const answered = await client.post(path, body);
      expect(answered, JSON.stringify(body)).toMatchObject({ status, value: { error: { subject } } });
      expect(Object.keys(Object(Object(answered.value).error))).toEqual([
        "code",
        "message",
        "subject",
        "expected",
        "received",
      ]);
    }
    expect(await world.record("b")).toEqual(before);
  });

  it("takes no body that is large, or of another type, and no other path or method", async () => {
    const { client } = await setUp();
    expect((await client.post("task/pause", { task: b, reason: "x".repeat(65_536) })).status).toBe(413);
    expect((await client.post("task/pause", `{"task":"${"x".repeat(60_000)}"}`)).status).toBe(400);
    const plain = { method: "POST", headers: { ...client.own, "content-type": "text/plain" }, body: "{}" };
    expect((await client.send(`${client.path}api/task/pause`, plain)).status).toBe(415);
    for (const [method, path, status] of [
      ["GET", "task/pause", 405],
      ["POST", "tasks", 405],
      ["DELETE", "tasks", 405],
      ["GET", "nothing", 404],
      ["POST", "task/constructor", 404],
      ["POST", "__proto__", 404],
      ["POST", "live", 404],
    ] as const) {
      const { status: got } = await client.send(`${client.path}api/${path}`, { method, headers: client.own });
      expect(got, `${method} ${path}`).toBe(status);
    }
  });

  it("works without the app, but for what needs a stream", async () => {
    const { world } = await deskWorld();
    const empty = new World({ activities: [], store: world.store, control: world.ports.control });
    open = await plainConsole(empty, new Desk(empty.ports, []));
    await open.enter();
    expect(await namesOf(open, "?status=parked")).toHaveLength(2);
    expect(await open.post("task/pause", { task: b, reason })).toMatchObject({ status: 200 });
    expect(await open.get(`lag?task=${encodeURIComponent(b)}`)).toMatchObject({ status: 404 });
    expect(await open.post("upstream/pause", { upstream: "things", reason })).toMatchObject({
      value: { error: { code: "unknown-upstream" } },
    });
  });
});
