import { describe, expect, it } from "vitest";
import { defineProcessor, type Run } from "../../functions/contract/activity.ts";
import { canceled, caughtUp } from "../../functions/contract/outcome.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/run/start.ts";
import { settle } from "../support/test-clock.ts";
import { thing, World } from "../support/world.ts";

async function startedWorld(activity: Parameters<typeof lazy>[0], ...ids: string[]) {
  const world = new World({ activities: [lazy(activity)] });
  world.append("t", ...ids);
  await startTask(world.ports, activity as never, { thingId: "t" } as never);
  return world;
}

describe("the deadline", () => {
  it("ends the stream quietly; a plain loop hands over from where it is, and nothing is skipped (T1)", async () => {
    const handed: string[] = [];
    const reader = defineProcessor(thing, {
      name: "reader",
      async processEvents(run, stream) {
        let tail = run.tail;
        for await (const { id } of stream) {
          handed.push(id);
          tail = id;
        }
        return caughtUp(tail);
      },
    });
    const world = await startedWorld(reader, "e1", "e2", "e3");
    const invocation = world.invocation();
    world.onEvent = (_thing, id) => {
      if (id === "e2") invocation.controller.abort();
    };
    await world.deliver(world.alarms.take(), invocation);
    expect(await world.record("t")).toMatchObject({ status: "ready", tail: "e1", attempts: 0 });
    world.onEvent = () => {};
    await world.drain();
    expect(handed).toEqual(["e1", "e2", "e3"]);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e3" });
  });

  it("that comes before any progress is an attempt, with backoff (rule 9)", async () => {
    const reader = defineProcessor(thing, { name: "reader", processEvents: async (run) => canceled(run.tail) });
    const world = await startedWorld(reader);
    await world.deliver(world.alarms.take());
    expect(await world.record("t")).toMatchObject({ status: "retrying", attempts: 1 });
  });

  it("gives a gRPC Canceled that is ours no log line", async () => {
    const invocationOf: { abort?: () => void } = {};
    const reader = defineProcessor(thing, {
      name: "reader",
      async processEvents(run) {
        run.advance(eventId("e1"));
        invocationOf.abort?.();
        throw run.signal.reason;
      },
    });
    const world = await startedWorld(reader, "e1");
    const invocation = world.invocation();
    invocationOf.abort = () => invocation.controller.abort();
    await world.deliver(world.alarms.take(), invocation);
    expect(await world.record("t")).toMatchObject({ status: "ready", tail: "e1" });
    expect(world.log).toEqual([]);
  });

  it("abandons an activity that ignores it; what that one still does cannot commit (rule 20)", async () => {
    let wayward: Run<typeof thing> | undefined;
    let goOn = () => {};
    const stubborn = defineProcessor(thing, {
      name: "stubborn",
      async processEvents(run) {
        if (wayward) return caughtUp(run.tail);
        wayward = run;
        run.advance(eventId("e1"));
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        return caughtUp(eventId("e9"));
      },
    });
    const world = await startedWorld(stubborn, "e1");
    const invocation = world.invocation();
    const delivered = world.deliver(world.alarms.take(), invocation);
    await settle();
    invocation.controller.abort();
    await world.clock.advance(invocation.abandonAt - world.clock.now());
    expect(await delivered).toEqual([]);
    expect(world.abandoned).toEqual(["thing/stubborn@t"]);
    const after = await world.record("t");
    expect(after).toMatchObject({ status: "ready", tail: "e1" });

    await expect(wayward?.checkpoint(eventId("e5"))).rejects.toMatchObject({ code: "lease-lost" });
    await expect(wayward?.start(stubborn, { thingId: "u" })).rejects.toMatchObject({ code: "lease-lost" });
    goOn();
    await settle();
    expect(await world.record("t")).toEqual(after);
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping" });
  });

  it("leaves what has not begun to a later delivery", async () => {
    const reader = defineProcessor(thing, { name: "reader", processEvents: async (run) => caughtUp(run.tail) });
    const world = await startedWorld(reader);
    const invocation = world.invocation();
    invocation.controller.abort();
    expect(await world.deliver(world.alarms.take(), invocation)).toMatchObject([{ code: "too-late" }]);
    expect(await world.record("t")).toMatchObject({ status: "ready", fence: 0 });
  });
});

describe("progress", () => {
  it("survives a throw: advanced in memory, checkpointed in the table", async () => {
    const seen: string[] = [];
    const reader = defineProcessor(thing, {
      name: "reader",
      async processEvents(run, stream) {
        for await (const { id } of stream) {
          seen.push(id);
          if (id === "e2") await run.checkpoint(id);
          else run.advance(id);
          if (id === "e3" && seen.length === 3) throw new Error("no route");
        }
        return caughtUp(eventId("e4"));
      },
    });
    const world = await startedWorld(reader, "e1", "e2", "e3", "e4");
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "retrying", tail: "e3", error: { afterEvent: "e3" } });
    await world.drainUntil(world.clock.now() + 60_000);
    expect(seen).toEqual(["e1", "e2", "e3", "e4"]);
  });

  it("checkpointed is where the next run begins after a kill", async () => {
    const after: string[] = [];
    const reader = defineProcessor(thing, {
      name: "reader",
      async processEvents(run) {
        after.push(run.tail);
        if (after.length > 1) return caughtUp(run.tail);
        await run.checkpoint(eventId("e2"));
        return new Promise(() => {});
      },
    });
    const world = await startedWorld(reader, "e1", "e2");
    const wakes = world.alarms.take();
    void world.deliver(wakes, { ...world.invocation(), abandonAt: Number.MAX_SAFE_INTEGER });
    await settle();
    world.clock.jump(((await world.record("t")).leaseUntil ?? 0) + 5_001);
    await world.deliver(wakes);
    expect(after).toEqual(["epoch", "e2"]);
  });
});
