import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { cronHandler } from "../../functions/lambda/cron-event.ts";
import { openInvocation } from "../../functions/lambda/invocation.ts";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { readLateQueues, readQueueAge } from "../../functions/queue/queue-age.ts";
import { startTask } from "../../functions/run/start.ts";
import { graceMs } from "../../functions/tasks/times.ts";
import { settle, TestClock } from "../support/test-clock.ts";
import { busEvent, reader, thing, World } from "../support/world.ts";

const context = { getRemainingTimeInMillis: () => 120_000, awsRequestId: "request-1" };
const signal = { class: "signal", entity: "t" } as const;

async function sleepingWorld() {
  const world = new World({ activities: [lazy(reader)] });
  await startTask(world.ports, reader, { thingId: "t" });
  await world.drain();
  world.append("t", "e1");
  return world;
}

const record = (messageId: string, body: string, attributes: object = {}) => ({ messageId, body, attributes });

/** A message that comes the first time, later than the grace. */
const lateRecord = ({ clock }: World) =>
  record("m", busEvent(signal), { ApproximateReceiveCount: "1", SentTimestamp: String(clock.now() - graceMs - 1) });

describe("the lazy function", () => {
  it("answers a queue batch with the messages that failed, and no others", async () => {
    const world = await sleepingWorld();
    const Records = [record("good", busEvent(signal)), record("bad", "{"), record("worse", busEvent({ source: "x" }))];
    expect(await wakeHandler(world.ports, { Records }, context)).toEqual({
      batchItemFailures: [{ itemIdentifier: "bad" }, { itemIdentifier: "worse" }],
    });
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e1" });
    expect(world.clock.sleeping).toBe(0);
  });

  it("takes a plain bus event too, and throws if it fails, so that it comes again", async () => {
    const world = await sleepingWorld();
    expect(await wakeHandler(world.ports, JSON.parse(busEvent(signal)), context)).toBeUndefined();
    expect(await world.record("t")).toMatchObject({ tail: "e1" });
    const unknown = {
      source: "tailwake",
      "detail-type": "Wake",
      detail: { class: "rescue", entity: "x", kind: "thing", activity: "reader" },
    };
    await expect(wakeHandler(world.ports, unknown, context)).rejects.toMatchObject({ code: "unknown-task" });
  });

  it("fails as a whole only for what it could not name in its answer", async () => {
    const world = await sleepingWorld();
    for (const event of [{ Records: "many" }, { Records: [{ body: "{}" }] }, { Records: [null] }]) {
      await expect(wakeHandler(world.ports, event, context)).rejects.toMatchObject({ code: "malformed-message" });
    }
    await expect(wakeHandler(world.ports, undefined, context)).rejects.toMatchObject({ code: "malformed-message" });
  });

  it("leaves word of a queue that is late, for messages that come the first time (rule 11)", async () => {
    const world = await sleepingWorld();
    const sent = String(world.clock.now() - graceMs - 1);
    const again = { ApproximateReceiveCount: "2", SentTimestamp: sent };
    await wakeHandler(world.ports, { Records: [record("m", busEvent(signal), again)] }, context);
    expect(await readQueueAge(world.ports.control, "wakes")).toBeUndefined();
    const first = { ApproximateReceiveCount: "1", SentTimestamp: sent };
    await wakeHandler(world.ports, { Records: [record("m", busEvent(signal), first)] }, context);
    expect(await readQueueAge(world.ports.control, "wakes")).toEqual({ ageMs: graceMs + 1, at: world.clock.now() });
  });

  it.each(["delay", "quarantine"] as const)(
    "leaves word of a late %s queue, and a tick goes on (rule 11)",
    async (queue) => {
      const world = await sleepingWorld();
      const { ports, clock } = world;
      await clock.advance(graceMs);
      const late = {
        ...lateRecord(world),
        eventSourceARN: `arn:aws:sqs:eu-central-1:123456789012:orders-prod-${queue}`,
      };
      await wakeHandler(ports, { Records: [late] }, context);
      expect(await readLateQueues(ports.control)).toEqual([{ queue, ageMs: graceMs + 1, at: clock.now() }]);
      expect(world.log).toContainEqual({
        level: "warn",
        message: "queue is late",
        fields: { queue, ageMs: graceMs + 1 },
      });
      const report = await cronHandler(ports, [], { checks: 10, concurrency: 2 }, {}, context);
      expect(report).toMatchObject({ overdue: 1, cutShort: false });
    },
  );

  it("leaves word of a late wake queue right after that of another one", async () => {
    const world = await sleepingWorld();
    const { ports, clock } = world;
    for (const queue of ["quarantine", "wakes"]) {
      const late = { ...lateRecord(world), eventSourceARN: `arn:aws:sqs:eu-central-1:123456789012:orders-${queue}` };
      await wakeHandler(ports, { Records: [late] }, context);
    }
    expect(await readQueueAge(ports.control, "wakes")).toEqual({ ageMs: graceMs + 1, at: clock.now() });
  });

  it.each([[undefined], [7], ["arn:aws:sqs:eu-central-1:123456789012:jobs"]])(
    "takes a message that comes from %j for one of the wake queue",
    async (eventSourceARN) => {
      const world = await sleepingWorld();
      await wakeHandler(world.ports, { Records: [{ ...lateRecord(world), eventSourceARN }] }, context);
      expect(await readQueueAge(world.ports.control, "wakes")).toMatchObject({ ageMs: graceMs + 1 });
    },
  );

  it("works on a late batch though it cannot leave word of it", async () => {
    const world = await sleepingWorld();
    world.ports.control.write = () => Promise.reject(new Error("throttled"));
    const attributes = { ApproximateReceiveCount: "1", SentTimestamp: String(world.clock.now() - graceMs - 1) };
    const Records = [record("m", busEvent(signal), attributes)];
    expect(await wakeHandler(world.ports, { Records }, context)).toEqual({ batchItemFailures: [] });
    expect(await world.record("t")).toMatchObject({ tail: "e1" });
    expect(world.log).toContainEqual(expect.objectContaining({ message: "queue age not recorded" }));
  });

  it("works on a batch whose attributes are none", async () => {
    const world = await sleepingWorld();
    const none = JSON.parse('{"toString":1,"valueOf":1}');
    const attributes = [undefined, null, { ApproximateReceiveCount: "1", SentTimestamp: none }, { SentTimestamp: [] }];
    const Records = attributes.map((one, i) => ({ ...record(`m${i}`, busEvent(signal)), attributes: one }));
    expect(await wakeHandler(world.ports, { Records }, context)).toEqual({ batchItemFailures: [] });
    expect(await readQueueAge(world.ports.control, "wakes")).toBeUndefined();
  });

  it("says in a line of bounded length which event no stream declares", async () => {
    const world = await sleepingWorld();
    const event = { source: "s".repeat(100_000), "detail-type": "d".repeat(100_000), detail: {} };
    const failed = wakeHandler(world.ports, event, context);
    await expect(failed).rejects.toMatchObject({ code: "malformed-message", subject: "bus event" });
    expect(String(world.log.at(-1)?.fields.err).length).toBeLessThan(500);
  });

  it("leaves word of a late queue once in half a minute, not for each batch", async () => {
    const world = await sleepingWorld();
    const { clock } = world;
    const { control } = world.ports;
    const batch = () => {
      const late = { ApproximateReceiveCount: "1", SentTimestamp: String(clock.now() - graceMs - 1) };
      return wakeHandler(world.ports, { Records: [record("m", busEvent(signal), late)] }, context);
    };
    for (let i = 0; i < 10; i++) await batch();
    expect(await control.read("queue-age")).toMatchObject({ version: 1 });
    await clock.advance(30_000);
    await batch();
    expect(await control.read("queue-age")).toMatchObject({ version: 2, value: { at: clock.now() } });
  });

  it("stops before its deadline: the run commits and hands over in time", async () => {
    const slow = defineProcessor(thing, {
      name: "slow",
      async processEvents(run, stream) {
        let tail = run.tail;
        for await (const { id } of stream) {
          tail = id;
          run.advance(tail);
          await ports.clock.sleep(50_000, run.signal);
        }
        return caughtUp(tail);
      },
    });
    const world = new World({ activities: [lazy(slow)] });
    const { ports } = world;
    world.append("t", "e1", "e2", "e3", "e4");
    await startTask(ports, slow, { thingId: "t" });
    const [wake] = world.alarms.take();
    const began = world.clock.now();
    let ended: number | undefined;
    const answered = wakeHandler(ports, { Records: [record("m", busEvent(wake ?? {}))] }, context).then(() => {
      ended = world.clock.now() - began;
    });
    await settle();
    await world.clock.advance(120_000);
    await answered;
    expect(ended).toBeLessThan(120_000 - 5_000);
    expect(await world.record("t")).toMatchObject({ status: "ready", tail: "e3" });
  });
});

