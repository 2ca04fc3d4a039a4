import { describe, expect, it } from "vitest";
import { defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, completed } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { startTask } from "../../functions/run/start.ts";
import type { MemoryTaskStore } from "../../functions/tasks/memory.ts";
import { reader, thing } from "../support/world.ts";
import { type Printers, printers } from "./printers.ts";
import { type } from "./typed.ts";

const name = "nogfso.Repos/GetRepo";
let version = 1;

/** Counts events, starts a child for the second one, then makes a call and logs. */
const counter = defineActivity(thing, {
  name: "counter",
  view: { version: 1, initial: () => ({ count: 0, by: 1 }) },
  apply(view) {
    view.by = version;
    view.count += version;
  },
  async act(view, run) {
    run.log.info("counted", { count: view.count });
    if (version === 1) return caughtUp();
    await run.start(reader, { thingId: "aa1" });
    await run.start(reader, { thingId: "new" });
    await run.client(Repos).getRepo({ repo: new TextEncoder().encode("r") });
    return completed();
  },
});

async function setUp() {
  version = 1;
  const world = await printers({ more: [lazy(counter)] });
  world.append("n", "e1", "e2");
  await startTask(world.ports, counter, { thingId: "n" });
  await world.drain();
  world.append("n", "e3");
  version = 2;
  return world;
}

const typed = (world: Printers, line: string) => type(line.split(" "), { desk: world.desk });

/** Every write and every wake throws from now on. */
function forbidWrites(world: Printers): void {
  const refuse = async (): Promise<never> => {
    throw new Error("a replay has written");
  };
  const store = world.store as MemoryTaskStore;
  for (const method of ["update", "putView", "deleteView"] as const) store[method] = refuse;
  for (const method of ["send", "sendAt", "sendQuarantined", "startLeader"] as const) world.alarms[method] = refuse;
  world.ports.control.write = refuse;
}

describe("tailwake replay --dry", () => {
  it("says what the code here would do from the stored tail, and keeps all of it back", async () => {
    const world = await setUp();
    const before = await world.record("n");
    forbidWrites(world);
    const { code, out, err } = await typed(world, "replay n --dry");
    expect(err).toContain("Only run.client and run.start are held back");
    expect(out).toMatch(
      /^thing\/counter@n would end with retry: .*GetRepo was recorded and not sent: this is a replay\n/,
    );
    expect(out).toContain("\nevents    1\ntail      e2 -> e3\nstatus    retrying\n");
    expect(out).toContain(`\nCalls\nnot sent  ${name} {"repo":"cg=="}\n`);
    expect(out).toContain('\nChildren it would start\nreader {"thingId":"aa1"}\nreader {"thingId":"new"}\n');
    expect(out).toContain('\nView\n-   "count": 2,\n-   "by": 1\n+   "count": 4,\n+   "by": 2\n');
    expect(out).toMatch(/\nLog\ninfo counted \{.*"task":"thing\/counter@n".*"count":4\}\n/);
    expect(code).toBe(0);
    expect(await world.record("n")).toEqual(before);
  });

  it("makes the view anew from elsewhere", async () => {
    const world = await setUp();
    forbidWrites(world);
    const { out } = await typed(world, "replay n --dry --from epoch --json");
    expect(JSON.parse(out)).toMatchObject({
      task: "thing/counter@n",
      events: 3,
      before: { tail: "epoch" },
      after: { tail: "e3" },
      viewAfter: '{"count":6,"by":2}',
    });
    expect((await typed(world, "replay n --dry --from e9")).err).toContain("the stream has no such id");
  });

  it("sends what is said to read alone", async () => {
    const world = await setUp();
    forbidWrites(world);
    const { out } = await typed(world, `replay n --dry --send ${name}`);
    expect(out).toContain(`\nsent      ${name}`);
    // The server of this test does not have the method.
    expect(out).toMatch(/would end with retry: .*unimplemented/i);
  });

  it("runs what is paused, parked, running or completed as well", async () => {
    const world = await setUp();
    await world.desk.operators.pause(await world.desk.find("n"));
    forbidWrites(world);
    expect((await typed(world, "replay n --dry")).out).toContain("events    1");
    world.failing = false;
    expect((await typed(world, "replay dd --dry")).out).toMatch(/^thing\/fragile@dd would end with caughtUp\n/);
  });

  it("has to be asked for as what it is, and needs the app", async () => {
    const world = await setUp();
    expect(await typed(world, "replay n")).toMatchObject({ code: 2, err: expect.stringContaining("expected --dry") });
    const without = await type(["replay", "n", "--dry"], { desk: world.desk, withoutApp: "no app" });
    expect(without).toMatchObject({ code: 1, err: "this command needs the app: no app\n" });
  });

  it("ends in time with an activity that waits for ever", async () => {
    const forever = defineProcessor(thing, {
      name: "forever",
      processEvents: (run) =>
        new Promise((_, reject) => run.signal.addEventListener("abort", () => reject(run.signal.reason))),
    });
    const world = await printers({ more: [lazy(forever)] });
    await type(["start", "forever", "thingId=f"], { desk: world.desk });
    const stop = new AbortController();
    const replaying = type(["replay", "f", "--dry"], { desk: world.desk, stopping: stop.signal });
    setImmediate(() => stop.abort());
    expect(await replaying).toMatchObject({ code: 0, out: expect.stringContaining("would end with canceled") });
  });
});
