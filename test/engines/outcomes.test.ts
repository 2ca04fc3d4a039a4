import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import {
  canceled,
  caughtUp,
  completed,
  type Outcome,
  retry,
  SilentRetry,
  SilentRetryAfter,
  silentRetry,
  silentRetryAfter,
} from "../../functions/contract/outcome.ts";
import { type EventId, epoch, eventId } from "../../functions/contract/tail.ts";
import { type Bound, cron, lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/engines/start.ts";
import { graceMs } from "../../functions/tasks/transitions.ts";
import { thing, World } from "../support/world.ts";

const start = Date.UTC(2026, 0, 1);
const later = new Date(start + 3_600_000);
const e2 = eventId("e2");

/** An activity that reads everything, advancing, and then ends as the test says. */
function ending(end: (tail: EventId) => Outcome | never) {
  return defineProcessor(thing, {
    name: "reader",
    async processEvents(run, stream) {
      for await (const { id } of stream) run.advance(id);
      return end(e2);
    },
  });
}

interface Row {
  readonly outcome: string;
  readonly end: (tail: EventId) => Outcome;
  readonly status: string;
  readonly tail: string;
  /** Milliseconds after the start; `undefined` where the engine decides. */
  readonly notBefore?: number;
  readonly attempts: number;
  readonly wake?: { readonly class: string; readonly in: number };
  readonly log?: { readonly level: string; readonly message: string };
}

// random() is 0.5: the first backoff is 15 s of [10 s, 20 s], and comes through the delay queue of 20 s.
const rows: readonly Row[] = [
  {
    outcome: "completed",
    end: completed,
    status: "completed",
    tail: "e2",
    attempts: 0,
    log: { level: "info", message: "completed" },
  },
  {
    outcome: "caughtUp",
    end: caughtUp,
    status: "sleeping",
    tail: "e2",
    attempts: 0,
    log: { level: "info", message: "progressed" },
  },
  {
    outcome: "canceled, advanced",
    end: canceled,
    status: "ready",
    tail: "e2",
    attempts: 0,
    wake: { class: "handOver", in: 0 },
  },
  {
    outcome: "canceled, not advanced",
    end: () => canceled(epoch),
    status: "retrying",
    tail: "epoch",
    notBefore: 15_000,
    attempts: 1,
    wake: { class: "timer", in: 20_000 },
  },
  {
    outcome: "silentRetry",
    end: silentRetry,
    status: "retrying",
    tail: "e2",
    notBefore: 15_000,
    attempts: 1,
    wake: { class: "timer", in: 20_000 },
  },
  {
    outcome: "silentRetryAfter",
    end: (tail) => silentRetryAfter(tail, later),
    status: "retrying",
    tail: "e2",
    notBefore: 3_600_000,
    attempts: 0,
    wake: { class: "timer", in: 3_602_000 },
  },
  {
    outcome: "silentRetryAfter a time that has passed",
    end: (tail) => silentRetryAfter(tail, new Date(start - 1)),
    status: "retrying",
    tail: "e2",
    notBefore: 15_000,
    attempts: 1,
    wake: { class: "timer", in: 20_000 },
  },
  {
    outcome: "silentRetryAfter an invalid time",
    end: (tail) => silentRetryAfter(tail, new Date("soon")),
    status: "retrying",
    tail: "e2",
    notBefore: 15_000,
    attempts: 1,
    wake: { class: "timer", in: 20_000 },
  },
  {
    outcome: "retry",
    end: (tail) => retry(tail, new Error("no route")),
    status: "retrying",
    tail: "e2",
    notBefore: 15_000,
    attempts: 1,
    wake: { class: "timer", in: 20_000 },
    log: { level: "error", message: "failed" },
  },
  {
    outcome: "retry at epoch: reload everything",
    end: () => retry(epoch, new Error("no route")),
    status: "retrying",
    tail: "epoch",
    notBefore: 15_000,
    attempts: 1,
    wake: { class: "timer", in: 20_000 },
    log: { level: "error", message: "failed" },
  },
  {
    outcome: "a thrown error, at the tail advanced to",
    end: () => {
      throw new Error("no route");
    },
    status: "retrying",
    tail: "e2",
    notBefore: 15_000,
    attempts: 1,
    wake: { class: "timer", in: 20_000 },
    log: { level: "error", message: "failed" },
  },
  {
    outcome: "a thrown SilentRetry",
    end: () => {
      throw new SilentRetry();
    },
    status: "retrying",
    tail: "e2",
    notBefore: 15_000,
    attempts: 1,
    wake: { class: "timer", in: 20_000 },
  },
  {
    outcome: "a thrown SilentRetryAfter",
    end: () => {
      throw new SilentRetryAfter(later);
    },
    status: "retrying",
    tail: "e2",
    notBefore: 3_600_000,
    attempts: 0,
    wake: { class: "timer", in: 3_602_000 },
  },
  {
    outcome: "nothing at all, which is no outcome",
    end: () => undefined as never,
    status: "retrying",
    tail: "e2",
    notBefore: 15_000,
    attempts: 1,
    wake: { class: "timer", in: 20_000 },
    log: { level: "error", message: "failed" },
  },
];

type Activity = ReturnType<typeof ending>;
const engines: readonly {
  readonly name: string;
  readonly bind: (activity: Activity) => Bound;
  readonly slot?: number;
}[] = [
  { name: "lazy", bind: (activity) => lazy(activity) },
  { name: "cron", bind: (activity) => cron(activity, { everyMinutes: 5 }), slot: 300_000 },
];

describe.each(engines)("the error contract in the $name engine", ({ bind, slot }) => {
  it.each(rows)("$outcome", async ({ end, status, tail, notBefore, attempts, wake, log }) => {
    const activity = ending(end);
    const world = new World({ activities: [bind(activity)] });
    world.append("t", "e1", "e2");
    await startTask(world.machinery, activity, { thingId: "t" });
    expect(await world.deliver(world.wakes.take())).toEqual([]);

    const record = await world.record("t");
    expect(record).toMatchObject({ status, tail, attempts, fence: 1 });
    // A commit gives the lease up (rule 1).
    expect(record).not.toHaveProperty("token");
    const waitsFor = status === "sleeping" && slot ? slot : notBefore;
    expect(record.notBefore).toBe(waitsFor === undefined ? undefined : start + waitsFor);
    if (status === "completed") expect(record).not.toHaveProperty("due");
    else if (status === "sleeping") expect(record.due).toBe(start + (slot ?? graceMs));
    else expect(record.due).toBe(start + (notBefore ?? 0) + graceMs);

    expect(world.wakes.next).toBe(wake && start + wake.in);
    if (wake) {
      await world.clock.advance(wake.in);
      expect(world.wakes.take()).toMatchObject([{ class: wake.class, fence: 1, key: { entity: "t" } }]);
    }
    expect(world.log.map(({ level, message }) => ({ level, message }))).toEqual(log ? [log] : []);
    const ids = { activity: "reader", thingId: "t" };
    if (log?.message === "progressed") expect(world.log[0]?.fields).toMatchObject({ ...ids, vid: "e2" });
    if (log?.message === "failed") {
      expect(world.log[0]?.fields).toMatchObject({ ...ids, afterEvent: tail === "epoch" ? "Epoch" : tail });
      expect(world.log[0]?.fields.err).toEqual(expect.any(String));
    }
    expect(world.openStreams).toBe(0);
  });

  it("says nothing when an activity catches up without having moved", async () => {
    const activity = defineProcessor(thing, { name: "reader", processEvents: async (run) => caughtUp(run.tail) });
    const world = new World({ activities: [bind(activity as Activity)] });
    await startTask(world.machinery, activity, { thingId: "t" });
    await world.drain();
    expect(world.log).toEqual([]);
  });
});

describe("failed attempts", () => {
  const failing = (parkAfterAttempts?: number) =>
    defineProcessor(thing, {
      name: "failing",
      ...(parkAfterAttempts === undefined ? {} : { parkAfterAttempts }),
      processEvents: async () => {
        throw new Error("no route");
      },
    });

  it("are tried again for ever, ever later up to a quarter of an hour", async () => {
    const activity = failing();
    const world = new World({ activities: [lazy(activity)] });
    await startTask(world.machinery, activity, { thingId: "t" });
    await world.drainUntil(start + 3 * 3_600_000);
    const waits = world.log.slice(0, 8).map(({ fields }) => (fields.retryInMs as number) / 1000);
    expect(waits).toEqual([15, 30, 60, 120, 240, 480, 675, 675]);
  });

  it("park the task at the limit of its activity, with the error kept", async () => {
    const activity = failing(2);
    const world = new World({ activities: [lazy(activity)] });
    await startTask(world.machinery, activity, { thingId: "t" });
    await world.drainUntil(start + 600_000);
    expect(await world.record("t")).toMatchObject({ status: "parked", attempts: 2, error: { message: "no route" } });
    expect(world.wakes.next).toBeUndefined();
    expect(world.log.map(({ message }) => message)).toEqual(["failed", "failed", "parked"]);
  });

  it("are forgotten once the activity catches up", async () => {
    let broken = true;
    const activity = defineProcessor(thing, {
      name: "mended",
      async processEvents(run) {
        if (broken) throw new Error("no route");
        expect(run.attempt).toBe(2);
        return caughtUp(run.tail);
      },
    });
    const world = new World({ activities: [lazy(activity)] });
    await startTask(world.machinery, activity, { thingId: "t" });
    await world.drain();
    broken = false;
    await world.drainUntil(start + 60_000);
    const record = await world.record("t");
    expect(record).toMatchObject({ status: "sleeping", attempts: 0 });
    expect(record).not.toHaveProperty("error");
  });
});
