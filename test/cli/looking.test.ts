import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { defineActivity } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { Desk } from "../../functions/operate/desk.ts";
import { startTask } from "../../functions/run/start.ts";
import { start } from "../../functions/tasks/transitions.ts";
import { thing } from "../support/world.ts";
import { type Printers, printers } from "./printers.ts";
import { type } from "./typed.ts";

const typed = (world: Printers, line: string) => type(line.split(" "), { desk: world.desk });

describe("tailwake status", () => {
  it("says in a sentence whether anything is stuck, then what all tasks come to", async () => {
    const world = await printers();
    const { code, out, err } = await typed(world, "status");
    expect(err).toBe("");
    expect(out).toBe(
      `Parked and waiting for an operator: 2.

tasks      5: 3 sleeping, 2 parked
runs       5 so far
last tick  less than 1 s ago

Activities
ACTIVITY       TASKS  PARKED  SLEEPING
thing/fragile      2       2
thing/reader       3                 3

Upstreams
UPSTREAM  BREAKER  NEXT TRIAL  REASON
things    closed

Errors, grouped
TASKS  LAST               ERROR                 EXAMPLE
    2  less than 1 s ago  printer … is on fire  thing/fragile@c
`,
    );
    expect(code).toBe(3);
  });

  it("ends with 0 if nothing is stuck", async () => {
    const world = await printers();
    for (const name of ["c", "dd"]) await world.desk.operators.resume(await world.desk.find(name));
    world.failing = false;
    await world.drain();
    expect(await typed(world, "status")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Nothing is stuck\.\n/),
    });
  });

  it("is one document for programs, with nothing beside it", async () => {
    const { out, err } = await typed(await printers(), "status --json");
    expect(err).toBe("");
    expect(out.endsWith("}\n")).toBe(true);
    expect(JSON.parse(out)).toMatchObject({
      deployment: "a test",
      tasks: 5,
      verdict: { level: "attention" },
      leaders: [],
    });
  });
});

describe("tailwake why", () => {
  it("says one sentence, and ends with 3 if somebody has to do something", async () => {
    const world = await printers();
    expect(await typed(world, "why b")).toEqual({
      code: 0,
      out: "thing/reader@b: It has caught up and sleeps until a signal. Without a signal, a tick checks it by 2026-01-01T00:03:00Z (in 3 min).\n",
      err: "",
    });
    const { code, out } = await typed(world, "why dd");
    expect(out).toContain("It was parked because it failed 1 times in a row");
    expect(code).toBe(3);
    expect(JSON.parse((await typed(world, "why dd --json")).out)).toMatchObject({
      task: "thing/fragile@dd",
      reason: "parked",
    });
  });

  it("takes a beginning that only one task has, and names those that several have", async () => {
    const world = await printers();
    expect((await typed(world, "why thing/fragile@c")).out).toMatch(/^thing\/fragile@c: /);
    const several = await typed(world, "why aa");
    expect(several).toMatchObject({ code: 1, out: "" });
    expect(several.err).toContain("thing/reader@aa1, thing/reader@aa2");
    expect((await typed(world, "why nobody")).err).toContain("what no task has");
  });
});

