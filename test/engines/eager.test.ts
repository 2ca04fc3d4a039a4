import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { tasksOf } from "../../functions/client.ts";
import { type Activity, defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, completed, silentRetryAfter } from "../../functions/contract/outcome.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import type { Limits } from "../../functions/engines/ports.ts";
import { type EagerReport, leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { Leadership, readLeader, startMissingLeaders } from "../../functions/leaders/leadership.ts";
import { startTask } from "../../functions/run/start.ts";
import { eagerBuckets } from "../../functions/tasks/record.ts";
import { quarantine } from "../../functions/tasks/transitions.ts";
import { measuredIn } from "../support/measured.ts";
import { settle } from "../support/test-clock.ts";
import { thing, World } from "../support/world.ts";

const shard = { shard: 0, shards: 1 };
const minute = 60_000;

/** Notes every event that it is handed, by thing. */
function noting() {
  const seen: Record<string, string[]> = {};
  const activity = defineProcessor(thing, {
    name: "reader",
    async processEvents(run, stream) {
      let tail = run.tail;
      for await (const { id } of stream) {
        const of = seen[run.address.thingId] ?? [];
        seen[run.address.thingId] = of;
        of.push(id);
        tail = id;
      }
      return caughtUp(tail);
    },
  });
  return { activity, seen };
}

class EagerWorld extends World {
  /** Starts a leader as the function would; `end` is its deadline. */
  hold(of = shard, remainingMs = 900_000) {
    const invocation = this.invocation(remainingMs);
    const report = leadEagerShard(this.ports, of, invocation);
    return {
      report,
      end: async (): Promise<EagerReport> => {
        invocation.controller.abort();
        for (let i = 0; i < 50; i++) await settle();
        return report;
      },
    };
  }
}

async function worldOf(activity: Activity<typeof thing>, things: readonly string[], limits: Partial<Limits> = {}) {
  const world = new EagerWorld({ activities: [eager(activity)], limits });
  for (const thingId of things) {
    world.append(thingId, "e1");
    await startTask(world.ports, activity, { thingId });
  }
  return world;
}

/** Lets a few rereads of the shard pass. */
const rereads = (world: World, seconds = 7) => world.clock.advance(seconds * 1000);

describe("a leader of eager tasks (rule 19)", () => {
  it("watches all tasks of its shard, and runs each as soon as it has an event", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t", "u"]);
    expect(world.alarms.take()).toEqual([]);
    const { end } = world.hold();
    await rereads(world);
    expect(seen).toEqual({ t: ["e1"], u: ["e1"] });
    expect(world.openStreams).toBe(2);
    world.append("t", "e2");
    world.append("u", "e2", "e3");
    await settle();
    expect(seen).toEqual({ t: ["e1", "e2"], u: ["e1", "e2", "e3"] });
    // One stream a task, however many events come.
    expect(world.opened).toHaveLength(2);
    expect(await world.record("t")).toMatchObject({ status: "running" });
    expect(await end()).toMatchObject({ ended: "handed over", watched: 2, runs: 2 });
  });

  it("commits everything at its deadline and wakes nobody; the successor goes on after the tails (T1)", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    const first = world.hold();
    await rereads(world);
    world.append("t", "e2");
    await settle();
    await first.end();
    expect(await world.record("t")).toMatchObject({ status: "ready", tail: "e2", fence: 1, attempts: 0, strikes: 0 });
    expect(world.alarms.take()).toEqual([]);
    expect(world.openStreams).toBe(0);
    world.append("t", "e3");
    const second = world.hold();
    await rereads(world);
    expect(seen).toEqual({ t: ["e1", "e2", "e3"] });
    expect(world.opened.map(({ after }) => after)).toEqual(["", "e2"]);
    await second.end();
  });

  it("whose last commits failed has left in order all the same: its successor takes the tasks over without a strike", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    const first = world.hold();
    await rereads(world);
    const update = world.store.update.bind(world.store);
    world.store.update = async () => {
      throw new Error("throttled");
    };
    await first.end();
    expect(await world.record("t")).toMatchObject({ status: "running", fence: 1 });
    const takenOver: unknown[] = [];
    world.store.update = async (key, change) => {
      const written = await update(key, change);
      if (change.operation === "acquire from an earlier leader") takenOver.push(written.record?.strikes);
      return written;
    };
    world.append("t", "e2");
    const second = world.hold();
    await rereads(world);
    expect(takenOver).toEqual([0]);
    expect(await world.record("t")).toMatchObject({ status: "running", fence: 2 });
    expect(seen).toEqual({ t: ["e1", "e2"] });
    await second.end();
  });

  it("asks for its successor in time, who waits until the shard is released", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    const first = world.hold(shard, 60_000);
    await rereads(world, 40);
    expect(world.alarms.leaders).toEqual([]);
    await rereads(world, 10);
    expect(world.alarms.leaders).toEqual(["eager-0-of-1"]);
    const second = world.hold();
    await rereads(world, 2);
    expect(world.openStreams).toBe(1);
    expect(await world.record("t")).toMatchObject({ fence: 1 });
    await first.end();
    await rereads(world, 1);
    expect(await world.record("t")).toMatchObject({ status: "running", fence: 2, strikes: 0 });
    await second.end();
  });

  it("finds the shard taken, and ends at once, while another leader lives", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    const first = world.hold();
    await rereads(world);
    expect(await world.hold().report).toMatchObject({ ended: "led by another", runs: 0 });
    await first.end();
  });

  it("that was killed is replaced once it has not beaten for 15 s and the skew: its tasks at once, not when their leases end", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    world.hold();
    await rereads(world);
    const before = await world.record("t");
    // Killed: nothing of it moves any more. Its lease is an invocation long.
    world.clock.jump(world.clock.now() + 20_001);
    expect(before.leaseUntil).toBeGreaterThan(world.clock.now() + 10 * minute);
    expect(await startMissingLeaders(world.ports)).toBe(1);
    world.append("t", "e2");
    const second = world.hold();
    await settle();
    await settle();
    expect(await world.record("t")).toMatchObject({ status: "running", fence: 2 });
    await rereads(world, 3);
    expect(seen.t?.slice(-1)).toEqual(["e2"]);
    await second.end();
  });

  it("that was replaced while it was frozen can change nothing any more (T2)", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    const first = world.hold();
    await rereads(world);
    world.clock.jump(world.clock.now() + 20_001);
    const second = world.hold();
    for (let i = 0; i < 20; i++) await settle();
    const held = await world.record("t");
    expect(held).toMatchObject({ fence: 2 });
    // It thaws: its timers fire, it sees an event, and wants to write.
    world.append("t", "e2");
    await rereads(world, 10);
    expect(await first.report).toMatchObject({ ended: "lost" });
    expect(await world.record("t")).toMatchObject({ fence: 2, token: held.token, tail: "e2" });
    await second.end();
  });

  it("lets a task that is started meanwhile join within seconds", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    const { end } = world.hold();
    await rereads(world);
    world.append("new", "e1");
    await startTask(world.ports, activity, { thingId: "new" });
    await rereads(world, 3);
    expect(seen.new).toEqual(["e1"]);
    await end();
  });

  it("looks only at the buckets of its own shard, and all shards together at all", async () => {
    const { activity, seen } = noting();
    const things = Array.from({ length: 40 }, (_, i) => `t${i}`);
    const world = await worldOf(activity, things, { eagerShards: 3 });
    const leaders = [0, 1, 2].map((n) => world.hold({ shard: n, shards: 3 }));
    await rereads(world);
    expect(Object.keys(seen).sort()).toEqual([...things].sort());
    for (const one of Object.values(seen)) expect(one).toEqual(["e1"]);
    const reports = await Promise.all(leaders.map(({ end }) => end()));
    expect(reports.reduce((sum, { watched }) => sum + watched, 0)).toBe(40);
    expect(Math.max(...reports.map(({ watched }) => watched))).toBeLessThan(40);
    expect(eagerBuckets % 3).not.toBe(0);
  });

  it("says once that it has more tasks than it may watch; they have their turn when others end", async () => {
    const things = Array.from({ length: 5 }, (_, i) => `t${i}`);
    let done = false;
    const activity = defineProcessor(thing, {
      name: "reader",
      async processEvents(run, stream) {
        let tail = run.tail;
        for await (const { id } of stream) tail = id;
        return done ? completed(tail) : caughtUp(tail);
      },
    });
    const world = await worldOf(activity, things, { eagerWatches: 2 });
    const { end } = world.hold();
    await rereads(world);
    expect(world.openStreams).toBe(2);
    expect(world.log.filter(({ message }) => message.startsWith("shard full"))).toHaveLength(1);
    done = true;
    for (const thingId of things) world.append(thingId, "e2");
    await rereads(world, 30);
    for (const thingId of things) expect(await world.record(thingId)).toMatchObject({ status: "completed" });
    await end();
  });

  it("writes a busy stream's progress once a second, and at the latest at the end", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    const { end } = world.hold();
    await rereads(world);
    let writes = 0;
    const update = world.store.update.bind(world.store);
    world.store.update = (key, change) => {
      writes++;
      return update(key, change);
    };
    for (let i = 2; i <= 101; i++) {
      world.append("t", `e${i}`);
      await world.clock.advance(50);
    }
    expect(writes).toBeGreaterThanOrEqual(4);
    expect(writes).toBeLessThanOrEqual(6);
    await world.clock.advance(1_000);
    expect(await world.record("t")).toMatchObject({ tail: "e101" });
    world.append("t", "e102");
    await settle();
    await end();
    expect(await world.record("t")).toMatchObject({ tail: "e102", status: "ready" });
  });

  it("does not write at all while nothing happens", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    const { end } = world.hold();
    await rereads(world);
    const before = await world.record("t");
    await rereads(world, 600);
    expect(await world.record("t")).toEqual(before);
    await end();
  });

  it("opens a stream again that ends at once, ever later and no faster than every 10 s or so", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    world.onOpen = () => {};
    const { end } = world.hold();
    await rereads(world);
    world.endWatches = true;
    world.append("t", "e2");
    const before = world.opened.length;
    await rereads(world, 120);
    const opens = world.opened.length - before;
    expect(opens).toBeGreaterThan(5);
    expect(opens).toBeLessThan(20);
    world.endWatches = false;
    await end();
  });

  it("goes on after an upstream's failure when the retry is due, without a bus wake", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    let broken = true;
    world.onOpen = () => {
      if (broken) throw new ConnectError("no", Code.Internal);
    };
    const { end } = world.hold();
    await rereads(world);
    expect(await world.record("t")).toMatchObject({ status: "retrying", attempts: 1 });
    broken = false;
    await rereads(world, 60);
    expect(await world.record("t")).toMatchObject({ status: "running", attempts: 0, tail: "e1" });
    expect(seen.t).toEqual(["e1"]);
    expect(world.alarms.take()).toEqual([]);
    await end();
  });

  it("keeps a silentRetryAfter's wait, without a stream, and runs it then", async () => {
    const times: number[] = [];
    const activity = defineProcessor(thing, {
      name: "reader",
      async processEvents(run) {
        times.push(run.now().getTime());
        return times.length === 1
          ? silentRetryAfter(run.tail, new Date((times[0] as number) + 120_000))
          : caughtUp(run.tail);
      },
    });
    const world = await worldOf(activity, ["t"]);
    const { end } = world.hold();
    await rereads(world, 60);
    expect(times).toHaveLength(1);
    expect(world.openStreams).toBe(0);
    await rereads(world, 70);
    expect(times).toHaveLength(2);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeLessThan(124_000);
    await end();
  });

  it("leaves tasks of an upstream that is out alone, and takes them when it is back (rule 12)", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    for (let i = 0; i < 5; i++) world.health.failed(new ConnectError("out", Code.Unavailable));
    await world.ports.breakers.report("things");
    const { end } = world.hold();
    await settle();
    expect(await world.record("t")).toMatchObject({ status: "ready", fence: 0 });
    await rereads(world, 20);
    expect(seen.t).toEqual(["e1"]);
    await end();
  });
});

