import { describe, expect, it } from "vitest";
import { defineActivity, type RunContext } from "../../functions/contract/activity.ts";
import { caughtUp, completed, type Decision, silentRetryAfter } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/run/start.ts";
import { thing, World } from "../support/world.ts";

interface Seen {
  readonly ids: string[];
}

/** Collects the ids of the events in its view, and the views it was asked to act on. */
function collecting(
  options: {
    readonly version?: number;
    readonly act?: (view: Seen, run: RunContext<typeof thing>) => Promise<Decision> | Decision;
    readonly apply?: (id: string) => void;
    readonly pad?: number;
  } = {},
) {
  const acted: { readonly ids: string[]; readonly wokenBy: string }[] = [];
  const activity = defineActivity(thing, {
    name: "collector",
    view: { version: options.version ?? 1, initial: (): Seen => ({ ids: [] }) },
    apply(view, { id }) {
      options.apply?.(id);
      view.ids.push(id.padEnd(options.pad ?? 0));
    },
    async act(view, run) {
      acted.push({ ids: view.ids.map((id) => id.trim()), wokenBy: run.wokenBy });
      return (await options.act?.(view, run)) ?? caughtUp();
    },
  });
  return { activity, acted };
}

async function started(collected: ReturnType<typeof collecting>, ...ids: string[]) {
  const world = new World({ activities: [lazy(collected.activity)] });
  world.append("t", ...ids);
  await startTask(world.ports, collected.activity, { thingId: "t" });
  await world.drain();
  return world;
}

/** The same table and histories, under another version of the code. */
function deployed(world: World, collected: ReturnType<typeof collecting>): World {
  const next = new World({ activities: [lazy(collected.activity)], store: world.store });
  for (const [id, history] of world.histories) next.append(id, ...history);
  return next;
}

