import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, retry } from "../../functions/contract/outcome.ts";
import { epoch, eventId, type Tail } from "../../functions/contract/tail.ts";
import { eager, lazy } from "../../functions/engines/binding.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { startTask } from "../../functions/run/start.ts";
import { thing, World } from "../support/world.ts";

const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

type Processor = Parameters<typeof defineProcessor<typeof thing>>[1];

async function worldOf(processEvents: Processor["processEvents"], parkAfterAttempts: number, ...ids: string[]) {
  const activity = defineProcessor(thing, { name: "reader", parkAfterAttempts, processEvents });
  const world = new World({ activities: [lazy(activity)] });
  world.append("t", ...ids);
  await startTask(world.ports, activity, { thingId: "t" });
  return world;
}

const messagesOf = (world: World) => world.log.map(({ message }) => message);
const waitsOf = (world: World) =>
  world.log.flatMap(({ message, fields }) => (message === "failed" ? [fields.retryInMs] : []));

describe("attempts: a task whose stream is cut", () => {
  it("after each hundredth event reads on after the first backoff each time, and is not parked (rule 9)", async () => {
    const ids = Array.from({ length: 3_000 }, (_, i) => `e${i + 1}`);
    const handed: string[] = [];
    const world = await worldOf(
      async (run, stream) => {
        for await (const { id } of stream) {
          handed.push(id);
          run.advance(id);
        }
        return caughtUp(eventId(handed.at(-1) ?? ""));
      },
      5,
      ...ids,
    );
    let sent = 0;
    world.onOpen = () => {
      sent = 0;
    };
    world.onEvent = () => {
      if (sent++ === 100) throw new ConnectError("cut", Code.Unavailable);
    };
    await world.drainUntil(start + hour);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e3000", attempts: 0 });
    expect(handed).toEqual(ids);
    expect(waitsOf(world)).toEqual(Array(29).fill(15_000));
  });

  it("while its view is folded has the same, though its act is not reached (rule 9)", async () => {
    const activity = defineActivity(thing, {
      name: "counter",
      parkAfterAttempts: 2,
      view: { version: 1, initial: () => ({ events: 0 }) },
      apply(view) {
        view.events++;
      },
      act: async () => caughtUp(),
    });
    const world = new World({ activities: [lazy(activity)] });
    world.append("t", "e1", "e2", "e3", "e4");
    await startTask(world.ports, activity, { thingId: "t" });
    let sent = 0;
    world.onOpen = () => {
      sent = 0;
    };
    world.onEvent = () => {
      if (sent++ === 1) throw new ConnectError("cut", Code.Unavailable);
    };
    await world.drainUntil(start + hour);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e4", view: '{"events":4}' });
    expect(waitsOf(world)).toEqual([15_000, 15_000, 15_000]);
  });

  it("at the same event each time is parked at its limit (rule 9)", async () => {
    const world = await worldOf(
      async (run, stream) => {
        for await (const { id } of stream) run.advance(id);
        return caughtUp(run.tail);
      },
      3,
      "e1",
      "e2",
    );
    world.onEvent = (_thing, id) => {
      if (id === "e2") throw new ConnectError("no", Code.PermissionDenied);
    };
    await world.drainUntil(start + hour);
    // The first run got to e1. Those after it got no further.
    expect(await world.record("t")).toMatchObject({ status: "parked", tail: "e1", attempts: 3 });
    expect(waitsOf(world)).toEqual([15_000, 30_000, undefined]);
  });
});

