import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { defineStream } from "../../functions/contract/stream.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { startTask } from "../../functions/run/start.ts";
import { start } from "../../functions/tasks/transitions.ts";
import { settle } from "../support/test-clock.ts";
import { reader, World } from "../support/world.ts";

const wake = (detail: object, detailType = "Wake") => ({ source: "tailwake", "detail-type": detailType, detail });
const good = { class: "signal", entity: "t" } as const;

async function sleepingWorld() {
  const world = new World({ activities: [lazy(reader)] });
  world.append("t", "e1");
  await startTask(world.ports, reader, { thingId: "t" });
  await world.drain();
  world.append("t", "e2");
  return world;
}

const bad: readonly {
  readonly what: string;
  readonly message: object;
  readonly code: string;
  readonly names: string;
}[] = [
  {
    what: "a signal without an entity",
    message: wake({}, "Signal"),
    code: "malformed-message",
    names: "detail.entity",
  },
  {
    what: "a signal whose entity is no text",
    message: wake({ entity: 7 }, "Signal"),
    code: "malformed-message",
    names: "detail.entity",
  },
  {
    what: "a signal of an unknown kind",
    message: wake({ entity: "t", kind: "river" }, "Signal"),
    code: "unknown-kind",
    names: "river",
  },
  {
    what: "a wake for an unknown task",
    message: wake({ class: "rescue", entity: "nobody", kind: "thing", activity: "reader" }),
    code: "unknown-task",
    names: "thing/reader@nobody",
  },
  {
    what: "a wake for an activity that is not in the app",
    message: wake({ class: "rescue", entity: "t", kind: "thing", activity: "writer" }),
    code: "unknown-activity",
    names: "thing/writer",
  },
  {
    what: "a wake of an unknown kind",
    message: wake({ class: "rescue", entity: "t", kind: "river", activity: "reader" }),
    code: "unknown-kind",
    names: "river",
  },
  {
    what: "a wake of an unknown class",
    message: wake({ class: "shout", entity: "t", kind: "thing", activity: "reader" }),
    code: "malformed-message",
    names: "detail.class",
  },
  {
    what: "a timer without its fence",
    message: wake({ class: "timer", entity: "t", kind: "thing", activity: "reader" }),
    code: "malformed-message",
    names: "detail.fence",
  },
  {
    what: "an entity id that fits into no key",
    message: wake({ entity: "🦆".repeat(257) }, "Signal"),
    code: "malformed-message",
    names: "detail.entity",
  },
  {
    what: "an entity id with half of a character",
    message: wake({ entity: "\ud83e" }, "Signal"),
    code: "malformed-message",
    names: "detail.entity",
  },
  {
    what: "a wake at a time that no schedule can name",
    message: wake({ class: "child", entity: "t", kind: "thing", activity: "reader", notBefore: 8.65e15 }),
    code: "malformed-message",
    names: "detail.notBefore",
  },
  {
    what: "an unknown detail type",
    message: wake({ entity: "t" }, "Shout"),
    code: "malformed-message",
    names: "detail-type",
  },
  {
    what: "an event that no stream declares",
    message: { source: "rain", "detail-type": "Drop", detail: {} },
    code: "malformed-message",
    names: '"rain" / "Drop"',
  },
  { what: "an envelope without a source", message: { detail: {} }, code: "malformed-message", names: "field source" },
  {
    what: "a user's signal with a bad address",
    message: { source: "things", "detail-type": "ThingChanged", detail: { id: "" } },
    code: "invalid-argument",
    names: "address.thingId",
  },
];