describe("what others do to an eager task", () => {
  it("pausing ends its run within seconds, and resuming brings it back", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    const { end } = world.hold();
    await rereads(world);
    const tasks = tasksOf(world.ports);
    const task = { activity, address: { thingId: "t" } };
    await tasks.pause(task);
    await rereads(world);
    expect(world.openStreams).toBe(0);
    expect(await world.record("t")).toMatchObject({ status: "ready", paused: true });
    world.append("t", "e2");
    await rereads(world);
    expect(seen.t).toEqual(["e1"]);
    await tasks.resume(task);
    await world.drain();
    await rereads(world);
    expect(seen.t).toEqual(["e1", "e2"]);
    await end();
  });

  it("rewinding it while it runs fences its run out; it starts over from the given tail (T2)", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    world.append("t", "e2");
    const { end } = world.hold();
    await rereads(world);
    await tasksOf(world.ports).rewind({ activity, address: { thingId: "t" } }, "epoch", { force: true });
    await world.drain();
    await rereads(world);
    expect(seen.t).toEqual(["e1", "e2", "e1", "e2"]);
    expect(await world.record("t")).toMatchObject({ status: "running", tail: "e2" });
    await end();
  });

  it("an operator's wake makes a watching one act, and a waiting one run", async () => {
    const acts: string[] = [];
    const activity = defineActivity(thing, {
      name: "reader",
      view: { version: 1, initial: () => ({ n: 0 }) },
      apply(view) {
        view.n++;
      },
      async act(_view, run) {
        acts.push(run.wokenBy);
        return caughtUp();
      },
    });
    const world = await worldOf(activity, ["t"]);
    const { end } = world.hold();
    await rereads(world);
    expect(acts).toHaveLength(1);
    await tasksOf(world.ports).wake({ activity, address: { thingId: "t" } });
    await world.drain();
    await rereads(world);
    expect(acts).toHaveLength(2);
    expect(acts[1]).toBe("operator");
    await end();
  });

  it("an operator's wake is not kept waiting by a retry that the leader knows of", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    let broken = true;
    world.onOpen = () => {
      if (broken) throw new ConnectError("no", Code.InvalidArgument);
    };
    const { end } = world.hold();
    await rereads(world, 200);
    broken = false;
    const { notBefore = 0 } = await world.record("t");
    expect(notBefore - world.clock.now()).toBeGreaterThan(10_000);
    await tasksOf(world.ports).wake({ activity, address: { thingId: "t" } });
    await world.drain();
    await rereads(world, 4);
    expect(seen.t).toEqual(["e1"]);
    await end();
  });

  it("pausing its upstream ends its watch within seconds, and resuming brings it back (rule 12)", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    const { end } = world.hold();
    await rereads(world);
    await tasksOf(world.ports).pauseUpstream("things", "moving");
    await rereads(world, 10);
    expect(world.openStreams).toBe(0);
    world.append("t", "e2");
    await rereads(world, 60);
    expect(seen.t).toEqual(["e1"]);
    await tasksOf(world.ports).resumeUpstream("things");
    await rereads(world, 300);
    expect(seen.t).toEqual(["e1", "e2"]);
    await end();
  });

  it("an outage has a few watches say so, not all; they wait with the breaker and go on after their tails", async () => {
    const { activity, seen } = noting();
    const things = Array.from({ length: 50 }, (_, i) => `t${i}`);
    const world = await worldOf(activity, things);
    const { end } = world.hold();
    await rereads(world);
    world.onOpen = () => {
      throw new ConnectError("out", Code.ResourceExhausted);
    };
    world.endWatches = true;
    for (const thingId of things) world.append(thingId, "e2");
    await rereads(world, 120);
    expect(world.log.filter(({ message }) => message === "failed").length).toBeLessThan(15);
    expect(world.log.filter(({ message }) => message === "upstream is out").length).toBeGreaterThan(0);
    world.onOpen = () => {};
    world.endWatches = false;
    for (const thingId of things) world.append(thingId, "e3");
    await rereads(world, 900);
    for (const thingId of things) expect(seen[thingId]).toEqual(["e1", "e2", "e3"]);
    await end();
  });

  it("a signal costs nothing while it is watched", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    const { end } = world.hold();
    await rereads(world);
    const before = await world.record("t");
    expect(await world.deliver([{ class: "signal", entity: "t" }])).toEqual([]);
    expect(await world.record("t")).toEqual(before);
    await end();
  });

  it("binding its activity to another engine moves it there, and back, with its tail", async () => {
    const { activity, seen } = noting();
    const world = await worldOf(activity, ["t"]);
    const first = world.hold();
    await rereads(world);
    await first.end();
    const asLazy = new EagerWorld({ activities: [lazy(activity)], store: world.store });
    asLazy.histories.set("t", ["e1", "e2"]);
    asLazy.clock.jump(world.clock.now());
    await asLazy.clock.advance(4 * minute);
    await asLazy.tick();
    await asLazy.drain();
    expect(await asLazy.record("t")).toMatchObject({ engine: "lazy", status: "sleeping", tail: "e2" });
    expect(await asLazy.record("t")).not.toHaveProperty("eagerBucket");
    const again = new EagerWorld({ activities: [eager(activity)], store: world.store });
    again.histories.set("t", ["e1", "e2", "e3"]);
    again.clock.jump(asLazy.clock.now());
    await again.clock.advance(20 * minute);
    const second = again.hold();
    await rereads(again);
    expect(again.opened).toEqual([]);
    await again.tick();
    await rereads(again);
    expect(seen.t).toEqual(["e1", "e2", "e3"]);
    await second.end();
  });
});