describe("attempts: a task that is parked at its limit all the same (rule 9)", () => {
  const goingBackTo = (tail: (run: { readonly attempt: number }) => Tail) =>
    worldOf(
      async (run, stream) => {
        for await (const { id } of stream) run.advance(id);
        return retry(tail(run), new Error("no route"));
      },
      3,
      "e1",
      "e2",
    );

  it("goes back to epoch each time", async () => {
    const world = await goingBackTo(() => epoch);
    await world.drainUntil(start + hour);
    expect(await world.record("t")).toMatchObject({ status: "parked", tail: epoch, attempts: 3 });
    expect(messagesOf(world)).toEqual(["failed", "failed", "failed", "parked"]);
  });

  it("goes back to the same event each time, from the second run on", async () => {
    const world = await goingBackTo(() => eventId("e1"));
    await world.drainUntil(start + hour);
    expect(await world.record("t")).toMatchObject({ status: "parked", tail: "e1", attempts: 3 });
    expect(world.opened.map(({ after }) => after)).toEqual(["", "e1", "e1"]);
  });

  it("has an act that always fails, though events keep coming", async () => {
    let count = 1;
    const activity = defineActivity(thing, {
      name: "failing",
      parkAfterAttempts: 4,
      view: { version: 1, initial: () => ({ events: 0 }) },
      apply(view) {
        view.events++;
      },
      async act() {
        world.append("t", `e${++count}`);
        throw new Error("no route");
      },
    });
    const world = new World({ activities: [lazy(activity)] });
    world.append("t", "e1");
    await startTask(world.ports, activity, { thingId: "t" });
    await world.drainUntil(start + hour);
    expect(await world.record("t")).toMatchObject({ status: "parked", tail: "e4", attempts: 4 });
    expect(waitsOf(world)).toEqual([15_000, 30_000, 60_000, undefined]);
  });

  it("watches, and has caught up with a view that cannot be stored", async () => {
    const activity = defineActivity(thing, {
      name: "unstorable",
      parkAfterAttempts: 3,
      view: { version: 1, initial: () => ({ at: 0 }) },
      apply(view) {
        view.at = Number.NaN;
      },
      act: async () => caughtUp(),
    });
    const world = new World({ activities: [eager(activity)] });
    world.append("t", "e1");
    await startTask(world.ports, activity, { thingId: "t" });
    await world.edit(await world.record("t"), { attempts: 1 });
    const invocation = world.invocation(900_000);
    const led = leadEagerShard(world.ports, { shard: 0, shards: 1 }, invocation);
    await world.clock.advance(120_000);
    expect(await world.record("t")).toMatchObject({ status: "parked", tail: epoch, attempts: 3 });
    invocation.controller.abort();
    await led;
  });
});

describe("attempts: a task that is told of a signal in each pass", () => {
  /** Signals that are about something else, as many as given: each is recorded while the stream is opened. */
  async function signaled(signals: number) {
    const world = await worldOf(async (run) => caughtUp(run.tail), 3);
    let left = signals;
    world.onOpen = async () => {
      if (left-- > 0) await world.deliver([{ class: "signal", entity: "t" }]);
    };
    return world;
  }

  it("hands over after ten passes at once, without an attempt: each of them caught up (rules 9 and 10)", async () => {
    const world = await signaled(10);
    await world.deliver(world.alarms.take());
    expect(world.opened).toHaveLength(10);
    expect(await world.record("t")).toMatchObject({ status: "ready", tail: epoch, attempts: 0, fence: 1 });
    expect(world.alarms.next).toBe(start);
    expect(world.alarms.take()).toEqual([expect.objectContaining({ class: "handOver", fence: 1 })]);
  });

  it("is not parked, and has a run for each ten signals and one more at most (rules 9 and 10)", async () => {
    const world = await signaled(95);
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", attempts: 0, fence: 10, wakeCount: 95 });
    expect(world.opened).toHaveLength(96);
    expect(world.clock.now()).toBe(start);
    expect(messagesOf(world)).toEqual([]);
  });

  it("and fails in the second has failed once: the first caught up (rule 9)", async () => {
    let passes = 0;
    const world = await worldOf(async (run) => {
      if (++passes === 2) throw new Error("no route");
      return caughtUp(run.tail);
    }, 3);
    await world.edit(await world.record("t"), { attempts: 2 });
    world.onOpen = async () => void (await world.deliver([{ class: "signal", entity: "t" }]));
    await world.deliver(world.alarms.take());
    expect(await world.record("t")).toMatchObject({ status: "retrying", attempts: 1 });
  });
});