describe("a level 2 activity", () => {
  it("loads the whole stream without acting, then acts once", async () => {
    const collected = collecting();
    const world = await started(collected, "e1", "e2", "e3");
    expect(collected.acted).toEqual([{ ids: ["e1", "e2", "e3"], wokenBy: "start" }]);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e3", acted: "e3", viewVersion: 1 });
  });

  it("gets its view back from beside the tail and reads only what is new (T5)", async () => {
    const collected = collecting();
    const world = await started(collected, "e1");
    world.append("t", "e2");
    await world.signal("t");
    await world.drain();
    expect(world.opened.map(({ after }) => after)).toEqual(["", "e1"]);
    expect(collected.acted.at(-1)?.ids).toEqual(["e1", "e2"]);
    expect((await world.record("t")).view).toBe('{"ids":["e1","e2"]}');
  });

  it("does not act on a signal without news (rule 14)", async () => {
    const collected = collecting();
    const world = await started(collected, "e1");
    await world.signal("t");
    await world.drain();
    expect(collected.acted).toHaveLength(1);
    expect((await world.record("t")).fence).toBe(2);
  });

  it("acts without an event when an operator or a timer wakes it (rule 14)", async () => {
    let waits = true;
    const collected = collecting({
      act: (_view, run) => (waits ? silentRetryAfter(new Date(run.now().getTime() + 60_000)) : caughtUp()),
    });
    const world = await started(collected, "e1");
    waits = false;
    await world.drainUntil(world.clock.now() + 90_000);
    expect(collected.acted.map(({ wokenBy }) => wokenBy)).toEqual(["start", "timer"]);
    await world.deliver([{ class: "operator", key: { entity: "t", kind: "thing", activity: "collector" } }]);
    expect(collected.acted.map(({ wokenBy }) => wokenBy)).toEqual(["start", "timer", "operator"]);
  });

  it("acts again after a throw, although no event came and the timer was lost (rule 14)", async () => {
    let broken = true;
    const collected = collecting({
      act: () => {
        if (broken) throw new Error("no route");
        return caughtUp();
      },
    });
    const world = await started(collected, "e1");
    expect(await world.record("t")).toMatchObject({ status: "retrying", tail: "e1", view: '{"ids":["e1"]}' });
    broken = false;
    await world.clock.advance(20_000);
    world.alarms.take();
    await world.clock.advance(300_000);
    expect(await world.tick()).toMatchObject({ rescued: 1 });
    await world.drain();
    expect(collected.acted).toHaveLength(2);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", attempts: 0 });
  });

  it("throws its view away with an apply that throws; the stored view and tail stay together (T5)", async () => {
    let broken = false;
    const collected = collecting({
      apply: (id) => {
        if (broken && id === "e3") throw new Error("cannot read e3");
      },
    });
    const world = await started(collected, "e1");
    broken = true;
    world.append("t", "e2", "e3");
    await world.signal("t");
    await world.drain();
    expect(await world.record("t")).toMatchObject({
      status: "retrying",
      tail: "e1",
      view: '{"ids":["e1"]}',
      error: { message: "cannot read e3", afterEvent: "e1" },
    });
    broken = false;
    await world.drainUntil(world.clock.now() + 60_000);
    expect(collected.acted.at(-1)?.ids).toEqual(["e1", "e2", "e3"]);
  });

  it("rebuilds its view from epoch when the version changes, without acting again", async () => {
    const world = await started(collecting(), "e1", "e2");
    const next = collecting({ version: 2 });
    const after = deployed(world, next);
    await after.signal("t");
    await after.drain();
    expect(next.acted).toEqual([]);
    expect(await after.record("t")).toMatchObject({
      tail: "e2",
      acted: "e2",
      viewVersion: 2,
      view: '{"ids":["e1","e2"]}',
    });
    after.append("t", "e3");
    await after.signal("t");
    await after.drain();
    expect(next.acted).toEqual([{ ids: ["e1", "e2", "e3"], wokenBy: "signal" }]);
  });

  it("acts on news that came with the new version", async () => {
    const world = await started(collecting(), "e1");
    const next = collecting({ version: 2 });
    const after = deployed(world, next);
    after.append("t", "e2");
    await after.signal("t");
    await after.drain();
    expect(next.acted).toEqual([{ ids: ["e1", "e2"], wokenBy: "signal" }]);
  });

  it("goes on with a rebuild that a deadline cut, still without acting", async () => {
    const world = await started(collecting(), "e1", "e2", "e3");
    const next = collecting({ version: 2 });
    const after = deployed(world, next);
    const invocation = after.invocation();
    after.onEvent = (_thing, id) => {
      if (id === "e2") invocation.controller.abort();
    };
    await after.deliver([{ class: "signal", entity: "t" }], invocation);
    expect(await after.record("t")).toMatchObject({ status: "ready", tail: "e1", acted: "e3", actedAhead: true });
    after.onEvent = () => {};
    await after.drain();
    expect(next.acted).toEqual([]);
    const record = await after.record("t");
    expect(record).toMatchObject({ status: "sleeping", tail: "e3", acted: "e3", view: '{"ids":["e1","e2","e3"]}' });
    expect(record).not.toHaveProperty("actedAhead");
  });

  it("acts on the rest after a deadline cut the load", async () => {
    const collected = collecting();
    const world = new World({ activities: [lazy(collected.activity)] });
    world.append("t", "e1", "e2");
    await startTask(world.ports, collected.activity, { thingId: "t" });
    const invocation = world.invocation();
    world.onEvent = (_thing, id) => {
      if (id === "e2") invocation.controller.abort();
    };
    await world.deliver(world.alarms.take(), invocation);
    expect(collected.acted).toEqual([]);
    world.onEvent = () => {};
    world.histories.set("t", ["e1"]);
    await world.drain();
    expect(collected.acted).toEqual([{ ids: ["e1"], wokenBy: "handOver" }]);
  });

  it("reads an act that the deadline cut as canceled, and acts again", async () => {
    const collected = collecting({ act: async () => caughtUp() });
    const world = new World({ activities: [lazy(collected.activity)] });
    world.append("t", "e1");
    await startTask(world.ports, collected.activity, { thingId: "t" });
    const invocation = world.invocation();
    const cut = collecting({
      act: () => {
        invocation.controller.abort();
        return caughtUp();
      },
    });
    const first = new World({ activities: [lazy(cut.activity)], store: world.store });
    first.append("t", "e1");
    await first.deliver(world.alarms.take(), invocation);
    const record = await world.record("t");
    expect(record).toMatchObject({ status: "ready", tail: "e1" });
    expect(record).not.toHaveProperty("acted");
    await world.deliver(first.alarms.take());
    expect(collected.acted).toHaveLength(1);
  });

  it("keeps a large view in an item of its own, swapped with the tail; the old one is deleted (T5)", async () => {
    const collected = collecting({ pad: 5000 });
    const world = await started(collected, "e1");
    const first = await world.record("t");
    expect(first).toMatchObject({ viewRef: "1.1", viewVersion: 1 });
    expect(first).not.toHaveProperty("view");
    world.append("t", "e2");
    await world.signal("t");
    await world.drain();
    const second = await world.record("t");
    expect(second.viewRef).toBe("2.1");
    expect(collected.acted.at(-1)?.ids).toEqual(["e1", "e2"]);
    expect(await world.store.getView(second, "1.1")).toBeUndefined();
    expect(await world.store.getView(second, "2.1")).toBeDefined();
  });

  it("rebuilds from epoch when its view's item is gone", async () => {
    const collected = collecting({ pad: 5000 });
    const world = await started(collected, "e1", "e2");
    await world.store.deleteView(await world.record("t"), "1.1");
    world.append("t", "e3");
    await world.signal("t");
    await world.drain();
    expect(world.opened.at(-1)?.after).toBe("");
    expect(collected.acted.at(-1)?.ids).toEqual(["e1", "e2", "e3"]);
  });

  it.each(["{", "", "\u0000", "view"])("names a view that is no JSON, and keeps its tail: %j (T5)", async (view) => {
    const collected = collecting({ pad: 5000 });
    const world = await started(collected, "e1");
    await world.store.putView(await world.record("t"), "1.1", `${view}x`);
    world.append("t", "e2");
    await world.signal("t");
    await world.drain();
    expect(await world.record("t")).toMatchObject({
      status: "retrying",
      tail: "e1",
      error: { message: expect.stringMatching(/^view of thing\/collector@t: expected JSON, received /) },
    });
  });

  it("reports a result that is no decision, by task", async () => {
    const collected = collecting({ act: () => "done" as never });
    const world = await started(collected, "e1");
    expect((await world.record("t")).error?.message).toContain(
      'result of act of thing/collector@t: expected a decision, as caughtUp() or completed(), received "done"',
    );
  });

  it("refuses an apply that returns a copy instead of changing the view", async () => {
    const activity = defineActivity(thing, {
      name: "copier",
      view: { version: 1, initial: () => ({ n: 0 }) },
      apply: (view) => ({ n: view.n + 1 }) as never,
      act: async () => completed(),
    });
    const world = new World({ activities: [lazy(activity)] });
    world.append("t", "e1");
    await startTask(world.ports, activity, { thingId: "t" });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "retrying", tail: "epoch" });
  });
});