describe("a level 2 activity in the eager engine", () => {
  it("acts once caught up, then on news, in one run; view and tail move together (T5)", async () => {
    const acts: number[] = [];
    const activity = defineActivity(thing, {
      name: "reader",
      view: { version: 1, initial: () => ({ events: 0 }) },
      apply(view) {
        view.events++;
      },
      async act(view) {
        acts.push(view.events);
        return view.events >= 5 ? completed() : caughtUp();
      },
    });
    const world = await worldOf(activity, ["t"]);
    world.append("t", "e2");
    const { end } = world.hold();
    await rereads(world);
    expect(acts).toEqual([2]);
    expect(await world.record("t")).toMatchObject({ tail: "e2", acted: "e2", view: '{"events":2}' });
    world.append("t", "e3");
    await rereads(world);
    expect(acts).toEqual([2, 3]);
    expect(await world.record("t")).toMatchObject({ tail: "e3", acted: "e3", view: '{"events":3}', fence: 1 });
    world.append("t", "e4", "e5");
    await rereads(world);
    expect(acts).toEqual([2, 3, 5]);
    expect(await world.record("t")).toMatchObject({ status: "completed", tail: "e5" });
    await end();
  });

  it("starts its view over when the server no longer knows its tail, and is not told twice of what it acted on (rule 18)", async () => {
    const views: string[][] = [];
    const activity = defineActivity(thing, {
      name: "reader",
      view: { version: 1, initial: (): { ids: string[] } => ({ ids: [] }) },
      apply(view, { id }) {
        view.ids.push(id);
      },
      async act(view) {
        views.push([...view.ids]);
        return caughtUp();
      },
    });
    const world = await worldOf(activity, ["t"]);
    const first = world.hold();
    await rereads(world);
    await first.end();
    world.histories.set("t", ["f1", "f2"]);
    const second = world.hold();
    await rereads(world);
    expect(views).toEqual([["e1"], ["f1", "f2"]]);
    await second.end();
  });
});