describe("the cron function", () => {
  it("ticks for any event of its schedule and logs what it found", async () => {
    const world = await sleepingWorld();
    await world.clock.advance(graceMs);
    const budget = { checks: 10, concurrency: 2 };
    const report = await cronHandler(world.ports, [], budget, { "detail-type": "Scheduled Event" }, context);
    expect(report).toMatchObject({ probed: 1, news: 1 });
    expect(world.log.at(-1)).toMatchObject({ level: "info", message: "tick", fields: { probed: 1 } });
  });
});

describe("the time of an invocation", () => {
  const processOf = (clock: TestClock) => ({
    clock,
    exit: (task: string) => {
      throw new Error(`exit for ${task}`);
    },
  });

  it("does not begin in a process whose activity ignored the abort (rule 20)", () => {
    const process = processOf(new TestClock(0));
    const invocation = openInvocation(process, 120_000);
    invocation.abandoned("thing/deaf@t");
    invocation.end();
    expect(() => openInvocation(process, 120_000)).toThrow("exit for thing/deaf@t");
    openInvocation(processOf(new TestClock(0)), 120_000).end();
  });

  it("is cut into runs, 5 s to return and 3 s to commit", async () => {
    const clock = new TestClock(0);
    const invocation = openInvocation(processOf(clock), 120_000);
    expect(invocation).toMatchObject({ deadline: 112_000, abandonAt: 117_000, hardEnd: 120_000 });
    await clock.advance(111_999);
    expect(invocation.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(invocation.signal.aborted).toBe(true);
    invocation.end();
  });

  it("keeps at least 60 % of a short invocation for its runs", () => {
    const invocation = openInvocation(processOf(new TestClock(0)), 3_000);
    expect(invocation.deadline).toBe(1_800);
    expect(invocation.abandonAt).toBe(2_550);
    invocation.end();
  });

  it("leaves no timer and no abort behind when it ends", async () => {
    const clock = new TestClock(0);
    const invocation = openInvocation(processOf(clock), 120_000);
    invocation.end();
    await settle();
    expect(clock.sleeping).toBe(0);
    expect(invocation.signal.aborted).toBe(false);
  });
});