describe("tailwake show", () => {
  it("has the record in words, how far it is behind, what it fails at and its last runs", async () => {
    const world = await printers();
    world.append("dd", "e3");
    await world.clock.advance(90_000);
    expect((await typed(world, "show dd")).out).toBe(`thing/fragile@dd
It was parked because it failed 1 times in a row. It stays parked until it is resumed. Its last error, 1 min 30 s ago after event epoch: "printer 2 is on fire"

status       parked
engine       lazy
address      thingId=dd
tail         epoch
stream       2 events after the tail, the last is e3
fence        1
counts       attempts 1
last error   1 min 30 s ago, after event epoch: printer 2 is on fire
it fails at  e1  "event e1"
started      2026-01-01T00:00:00Z (1 min 30 s ago)

Last runs
RUN  BEGAN           TOOK  EVENTS  WOKEN BY  OUTCOME  TAIL
  1  1 min 30 s ago  0 ms       0  start     retry    epoch
`);
  });

  it("says that a number without a run was killed or fenced out", async () => {
    const world = await printers();
    for (let forced = 0; forced < 2; forced++) {
      await world.desk.operators.rewind(await world.desk.find("b"), "epoch", { force: true });
    }
    await world.drain();
    expect((await typed(world, "show b")).out).toContain("Runs 2 to 3 left no record: killed, fenced out, or");
  });

  it("cuts a long view, and has all of it as JSON", async () => {
    const long = defineActivity(thing, {
      name: "long",
      view: { version: 1, initial: () => ({ lines: [] as number[] }) },
      apply: (view) => void view.lines.push(...Array.from({ length: 100 }, (_, i) => i)),
      act: async () => caughtUp(),
    });
    const world = await printers({ more: [lazy(long)] });
    await startTask(world.ports, long, { thingId: "b" });
    await world.drain();
    const { out } = await typed(world, "show thing/long@b");
    expect(out).toContain('View\n  {\n    "lines": [\n      0,');
    expect(out).toMatch(/ {2}… \d+ more lines, with --json/);
    expect(out).not.toContain("      60,");
    const json = JSON.parse((await typed(world, "show thing/long@b --json")).out);
    expect(JSON.parse(json.view).lines).toHaveLength(200);
  });

  it("goes on without the app, and says in a line what is missing", async () => {
    const world = await printers();
    const desk = new Desk({ ...world.ports, bindings: (await printers({ bare: true })).ports.bindings }, []);
    const { out, err, code } = await type(["show", "b"], { desk, withoutApp: "there is no src/handlers.ts" });
    expect(err).toBe("Without the app the stream cannot be read: there is no src/handlers.ts\n");
    expect(out).toContain("engine   lazy, as of its last run\n");
    expect(out).not.toContain("stream ");
    expect(code).toBe(0);
  });

  it("says that a server does not answer, and shows the rest", async () => {
    const world = await printers();
    world.onOpen = () => {
      throw new ConnectError("no route", Code.Internal);
    };
    const { out, code } = await typed(world, "show b");
    expect(out).toMatch(/stream +cannot be read: .*no route/);
    expect(code).toBe(0);
    for (let more = 0; more < 6; more++) await typed(world, "show b");
    expect((await world.desk.upstreams())[0]?.breaker.state).toBe("closed");
  });
});

describe("tailwake ls", () => {
  it("lists what fits, in a table or a line for each", async () => {
    const world = await printers();
    expect((await typed(world, "ls --status parked")).out).toBe(`TASK              STATUS  RUNS  DUE  TAIL   LAST ERROR
thing/fragile@c   parked     1       epoch  printer 1 is on fire
thing/fragile@dd  parked     1       epoch  printer 2 is on fire
`);
    const lines = (await typed(world, "ls --activity reader --entity aa --json")).out.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { task: "thing/reader@aa1", status: "sleeping" },
      { task: "thing/reader@aa2", status: "sleeping" },
    ]);
    expect((await typed(world, "ls --error water")).out).toBe("no task matches\n");
  });

  it("says that there are more than it shows", async () => {
    const { out, err } = await typed(await printers(), "ls --limit 2");
    expect(out.trim().split("\n")).toHaveLength(3);
    expect(err).toBe("more than 2: use --limit N or a filter\n");
  });

  it("sorts by what is due, or by how far a task is behind", async () => {
    const world = await printers();
    world.append("aa2", "e3", "e4", "e5");
    world.append("b", "e3");
    const { out } = await typed(world, "ls --sort lag --activity reader");
    expect(out.split("\n").map((line) => line.split(/ +/).slice(0, 3))).toEqual([
      ["TASK", "STATUS", "BEHIND"],
      ["thing/reader@aa2", "sleeping", "3"],
      ["thing/reader@b", "sleeping", "1"],
      ["thing/reader@aa1", "sleeping", "0"],
      [""],
    ]);
    const task = { entity: "z", kind: "thing", activity: "reader" };
    await world.store.update(task, start({ thingId: "z" }, "lazy", world.clock.now(), undefined));
    await world.edit(task, { due: world.clock.now() });
    expect((await typed(world, "ls --sort due")).out.split("\n")[1]).toMatch(/^thing\/reader@z /);
    expect((await typed(world, "ls --sort age")).code).toBe(2);
  });
});