describe("children of eager tasks (rule 13)", () => {
  it("are awaited without a stream and without a slot; their end brings the parent back within seconds", async () => {
    let finish = false;
    const child = defineProcessor(thing, {
      name: "child",
      async processEvents(run) {
        return finish ? completed(run.tail) : caughtUp(run.tail);
      },
    });
    const woken: string[] = [];
    const parent = defineActivity(thing, {
      name: "parent",
      view: { version: 1, initial: () => ({ n: 0 }) },
      apply(view) {
        view.n++;
      },
      async act(_view, run) {
        woken.push(run.wokenBy);
        const status = await run.start(child, { thingId: "c" }, { wake: true });
        return status === "completed" ? completed() : caughtUp();
      },
    });
    const world = new EagerWorld({ activities: [eager(parent), eager(child)] });
    world.append("p", "e1");
    await startTask(world.ports, parent, { thingId: "p" });
    const { end } = world.hold();
    await rereads(world);
    expect(await world.record("p")).toMatchObject({ status: "sleeping", awaiting: true });
    expect(await world.record("c")).toMatchObject({ status: "running" });
    finish = true;
    world.append("c", "e1");
    await rereads(world);
    expect(await world.record("c")).toMatchObject({ status: "completed" });
    expect(await world.record("p")).toMatchObject({ status: "completed" });
    expect(woken).toEqual(["start", "child"]);
    await end();
  });

  it("do not keep the parent from its own events", async () => {
    const child = defineProcessor(thing, { name: "child", processEvents: async (run) => caughtUp(run.tail) });
    const acts: number[] = [];
    const parent = defineActivity(thing, {
      name: "parent",
      view: { version: 1, initial: () => ({ n: 0 }) },
      apply(view) {
        view.n++;
      },
      async act(view, run) {
        acts.push(view.n);
        await run.start(child, { thingId: "c" }, { wake: true });
        return caughtUp();
      },
    });
    const world = new EagerWorld({ activities: [eager(parent), eager(child)] });
    world.append("p", "e1");
    await startTask(world.ports, parent, { thingId: "p" });
    const { end } = world.hold();
    await rereads(world);
    world.append("p", "e2");
    await world.signal("p");
    await world.drain();
    await rereads(world);
    expect(acts).toEqual([1, 2]);
    await end();
  });
});