describe("a batch", () => {
  it.each(bad)(
    "fails $what alone, with an error that names it; no tail moves for it",
    async ({ message, code, names }) => {
      const world = await sleepingWorld();
      const before = await world.record("t");
      const [error, ...more] = await world.deliver([message]);
      expect(more).toEqual([]);
      expect(error).toMatchObject({ code });
      expect(String(error)).toContain(names);
      expect(await world.record("t")).toEqual(before);
      expect(world.log.at(-1)).toMatchObject({ level: "error", message: "delivery failed", fields: { code } });

      expect(await world.deliver([message, good])).toHaveLength(1);
      expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e2" });
    },
  );

  it("names the event whose detail the author's signal could not read", async () => {
    const trusting = defineStream({
      kind: "order",
      upstream: "things",
      method: Repos.method.events,
      address: ["orderId"],
      request: () => ({}),
      read: () => ({ events: [] }),
      signals: [
        { source: "orders", detailType: "OrderChanged", address: (detail) => ({ orderId: Object(detail).order.id }) },
      ],
    });
    const activity = defineProcessor(trusting, { name: "ship", processEvents: async (run) => caughtUp(run.tail) });
    const world = new World({ activities: [lazy(activity)] });
    const errors = await world.deliver([{ source: "orders", "detail-type": "OrderChanged", detail: { id: 7 } }]);
    expect(errors).toMatchObject([
      {
        code: "malformed-message",
        subject: "detail of bus event OrderChanged",
        expected: "what the signal of kind order finds its address in",
        received: expect.stringMatching(/^an object with id: /),
      },
    ]);
  });

  it("asks for no stream with an address that a record of an older version has not got", async () => {
    const world = new World({ activities: [lazy(reader)] });
    world.append("", "e1");
    const first = start({}, "lazy", world.clock.now());
    await world.store.update({ entity: "t", kind: "thing", activity: "reader" }, first);
    expect(await world.deliver([good])).toEqual([]);
    expect(world.opened).toEqual([]);
    expect(await world.record("t")).toMatchObject({
      status: "retrying",
      tail: "epoch",
      error: { message: expect.stringContaining("address.thingId of kind thing: expected a string") },
    });
  });

  it("fails a body that is no JSON alone", async () => {
    const world = await sleepingWorld();
    const { runBatch } = await import("../../functions/queue/batch.ts");
    const failures = await runBatch(world.ports, [{ id: "m", body: "{" }], world.invocation());
    expect([...failures.keys()]).toEqual(["m"]);
  });

  it("takes an event with an illegal id for a failed attempt that names it; the tail stays", async () => {
    const world = await sleepingWorld();
    await world.deliver([good]);
    world.append("t", "epoch", "e4");
    expect(await world.deliver([good])).toEqual([]);
    const record = await world.record("t");
    expect(record).toMatchObject({ status: "retrying", tail: "e2", error: { afterEvent: "e2" } });
    expect(record.error?.message).toContain(
      'event id: expected a string of 1 to 342 bytes of UTF-8 other than "epoch"',
    );
  });

  it("fails a signal for a task whose activity is not in the app, and still runs the others of the aggregate", async () => {
    const world = await sleepingWorld();
    const orphan = { entity: "t", kind: "thing", activity: "gone" };
    await world.store.update(orphan, start({ thingId: "t" }, "lazy", world.clock.now()));
    const [error] = await world.deliver([good]);
    expect(error).toMatchObject({ code: "unknown-activity" });
    expect(await world.record("t", "reader")).toMatchObject({ tail: "e2" });
  });

  it("never throws and never moves another tail, whatever comes (fuzz)", async () => {
    const world = await sleepingWorld();
    await world.deliver([good]);
    const before = await world.record("t");
    const text = fc.oneof(fc.string(), fc.constantFrom("t", "thing", "reader", "signal", "timer", "rescue"));
    const detail = fc.oneof(
      fc.anything(),
      fc.record({ class: text, entity: text, kind: text, activity: text, fence: fc.anything() }, { requiredKeys: [] }),
    );
    const envelope = fc.record({
      source: fc.oneof(text, fc.constant("tailwake"), fc.constant("things")),
      "detail-type": fc.oneof(text, fc.constantFrom("Wake", "Signal", "DelayedWake", "ThingChanged")),
      detail,
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(envelope, fc.anything()), async (body) => {
        const { runBatch } = await import("../../functions/queue/batch.ts");
        await runBatch(world.ports, [{ id: "m", body }], world.invocation());
        const after = await world.record("t");
        expect(after.tail).toBe(before.tail);
      }),
      { numRuns: 2000 },
    );
  });

  it("fails the deliveries of a task when the table fails, and no others", async () => {
    const world = await sleepingWorld();
    await startTask(world.ports, reader, { thingId: "u" });
    await world.drain();
    const update = world.store.update.bind(world.store);
    world.store.update = (key, change) =>
      key.entity === "t" ? Promise.reject(new Error("throttled")) : update(key, change);
    world.append("u", "e1");
    const errors = await world.deliver([good, { class: "signal", entity: "u" }, good]);
    expect(errors.map(String)).toEqual(["Error: throttled", "Error: throttled"]);
    expect(await world.record("u")).toMatchObject({ tail: "e1" });
  });

  it("leaves a message to a later delivery when other writers win three tries (rule 5)", async () => {
    const world = await sleepingWorld();
    let tries = 0;
    const { record } = { record: await world.record("t") };
    world.store.update = async () => {
      tries++;
      return { applied: false, record };
    };
    expect(await world.deliver([good])).toMatchObject([{ code: "store-refused" }]);
    expect(tries).toBe(3);
  });

  it("runs at most so many tasks of a kind at once", async () => {
    const world = new World({ activities: [lazy(reader)], limits: { runsPerKind: 3 } });
    let most = 0;
    world.onOpen = async () => {
      most = Math.max(most, world.openStreams);
      await settle();
    };
    for (let i = 0; i < 10; i++) await startTask(world.ports, reader, { thingId: `t${i}` });
    await world.drain();
    expect(most).toBe(3);
  });

  it("takes a lease over only when it has ended by every clock (rule 7): until then news is noted (T3)", async () => {
    const world = new World({ activities: [lazy(reader)] });
    world.onOpen = () => new Promise(() => {});
    await startTask(world.ports, reader, { thingId: "t" });
    void world.deliver(world.alarms.take(), world.invocation(900_000));
    await settle();
    const { leaseUntil = 0 } = await world.record("t");
    const signal = { class: "signal", entity: "t" } as const;
    world.clock.jump(leaseUntil + 5_000);
    expect(await world.deliver([signal])).toEqual([]);
    expect(await world.record("t")).toMatchObject({ fence: 1, strikes: 0, wakeCount: 1 });
    world.onOpen = () => {};
    world.clock.jump(leaseUntil + 5_001);
    expect(await world.deliver([signal])).toEqual([]);
    expect(await world.record("t")).toMatchObject({ status: "sleeping", fence: 2, wakeCount: 1 });
  });

  it("runs a task that has killed invocations with nothing beside it (rule 8)", async () => {
    const world = new World({ activities: [lazy(reader)] });
    let deadly = true;
    world.onOpen = (thingId) => (deadly && thingId === "t" ? new Promise(() => {}) : undefined);
    await startTask(world.ports, reader, { thingId: "t" });
    let wakes = world.alarms.take();
    for (let deaths = 0; deaths < 2; deaths++) {
      void world.deliver(wakes, world.invocation(900_000));
      await settle();
      world.clock.jump(((await world.record("t")).leaseUntil ?? 0) + 5_001);
      wakes = [{ class: "rescue", key: { entity: "t", kind: "thing", activity: "reader" } }];
    }
    deadly = false;
    expect(await world.record("t")).toMatchObject({ status: "running", strikes: 1 });
    for (let i = 0; i < 5; i++) await startTask(world.ports, reader, { thingId: `u${i}` });
    const before = world.opened.length;
    await world.deliver([...wakes, ...world.alarms.take()]);
    // The others have run, and it waits in the queue whose messages come one at a time.
    expect(world.opened.slice(before).map(({ thingId }) => thingId)).not.toContain("t");
    expect(world.alarms.quarantined).toEqual(wakes);
    expect(await world.record("t")).toMatchObject({ status: "running", strikes: 1 });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", strikes: 0 });
  });

  it("does so also with one that a leader quarantined before it was bound to the lazy engine (rule 8)", async () => {
    const world = new World({ activities: [lazy(reader)] });
    await startTask(world.ports, reader, { thingId: "t" });
    await startTask(world.ports, reader, { thingId: "u" });
    const key = { entity: "t", kind: "thing", activity: "reader" };
    await world.edit(key, { strikes: 2 });
    await world.deliver(world.alarms.take());
    expect(world.opened).toMatchObject([{ thingId: "u" }]);
    expect(world.alarms.quarantined).toEqual([{ class: "start", key, fence: 0 }]);
    expect(await world.record("t")).toMatchObject({ status: "ready", fence: 0 });
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", strikes: 0 });
  });
});