describe("tailwake events", () => {
  it("has those after the tail: a line each, with what they say", async () => {
    const world = await printers();
    expect(await typed(world, "events b")).toEqual({ code: 0, out: "", err: "no event after the tail\n" });
    world.append("b", "e3", "e4");
    expect((await typed(world, "events b")).out).toBe('e3  "event e3"\ne4  "event e4"\n');
    expect((await typed(world, "events b --json --limit 1")).out).toBe('{"id":"e3","event":"event e3"}\n');
  });

  it("follows until it is stopped", async () => {
    const world = await printers();
    const stop = new AbortController();
    world.append("b", "e3");
    let out = "";
    const following = type(["events", "b", "--follow"], { desk: world.desk, stopping: stop.signal });
    world.onEvent = (_, id) => {
      out += id;
      if (id === "e4") setImmediate(() => stop.abort());
    };
    await new Promise((resolve) => setImmediate(resolve));
    world.append("b", "e4");
    const done = await following;
    expect(out).toBe("e3e4");
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining("e3") });
  });

  it("says that a server has ended what it was to follow", async () => {
    const world = await printers();
    world.endWatches = true;
    expect(await typed(world, "events b --follow")).toEqual({
      code: 1,
      out: "",
      err: "the server ended the stream\n",
    });
  });

  it("needs the app", async () => {
    const { desk } = await printers();
    const { code, err } = await type(["events", "b"], { desk, withoutApp: "it is not there" });
    expect({ code, err }).toEqual({ code: 1, err: "this command needs the app: it is not there\n" });
  });
});

describe("tailwake top", () => {
  it("has the runs between two looks, and what retries or is overdue", async () => {
    const world = await printers();
    const looking = typed(world, "top --once --json");
    await world.clock.advance(0);
    await world.desk.operators.rewind(await world.desk.find("b"), "epoch");
    await world.drain();
    await world.clock.advance(2_000);
    expect(JSON.parse((await looking).out)).toMatchObject({
      runsPerSecond: 1,
      byStatus: { parked: 2, sleeping: 3 },
      busiest: [{ task: "thing/reader@b", runs: 2 }],
      late: [],
    });
  });

  it("draws again and again, and leaves the terminal as it was", async () => {
    const world = await printers();
    const stop = new AbortController();
    const looking = type(["top"], { desk: world.desk, stopping: stop.signal });
    for (let frame = 0; frame < 2; frame++) await world.clock.advance(2_000);
    stop.abort();
    const { out, code } = await looking;
    expect(code).toBe(0);
    expect(out.match(/runs\/s/g)).toHaveLength(2);
    expect(out.endsWith("closed")).toBe(true);
  });
});

describe("tailwake cost", () => {
  it("adds up what the deployment is, and says what was assumed", async () => {
    const world = await printers();
    const { out } = await typed(world, "cost");
    expect(out).toContain("sleeping lazy tasks, probed every 15 min");
    expect(out).toContain("List prices of us-east-1");
    const { lines, dollarsAMonth } = JSON.parse((await typed(world, "cost --json")).out);
    expect(lines.map(({ what, count }: { what: string; count: number }) => [what, Math.round(count)])).toEqual([
      ["runs of lazy tasks, per month", 5 * 730],
      ["sleeping lazy tasks, probed every 15 min", 3],
      ["the tick, every minute", 1],
      ["polling of the queues", 1],
    ]);
    const sum = lines.reduce((total: number, { dollars }: { dollars: number }) => total + dollars, 0);
    expect(dollarsAMonth).toBeCloseTo(sum, 9);
  });
});