describe("an eager task that kills its leader (rule 8)", () => {
  it("runs alone after the second time, in the lazy function; the others watch on, and it joins them when it behaves", async () => {
    let deadly = true;
    const handed: string[] = [];
    const activity = defineProcessor(thing, {
      name: "reader",
      async processEvents(run, stream) {
        if (deadly && run.address.thingId === "bad") return new Promise(() => {});
        let tail = run.tail;
        for await (const { id } of stream) {
          handed.push(`${run.address.thingId}/${id}`);
          tail = id;
        }
        return caughtUp(tail);
      },
    });
    const world = await worldOf(activity, ["bad", "good"]);
    for (let deaths = 0; deaths < 2; deaths++) {
      world.hold();
      await rereads(world);
      world.clock.jump(world.clock.now() + 20_001);
    }
    expect(await world.record("bad")).toMatchObject({ status: "running", strikes: 1 });
    const refused: string[] = [];
    const update = world.store.update.bind(world.store);
    world.store.update = async (key, change) => {
      const written = await update(key, change);
      if (!written.applied && change.operation.startsWith("acquire")) refused.push(change.operation);
      return written;
    };
    const third = world.hold();
    for (let i = 0; i < 20; i++) await settle();
    expect(await world.record("bad")).toMatchObject({ status: "ready", strikes: 2 });
    expect(world.alarms.quarantined).toMatchObject([{ class: "rescue", key: { entity: "bad" } }]);
    await rereads(world, 30);
    expect(await world.record("good")).toMatchObject({ status: "running", strikes: 0 });
    expect(refused).toEqual([]);
    deadly = false;
    const quarantined = world.alarms.quarantined.splice(0);
    expect(await world.deliver(quarantined)).toEqual([]);
    expect(await world.record("bad")).toMatchObject({ status: "sleeping", strikes: 0, tail: "e1" });
    await rereads(world, 20);
    expect(await world.record("bad")).toMatchObject({ status: "running", strikes: 0 });
    expect(handed.filter((one) => one === "good/e1")).toHaveLength(1);
    await third.end();
  });

  it("is sent again by the tick if that wake was lost, and parked at its activity's limit", async () => {
    const activity = defineProcessor(thing, {
      name: "reader",
      parkAfterAttempts: 3,
      processEvents: () => new Promise(() => {}),
    });
    const world = await worldOf(activity, ["bad"]);
    const first = world.hold();
    await rereads(world);
    const { token = "" } = await world.record("bad");
    const key = { entity: "bad", kind: "thing", activity: "reader" };
    await world.store.update(key, quarantine(token, world.clock.now()));
    const { fence } = await world.record("bad");
    expect(fence).toBe(2);
    await world.edit(key, { strikes: 2 });
    // Its activity never returns: the leader goes on without it after the grace.
    void first.end();
    await world.clock.advance(15 * minute);
    expect(await world.tick()).toMatchObject({ rescued: 1 });
    for (let deaths = 0; deaths < 2; deaths++) {
      const quarantined = world.alarms.quarantined.splice(0);
      expect(quarantined).toHaveLength(1);
      void world.deliver(quarantined);
      await settle();
      const { leaseUntil = 0 } = await world.record("bad");
      world.clock.jump(leaseUntil + 10 * minute);
      await world.tick();
    }
    expect(await world.record("bad")).toMatchObject({
      status: "parked",
      error: { message: expect.stringContaining("died") },
    });
  });
});

describe("a place that is held", () => {
  it("is claimed by one of many", async () => {
    const world = new World({ activities: [] });
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, i) => Leadership.claim(world.ports, "signals", `owner-${i}`)),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
  });

  it("is kept by beats, and is free 15 s and the skew after the last", async () => {
    const world = new World({ activities: [] });
    const leadership = (await Leadership.claim(world.ports, "signals", "a")) as Leadership;
    const over = new AbortController();
    const beating = leadership.beat(over.signal, world.ports.log);
    await world.clock.advance(300_000);
    expect(await Leadership.claim(world.ports, "signals", "b")).toBeUndefined();
    over.abort();
    await beating;
    const { state } = await readLeader(world.ports.control, "signals");
    world.clock.jump((state?.aliveUntil ?? 0) + 5_000);
    expect(await Leadership.claim(world.ports, "signals", "b")).toBeUndefined();
    world.clock.jump((state?.aliveUntil ?? 0) + 5_001);
    expect(await Leadership.claim(world.ports, "signals", "b")).toMatchObject({ epoch: 2 });
  });

  it("notices that it was lost, and writes nothing over its successor", async () => {
    const world = new World({ activities: [] });
    const first = (await Leadership.claim(world.ports, "signals", "a")) as Leadership;
    world.clock.jump(world.clock.now() + 60_000);
    await Leadership.claim(world.ports, "signals", "b");
    const before = await world.ports.control.read("holder#signals");
    expect(await first.release()).toBe(false);
    expect(first.lost.aborted).toBe(true);
    expect(await world.ports.control.read("holder#signals")).toEqual(before);
  });

  it("finds that a claim whose answer was lost is its own (rule 5)", async () => {
    const world = new World({ activities: [] });
    const { control } = world.ports;
    const write = control.write.bind(control);
    control.write = async (...args) => {
      await write(...args);
      return undefined;
    };
    const leadership = await Leadership.claim(world.ports, "signals", "a");
    control.write = write;
    expect(leadership).toMatchObject({ epoch: 1 });
    expect(await leadership?.release()).toBe(true);
  });

  it("is not started by ticks for engines that the app does not use", async () => {
    const { activity } = noting();
    for (const bound of [lazy(activity), cron(activity, { everyMinutes: 1 })]) {
      const world = new World({ activities: [bound] });
      expect(await world.tick()).toMatchObject({ leaders: 0 });
    }
    const world = new World({ activities: [eager(activity)], limits: { eagerShards: 2 } });
    expect(await world.tick()).toMatchObject({ leaders: 2 });
    expect(world.alarms.leaders).toEqual(["eager-0-of-2", "eager-1-of-2"]);
  });
});

describe("the measurements of a leader of eager tasks", () => {
  it("are the milliseconds from the release of the shard until the next leader's first stream is open", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t", "u"]);
    const measured = measuredIn(world);
    const first = world.hold();
    await rereads(world);
    expect(measured.of("HandOverGapMs")).toEqual([]);
    await first.end();
    world.clock.jump(world.clock.now() + 400);
    world.onOpen = () => world.clock.jump(world.clock.now() + 30);
    const second = world.hold();
    await rereads(world);
    const gaps = measured.of("HandOverGapMs");
    expect(gaps).toHaveLength(1);
    expect(gaps[0]?.[0]).toBeGreaterThanOrEqual(430);
    expect(gaps[0]?.[0]).toBeLessThanOrEqual(460);
    await second.end();
  });

  it("are nothing of a task that was not there to be taken over", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, []);
    const measured = measuredIn(world);
    await world.hold().end();
    const { end } = world.hold();
    await rereads(world, 600);
    world.append("t", "e1");
    await startTask(world.ports, activity, { thingId: "t" });
    await rereads(world);
    await end();
    expect(measured.of("Events")).toEqual([[1, { activity: "reader" }]]);
    expect(measured.of("HandOverGapMs")).toEqual([]);
  });

  it("are nothing where the version that released the shard did not say when", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    const measured = measuredIn(world);
    const released = { epoch: 1, owner: "a", aliveUntil: 0, released: 1 };
    await world.ports.control.write("holder#eager-0-of-1", released, "any");
    const { end } = world.hold();
    await rereads(world);
    await end();
    expect(measured.of("RunMs").length).toBeGreaterThan(0);
    expect(measured.of("HandOverGapMs")).toEqual([]);
  });

  it("count the leases of a leader that was killed, and none of one that has released its shard", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    const measured = measuredIn(world);
    const first = world.hold();
    await rereads(world);
    await first.end();
    world.hold();
    await rereads(world);
    expect(measured.of("LeasesExpired")).toEqual([]);
    world.clock.jump(world.clock.now() + 30_000);
    const third = world.hold();
    await rereads(world);
    expect(measured.of("LeasesExpired")).toEqual([[1, {}]]);
    await third.end();
  });

  it("are of each pass of a watching run: its own milliseconds and events", async () => {
    const { activity } = noting();
    const world = await worldOf(activity, ["t"]);
    const measured = measuredIn(world);
    const { end } = world.hold();
    await rereads(world);
    await world.clock.advance(60_000);
    world.append("t", "e2", "e3");
    await settle();
    await end();
    expect(measured.of("Events")).toEqual([
      [1, { activity: "reader" }],
      [2, { activity: "reader" }],
    ]);
    expect(measured.of("RunMs").every(([ms]) => ms < 1_000)).toBe(true);
    expect(measured.of("Runs").length).toBe(2);
  });
});
