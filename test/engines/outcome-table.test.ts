import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import {
  type Activity,
  defineActivity,
  defineProcessor,
  type Run,
  type RunContext,
} from "../../functions/contract/activity.ts";
import {
  canceled,
  caughtUp,
  completed,
  type Decision,
  type Outcome,
  retry,
  SilentRetry,
  SilentRetryAfter,
  silentRetry,
  silentRetryAfter,
} from "../../functions/contract/outcome.ts";
import type { Recorded, Stream } from "../../functions/contract/stream.ts";
import { type EventId, epoch, eventId, type Tail } from "../../functions/contract/tail.ts";
import { type Bound, cron, eager, lazy } from "../../functions/engines/binding.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { eagerBucketOf, type TaskKey, type TaskRecord } from "../../functions/tasks/record.ts";
import { rewind, start as startUpdate } from "../../functions/tasks/transitions.ts";
import type { Changes } from "../../functions/tasks/update.ts";
import type { WakeMessage } from "../../functions/wake/wake.ts";
import { type NogAggregate, nogAggregates, nogWorld } from "../support/nog-world.ts";
import { settle } from "../support/test-clock.ts";
import type { LogLine } from "../support/world.ts";

/**
 * The error contract (functions/contract/outcome.ts) as a table: every way in which a run can end, in every engine, for
 * each of the five nog kinds. Each row begins with the same task, which is in trouble: it has processed e1, has failed
 * twice and lost an invocation, and e2 and e3 are there for it. What is expected is written here, not computed.
 */
const start = Date.UTC(2026, 0, 1);
const e1 = eventId("01KDVDNA0000000000000000E1");
const e2 = eventId("01KDVDNA0000000000000000E2");
const e3 = eventId("01KDVDNA0000000000000000E3");
/** Comes after the run that a row is about. */
const e4 = eventId("01KDVDNA0000000000000000E4");

const before = { message: "before", at: start - 60_000, afterEvent: e1 };
const inTrouble: Changes = { tail: e1, attempts: 2, strikes: 1, error: before };
/** The run's own: one more than the record had. */
const fence = 7;

type EngineName = "lazy" | "cron" | "eager";

interface Engine {
  readonly name: EngineName;
  readonly bind: (activity: Activity) => Bound;
  /** A leader looks after its tasks itself: the eager engine sends no wakes (rule 19). */
  readonly sendsWakes: boolean;
}

const eagerEngine: Engine = { name: "eager", bind: (activity) => eager(activity), sendsWakes: false };
const engines: readonly Engine[] = [
  { name: "lazy", bind: (activity) => lazy(activity), sendsWakes: true },
  { name: "cron", bind: (activity) => cron(activity, { everyMinutes: 5 }), sendsWakes: true },
  eagerEngine,
];

// ── what a run leaves behind ─────────────────────────────────────────────────────────────────────

/** Times are in milliseconds after the run. */
interface Left {
  readonly status: TaskRecord["status"];
  readonly tail: Tail;
  readonly attempts: number;
  /** Default 0: every commit clears them, but the one that parks. */
  readonly strikes?: number;
  readonly notBefore?: number;
  readonly due?: number;
  readonly error?: TaskRecord["error"];
  /** The one wake that was sent, if the engine sends any. */
  readonly wake?: { readonly class: "timer" | "handOver"; readonly in: number };
  /** Without the fields that every line has: activity, address ids, task and fence. "{task}" is the task's name. */
  readonly log: readonly LogLine[];
  /** How often the activity was called. Default 1. */
  readonly passes?: number;
  readonly isAbandoned?: boolean;
}

type LeftBy = { readonly [E in EngineName]: Left };

const line = (level: string, message: string, fields: LogLine["fields"] = {}): LogLine => ({ level, message, fields });
const progressed = (vid: string) => line("info", "progressed", { vid });

/** Done: no due time, no view, no wake (T4). */
const isDone = (tail: Tail): Left => ({ status: "completed", tail, attempts: 0, log: [line("info", "completed")] });

/** Caught up: attempts, strikes and error are forgotten (rule 9). A due time is not moved, but to a cron slot (rule 6). */
const hasCaughtUp = (tail: Tail, ...log: LogLine[]): LeftBy => ({
  lazy: { status: "sleeping", tail, attempts: 0, due: 180_000, log },
  // The task was started six minutes ago, so its next slot is in four (rule 16).
  cron: { status: "sleeping", tail, attempts: 0, notBefore: 240_000, due: 240_000, log },
  eager: { status: "running", tail, attempts: 0, due: 180_000, log },
});

const inPasses = (passes: number, { lazy, cron, eager }: LeftBy): LeftBy => ({
  lazy: { ...lazy, passes },
  cron: { ...cron, passes },
  eager: { ...eager, passes },
});

/** Gives over to another run, at once. It has made progress, so the failures before it are not counted on (rule 9). */
const handsOver = (tail: Tail): Left => ({
  status: "ready",
  tail,
  attempts: 0,
  due: 180_000,
  error: before,
  wake: { class: "handOver", in: 0 },
  log: [],
});

/** The third attempt has failed: 60 s of [40 s, 80 s], step by step through the delay queue of 20 s. */
const waits = (tail: Tail): Left => ({
  status: "retrying",
  tail,
  attempts: 3,
  notBefore: 60_000,
  due: 240_000,
  error: before,
  wake: { class: "timer", in: 20_000 },
  log: [],
});

/** As {@link waits}, after the first failure since there was progress: 15 s of [10 s, 20 s] (rule 9). */
const waitsAfterProgress = (tail: Tail): Left => ({ ...waits(tail), attempts: 1, notBefore: 15_000, due: 195_000 });

/** As {@link waitsAfterProgress}, of a fresh task. */
const waitsFirst = (tail: Tail): Left => {
  const { error: _, ...left } = waitsAfterProgress(tail);
  return left;
};

/** As {@link waits}, with the error in the log and in the record. */
const fails = (tail: Tail, err: string): Left => ({
  ...waits(tail),
  error: { message: err, at: start, afterEvent: tail },
  log: [line("error", "failed", { err, afterEvent: tail === epoch ? "Epoch" : tail, attempt: 3, retryInMs: 60_000 })],
});

/** As {@link fails}, after progress. */
const failsAfterProgress = (tail: Tail, err: string): Left => ({
  ...waitsAfterProgress(tail),
  error: { message: err, at: start, afterEvent: tail },
  log: [line("error", "failed", { err, afterEvent: tail, attempt: 1, retryInMs: 15_000 })],
});

/** A week and half a second: a schedule's time is rounded up to a second, and is 2 s more (rule 17). Not an attempt. */
const inAWeek = new Date(start + 604_800_500);
const waitsAWeek = (tail: Tail): Left => ({
  status: "retrying",
  tail,
  attempts: 2,
  notBefore: 604_800_500,
  due: 604_980_500,
  error: before,
  wake: { class: "timer", in: 604_803_000 },
  log: [],
});

// ── the rows ─────────────────────────────────────────────────────────────────────────────────────

/** What a row has to work with while its run is under way. */
interface Scene {
  readonly stage: Stage;
  readonly run: Run<Stream>;
  /** The run's stream. */
  readonly events: AsyncIterable<Recorded<unknown>>;
  /** Ends the invocation, as its deadline does. */
  abort(reason?: unknown): void;
  /** Asks for a child that the app has no activity for. */
  startStranger(): Promise<unknown>;
}

interface Row extends OperatorPorts {
  readonly name: string;
  readonly act: (scene: Scene) => Promise<Outcome>;
  readonly left: Left | LeftBy;
  readonly parkAfterAttempts?: number;
  /** How much time passes before one looks. */
  readonly afterMs?: number;
}

interface OperatorPorts {
  /** The task begins at epoch and is in no trouble. */
  readonly isFresh?: boolean;
  /** Default e1, e2, e3. */
  readonly history?: readonly EventId[];
  /** Called before the stream is opened, and before an event is sent; may throw what the server would. */
  readonly onOpen?: (stage: Stage) => void;
  readonly onEvent?: (id: string, stage: Stage) => void;
}

/** Reads to the head, advancing with each event, and ends so. */
const read =
  (end: (scene: Scene) => Outcome | Promise<Outcome>): Row["act"] =>
  async (scene) => {
    for await (const { id } of scene.events) scene.run.advance(id);
    return end(scene);
  };

/** As {@link read}, with a throw at the end. */
const readAndThrow = (error: unknown): Row["act"] =>
  read(() => {
    throw error;
  });

/** The loop of most activities: no advance, one outcome. */
const plainLoop = async ({ run, events }: Pick<Scene, "run" | "events">): Promise<Outcome> => {
  let tail = run.tail;
  for await (const { id } of events) tail = id;
  return caughtUp(tail);
};

const notAnOutcome = (received: string) =>
  `result of processEvents of {task}: expected an outcome with its tail, as caughtUp(tail), received ${received} [invalid-argument]`;

const lastDay = new Date("9999-12-31T00:00:00Z");

const outOfReach = (late: Date) =>
  `silentRetryAfter of {task}: expected a time until 9999-12-31T00:00:00.000Z, received ${late.toISOString()} [invalid-argument]`;

const returned: readonly Row[] = [
  { name: "completed never runs again (T4)", act: read(() => completed(e3)), left: isDone(e3) },
  {
    name: "caughtUp after its tail moved has progressed",
    act: read(() => caughtUp(e3)),
    left: hasCaughtUp(e3, progressed(e3)),
  },
  {
    name: "caughtUp where it was says nothing",
    history: [e1],
    act: read(({ run }) => caughtUp(run.tail)),
    left: hasCaughtUp(e1),
  },
  {
    name: "caughtUp at a tail before what it advanced to goes on from there",
    act: read(() => caughtUp(e2)),
    left: hasCaughtUp(e2, progressed(e2)),
  },
  {
    name: "caughtUp at epoch reads everything again, and says so",
    act: read(() => caughtUp(epoch)),
    left: hasCaughtUp(epoch, progressed("Epoch")),
  },
  {
    name: "caughtUp, with an operator's wake noted meanwhile, goes on in place (rule 2, T3)",
    act: read(async ({ stage }) => {
      await stage.wake({ class: "operator", key: stage.key });
      return caughtUp(e3);
    }),
    left: inPasses(2, hasCaughtUp(e3, progressed(e3))),
  },
  {
    // Lazy: runs again for the signal. Cron: a signal ends at the Query (rule 4). Eager: its stream brings the event,
    // which is written a second after the write before.
    name: "caughtUp, with a signal and its event come meanwhile, does as its engine says (rule 4, T3)",
    act: read(async ({ stage }) => {
      stage.world.append(stage.entity, e4);
      await stage.wake({ class: "signal", entity: stage.entity });
      return caughtUp(e3);
    }),
    afterMs: 1_000,
    left: {
      ...inPasses(2, hasCaughtUp(e4, progressed(e3), progressed(e4))),
      cron: hasCaughtUp(e3, progressed(e3)).cron,
    },
  },
  { name: "canceled after it advanced hands over at once", act: read(() => canceled(e3)), left: handsOver(e3) },
  {
    name: "canceled without progress waits for the backoff (rule 9)",
    act: async ({ run }) => canceled(run.tail),
    left: waits(e1),
  },
  {
    name: "canceled at epoch waits for the backoff: a step back is no progress (rule 9)",
    act: read(() => canceled(epoch)),
    left: waits(epoch),
  },
  {
    name: "canceled at a tail before what it advanced to hands over from there",
    act: read(() => canceled(e2)),
    left: handsOver(e2),
  },
  { name: "silentRetry waits for the backoff", act: read(() => silentRetry(e3)), left: waitsAfterProgress(e3) },
  {
    name: "silentRetry at a tail before what it advanced to waits there",
    act: read(() => silentRetry(e2)),
    left: waitsAfterProgress(e2),
  },
  {
    name: "silentRetryAfter waits for its time, be it in a week (rule 17)",
    act: read(() => silentRetryAfter(e3, inAWeek)),
    left: waitsAWeek(e3),
  },
  {
    name: "silentRetryAfter a time that is past waits for the backoff (rule 17)",
    act: read(() => silentRetryAfter(e3, new Date(start - 1))),
    left: waitsAfterProgress(e3),
  },
  {
    name: "silentRetryAfter right now waits for the backoff (rule 17)",
    act: read(() => silentRetryAfter(e3, new Date(start))),
    left: waitsAfterProgress(e3),
  },
  {
    name: "silentRetryAfter an invalid date waits for the backoff (rule 17)",
    act: read(() => silentRetryAfter(e3, new Date("soon"))),
    left: waitsAfterProgress(e3),
  },
  {
    name: "silentRetryAfter the last time that a schedule can name waits for it (rule 17)",
    act: read(() => silentRetryAfter(e3, lastDay)),
    left: {
      ...waitsAWeek(e3),
      notBefore: 251_634_988_800_000,
      due: 251_634_988_980_000,
      wake: { class: "timer", in: 251_634_988_802_000 },
    },
  },
  ...[new Date(lastDay.getTime() + 1), new Date(8.64e15)].map((late) => ({
    name: `silentRetryAfter ${late.toISOString()} has failed, at the tail advanced to: no schedule can name it (rule 17)`,
    act: read(() => silentRetryAfter(e2, late)),
    left: failsAfterProgress(e3, outOfReach(late)),
  })),
  {
    name: "silentRetryAfter without a date waits for the backoff (rule 17)",
    act: read(() => silentRetryAfter(e3, undefined as never)),
    left: waitsAfterProgress(e3),
  },
  {
    name: "retry logs the error and waits for the backoff, the first after progress (rule 9)",
    act: read(() => retry(e3, new Error("no route", { cause: new Error("cable cut") }))),
    left: failsAfterProgress(e3, "no route: cable cut"),
  },
  {
    name: "retry where it was logs the error too",
    act: async ({ run }) => retry(run.tail, new Error("no route")),
    left: fails(e1, "no route"),
  },
  {
    name: "retry at epoch reads everything again: a step back is no progress (rule 9)",
    act: read(() => retry(epoch, new Error("no route"))),
    left: fails(epoch, "no route"),
  },
  {
    name: "retry at a tail before what it advanced to goes on from there",
    act: read(() => retry(e2, new Error("no route"))),
    left: failsAfterProgress(e2, "no route"),
  },
  {
    name: "retry with undefined for its error is not silent",
    act: read(() => retry(e3, undefined)),
    left: failsAfterProgress(e3, "undefined"),
  },
  {
    name: "retry where it was, at the limit of its attempts, is parked",
    parkAfterAttempts: 3,
    act: read(({ run }) => retry(run.tail, new Error("no route"))),
    left: {
      status: "parked",
      tail: e1,
      attempts: 3,
      strikes: 1,
      error: { message: "no route", at: start, afterEvent: e1 },
      log: [
        line("error", "failed", { err: "no route", afterEvent: e1, attempt: 3 }),
        line("error", "parked", { afterEvent: e1, attempts: 3 }),
      ],
    },
  },
  {
    name: "retry at epoch, at the limit of its attempts, is parked: a step back is no progress (rule 9)",
    parkAfterAttempts: 3,
    act: read(() => retry(epoch, new Error("no route"))),
    left: {
      status: "parked",
      tail: epoch,
      attempts: 3,
      strikes: 1,
      error: { message: "no route", at: start, afterEvent: epoch },
      log: [
        line("error", "failed", { err: "no route", afterEvent: "Epoch", attempt: 3 }),
        line("error", "parked", { afterEvent: "Epoch", attempts: 3 }),
      ],
    },
  },
  {
    name: "retry after progress, where one more attempt would be the limit, waits for the first backoff (rule 9)",
    parkAfterAttempts: 3,
    act: read(() => retry(e2, new Error("no route"))),
    left: failsAfterProgress(e2, "no route"),
  },
  {
    name: "retry after progress is parked by a limit of one, and says one",
    parkAfterAttempts: 1,
    act: read(() => retry(e2, new Error("no route"))),
    left: {
      status: "parked",
      tail: e2,
      attempts: 1,
      strikes: 1,
      error: { message: "no route", at: start, afterEvent: e2 },
      log: [
        line("error", "failed", { err: "no route", afterEvent: e2, attempt: 1 }),
        line("error", "parked", { afterEvent: e2, attempts: 1 }),
      ],
    },
  },
  {
    name: "silentRetry at the limit of its attempts is parked, and not silently",
    parkAfterAttempts: 3,
    act: read(({ run }) => silentRetry(run.tail)),
    left: {
      status: "parked",
      tail: e1,
      attempts: 3,
      strikes: 1,
      error: before,
      log: [line("error", "parked", { afterEvent: e1, attempts: 3 })],
    },
  },
  {
    name: "nothing has failed, at the tail advanced to: that is no outcome",
    act: read(() => undefined as never),
    left: failsAfterProgress(e3, notAnOutcome("undefined")),
  },
  {
    name: "an outcome of no known type has failed",
    act: read(() => ({ type: "done", tail: e3 }) as never),
    left: failsAfterProgress(e3, notAnOutcome("an object with type, tail")),
  },
  {
    name: "an outcome without a tail has failed",
    act: read(() => caughtUp() as never),
    left: failsAfterProgress(e3, notAnOutcome("an object with type")),
  },
  {
    name: "an outcome with an empty tail has failed",
    act: read(() => caughtUp("" as EventId)),
    left: failsAfterProgress(e3, notAnOutcome("an object with type, tail")),
  },
  {
    name: "an outcome with an overlong tail has failed",
    act: read(() => completed("é".repeat(172) as EventId)),
    left: failsAfterProgress(e3, notAnOutcome("an object with type, tail")),
  },
];

/** A task that has just been started. Its first backoff is 15 s of [10 s, 20 s]. */
const fresh: readonly Row[] = [
  {
    name: "caughtUp has progressed",
    isFresh: true,
    act: read(() => caughtUp(e3)),
    left: hasCaughtUp(e3, progressed(e3)),
  },
  {
    name: "caughtUp on an empty stream says nothing",
    isFresh: true,
    history: [],
    act: read(() => caughtUp(epoch)),
    left: hasCaughtUp(epoch),
  },
  {
    name: "completed at epoch never runs again (T4)",
    isFresh: true,
    act: read(() => completed(epoch)),
    left: isDone(epoch),
  },
  {
    name: "canceled without progress waits for the first backoff (rule 9)",
    isFresh: true,
    act: async () => canceled(epoch),
    left: waitsFirst(epoch),
  },
  {
    name: "silentRetry waits for the first backoff",
    isFresh: true,
    act: read(() => silentRetry(e3)),
    left: waitsFirst(e3),
  },
  {
    name: "retry logs the error and waits for the first backoff",
    isFresh: true,
    act: async () => retry(epoch, new Error("no route")),
    left: {
      ...waitsFirst(epoch),
      error: { message: "no route", at: start, afterEvent: epoch },
      log: [line("error", "failed", { err: "no route", afterEvent: "Epoch", attempt: 1, retryInMs: 15_000 })],
    },
  },
];

/** A child that may not exist must not be passed over: the events that asked for it come again (rule 13). */
const noStranger =
  "activity {kind}/stranger: expected an activity of the app: bind it in createApp({ activities }), received stranger; the app has {kind}/reader " +
  "[unknown-activity]";
const failedStart: readonly Row[] = [
  {
    name: "whose failure it throws has failed, where the run began",
    act: read(async ({ startStranger }) => {
      await startStranger();
      return caughtUp(e3);
    }),
    left: fails(e1, noStranger),
  },
  {
    name: "whose failure it ignores has failed all the same, though it returns caughtUp",
    act: read(async ({ startStranger }) => {
      await startStranger().catch(() => {});
      return caughtUp(e3);
    }),
    left: fails(e1, noStranger),
  },
  {
    name: "that it does not await has failed all the same, though it returns completed (T4)",
    act: read(({ startStranger }) => {
      void startStranger();
      return completed(e3);
    }),
    left: fails(e1, noStranger),
  },
];

const thrown: readonly Row[] = [
  {
    name: "an Error goes on from the tail advanced to (rule 15)",
    act: readAndThrow(new Error("no route")),
    left: failsAfterProgress(e3, "no route"),
  },
  {
    name: "an Error before it advanced goes on from where it was",
    act: async () => {
      throw new Error("no route");
    },
    left: fails(e1, "no route"),
  },
  {
    name: "an Error after a checkpoint goes on from there (rule 15)",
    act: async ({ run, events }) => {
      for await (const { id } of events) if (id === e2) await run.checkpoint(id);
      throw new Error("no route");
    },
    left: failsAfterProgress(e2, "no route"),
  },
  { name: "SilentRetry waits for the backoff", act: readAndThrow(new SilentRetry()), left: waitsAfterProgress(e3) },
  {
    name: "the SilentRetry of another copy of this package waits for the backoff",
    act: readAndThrow(Object.assign(new Error("again"), { name: "SilentRetry" })),
    left: waitsAfterProgress(e3),
  },
  {
    name: "SilentRetryAfter waits for its time",
    act: readAndThrow(new SilentRetryAfter(inAWeek)),
    left: waitsAWeek(e3),
  },
  {
    name: "SilentRetryAfter a time that is past waits for the backoff (rule 17)",
    act: readAndThrow(new SilentRetryAfter(new Date(start - 1))),
    left: waitsAfterProgress(e3),
  },
  {
    name: "SilentRetryAfter an invalid date waits for the backoff (rule 17)",
    act: readAndThrow(new SilentRetryAfter(new Date("soon"))),
    left: waitsAfterProgress(e3),
  },
  {
    name: "an outcome has failed: outcomes are returned",
    act: readAndThrow(completed(e3)),
    left: failsAfterProgress(e3, "an object with type, tail"),
  },
  {
    name: "gRPC Canceled that is not ours has failed",
    act: readAndThrow(new ConnectError("the server left", Code.Canceled)),
    left: failsAfterProgress(e3, "[canceled] the server left"),
  },
  {
    name: "an AbortError that is not ours has failed",
    act: readAndThrow(new DOMException("somebody gave up", "AbortError")),
    left: failsAfterProgress(e3, "somebody gave up"),
  },
  {
    name: "gRPC Unavailable has failed",
    act: readAndThrow(new ConnectError("going away", Code.Unavailable)),
    left: failsAfterProgress(e3, "[unavailable] going away"),
  },
  { name: "a string has failed", act: readAndThrow("no route"), left: failsAfterProgress(e3, '"no route"') },
  { name: "null has failed", act: readAndThrow(null), left: failsAfterProgress(e3, "null") },
  {
    name: "undefined has failed, and not silently",
    act: readAndThrow(undefined),
    left: failsAfterProgress(e3, "undefined"),
  },
  {
    name: "for an illegal tail given to advance has failed at the last legal one",
    act: read(({ run }) => {
      run.advance("" as EventId);
      return caughtUp(e3);
    }),
    left: failsAfterProgress(
      e3,
      'run.advance of {task}: expected an event id or epoch, received "" [invalid-argument]',
    ),
  },
];

/** The same once the invocation's own signal has aborted. */
const aborted: readonly Row[] = [
  {
    name: "a thrown gRPC Canceled is ours: hands over in silence",
    act: read(({ abort }) => {
      abort();
      throw new ConnectError("canceled", Code.Canceled);
    }),
    left: handsOver(e3),
  },
  {
    name: "a thrown gRPC Canceled before any progress waits for the backoff (rule 9)",
    act: async ({ abort }) => {
      abort();
      throw new ConnectError("canceled", Code.Canceled);
    },
    left: waits(e1),
  },
  {
    name: "a thrown AbortError hands over in silence",
    act: read(({ abort }) => {
      abort();
      throw new DOMException("This operation was aborted", "AbortError");
    }),
    left: handsOver(e3),
  },
  {
    name: "the thrown reason of the abort hands over in silence, whatever it is",
    act: read(({ abort, run }) => {
      abort(new Error("the end is near"));
      throw run.signal.reason;
    }),
    left: handsOver(e3),
  },
  {
    name: "a plain loop ends before the head; its caughtUp is canceled, and nothing is skipped (T1)",
    onEvent: (id, stage) => id === e3 && stage.invocation.controller.abort(),
    act: plainLoop,
    left: handsOver(e2),
  },
  {
    name: "a plain loop that got nowhere waits for the backoff (rule 9)",
    onEvent: (id, stage) => id === e2 && stage.invocation.controller.abort(),
    act: plainLoop,
    left: waits(e1),
  },
  {
    name: "while its stream was opened, a plain loop sees an empty one, and waits for the backoff (rule 9)",
    onOpen: (stage) => stage.invocation.controller.abort(),
    act: plainLoop,
    left: waits(e1),
  },
  {
    name: "caughtUp at the head is canceled too: the next run will see (T3)",
    act: read(({ abort }) => {
      abort();
      return caughtUp(e3);
    }),
    left: handsOver(e3),
  },
  {
    name: "canceled hands over",
    act: read(({ abort }) => {
      abort();
      return canceled(e3);
    }),
    left: handsOver(e3),
  },
  {
    name: "completed is completed all the same (T4)",
    act: read(({ abort }) => {
      abort();
      return completed(e3);
    }),
    left: isDone(e3),
  },
  {
    name: "silentRetryAfter waits for its time all the same",
    act: read(({ abort }) => {
      abort();
      return silentRetryAfter(e3, inAWeek);
    }),
    left: waitsAWeek(e3),
  },
  {
    name: "an activity that ignores it is abandoned, which is canceled (rule 20)",
    act: read(({ abort }) => {
      abort();
      return new Promise(() => {});
    }),
    // Three seconds before the hard end of its invocation, which is left to commit.
    afterMs: 117_000,
    left: { ...handsOver(e3), due: 297_000, wake: { class: "handOver", in: 117_000 }, isAbandoned: true },
  },
  {
    name: "a thrown Error has failed all the same",
    act: read(({ abort }) => {
      abort();
      throw new Error("no route");
    }),
    left: failsAfterProgress(e3, "no route"),
  },
  {
    name: "a thrown gRPC Unavailable has failed all the same",
    act: read(({ abort }) => {
      abort();
      throw new ConnectError("going away", Code.Unavailable);
    }),
    left: failsAfterProgress(e3, "[unavailable] going away"),
  },
];

/** What an upstream does to a run; its activity is a plain loop that advances. */
const upstream: readonly Row[] = [
  {
    name: "refuses the stream: the activity is not called",
    onOpen: () => {
      throw new ConnectError("default deny", Code.Unknown);
    },
    act: read(() => caughtUp(e3)),
    left: { ...fails(e1, "[unknown] default deny"), passes: 0 },
  },
  {
    name: "ends the stream with Canceled, as a dying server does: has failed where it was",
    onEvent: (id) => {
      if (id === e3) throw new ConnectError("the server left", Code.Canceled);
    },
    act: read(() => caughtUp(e3)),
    left: failsAfterProgress(e2, "[canceled] the server left"),
  },
  {
    name: "ends the stream with Unavailable: has failed where it was",
    onEvent: (id) => {
      if (id === e3) throw new ConnectError("shutdown", Code.Unavailable);
    },
    act: read(() => caughtUp(e3)),
    left: failsAfterProgress(e2, "[unavailable] shutdown"),
  },
];

// ── how a row is played ──────────────────────────────────────────────────────────────────────────

/** One task of one aggregate under one engine, from just before the run that a row is about. */
class Stage {
  readonly engine: Engine;
  readonly world: ReturnType<typeof nogWorld>;
  readonly entity: string;
  readonly key: TaskKey;
  readonly invocation: ReturnType<Stage["world"]["invocation"]>;
  /** The run that the row is about is over: what comes now would come without it. */
  isOver = false;
  /** How often the activity was called, why, and the events it was handed. */
  passes = 0;
  readonly wokenBy: string[] = [];
  handed: string[] = [];
  readonly #isFresh: boolean;
  /** What the first call was told. */
  #told: object | undefined;
  readonly #aggregate: NogAggregate;
  readonly #task: string;
  #token: string | undefined;
  /** Eager: ends the leader that is under way. */
  #endLeader: () => Promise<unknown> = async () => {};

  constructor(engine: Engine, aggregate: NogAggregate, activity: Activity, row: OperatorPorts = {}) {
    const { kind } = aggregate.stream;
    this.engine = engine;
    this.entity = aggregate.entity;
    this.key = { entity: aggregate.entity, kind, activity: "reader" };
    this.#aggregate = aggregate;
    this.#isFresh = row.isFresh === true;
    this.#task = `${kind}/reader@${aggregate.entity}`;
    this.world = nogWorld({ activities: [engine.bind(activity)] });
    this.world.append(this.entity, ...(row.history ?? [e1, e2, e3]));
    this.world.onOpen = async () => {
      this.#token ??= (await this.record()).token;
      if (!this.isOver) row.onOpen?.(this);
    };
    this.world.onEvent = (_entity, id) => {
      if (!this.isOver) row.onEvent?.(id, this);
    };
    this.invocation = this.world.invocation();
  }

  record = () => this.world.record(this.entity);

  /** Writes the task as it is before the run. It was started six minutes ago. */
  async begin(more: Changes = {}): Promise<void> {
    const { name } = this.engine;
    const update = startUpdate(this.#aggregate.address, name, start - 360_000, eagerBucketOf(name, this.key));
    const troubles = this.#isFresh ? {} : inTrouble;
    const changes = { ...update.changes, ...troubles, fence: fence - 1, due: start + 180_000, ...more };
    this.world.seed({ ...this.key, ...changes } as TaskRecord);
  }

  /** Called when the activity is. True for the pass that the row is about. */
  enter({ attempt, fence, wokenBy }: RunContext<Stream>): boolean {
    this.passes++;
    this.wokenBy.push(wokenBy);
    if (this.passes > 1 || this.isOver) return false;
    this.#told = { attempt, fence, wokenBy };
    return true;
  }

  /** What a queue delivers, in an invocation of its own. */
  async wake(...messages: WakeMessage[]): Promise<void> {
    expect(await this.world.deliver(messages)).toEqual([]);
  }

  /** The run that the row is about; the eager engine's leader goes on. */
  async runOnce(afterMs = 0): Promise<void> {
    const handOver: WakeMessage = { class: "handOver", key: this.key, fence: fence - 1 };
    let errors: Promise<unknown[]> = Promise.resolve([]);
    if (this.engine.name === "eager") this.#hold();
    else errors = this.world.deliver([handOver], this.invocation);
    await quiet();
    await this.world.clock.advance(afterMs);
    expect(await errors).toEqual([]);
  }

  #hold(invocation = this.invocation): void {
    const held = leadEagerShard(this.world.ports, { shard: 0, shards: 1 }, invocation);
    this.#endLeader = () => {
      invocation.controller.abort();
      return held;
    };
  }

  async expectLeft(left: Left): Promise<void> {
    const { world, engine, entity } = this;
    const { token, leaseUntil, lastToken, ...record } = await this.record();
    const { status, tail, attempts, strikes, notBefore, due, error } = record;
    expect({ status, tail, attempts, strikes, notBefore, due, error, fence: record.fence }).toEqual({
      status: left.status,
      tail: left.tail,
      attempts: left.attempts,
      strikes: left.strikes ?? 0,
      notBefore: left.notBefore === undefined ? undefined : start + left.notBefore,
      due: left.due === undefined ? undefined : start + left.due,
      error: left.error && { ...left.error, message: this.#named(left.error.message) },
      fence,
    });
    // What never runs again is out of the sight of its leader (T4).
    const isForLeaders = engine.name === "eager" && status !== "completed" && status !== "parked";
    expect(record.eagerBucket).toEqual(isForLeaders ? expect.any(String) : undefined);
    // A commit gives the lease up (rule 1); to go on watching keeps it.
    if (left.status === "running") {
      expect({ token, leaseUntil }).toEqual({ token: this.#token, leaseUntil: start + 125_000 });
    } else expect({ token, leaseUntil, lastToken }).toEqual({ lastToken: this.#token });
    expect(this.#token).toEqual(expect.any(String));

    this.expectLog(left.log);
    expect(this.passes).toBe(left.passes ?? 1);
    const attempt = this.#isFresh ? 1 : 3;
    expect(this.#told).toEqual(this.passes > 0 ? { attempt, fence, wokenBy: "handOver" } : undefined);
    const after = this.#isFresh ? "" : e1;
    expect(world.opened[0], "the stream right after the stored tail (T1)").toEqual({ thingId: entity, after });
    expect(world.openStreams).toBe(left.status === "running" ? 1 : 0);
    const wake = engine.sendsWakes ? left.wake : undefined;
    expect(world.alarms.next).toBe(wake && start + wake.in);
    expect(world.alarms.quarantined).toEqual([]);
    expect(world.abandoned).toEqual(left.isAbandoned ? [this.#task] : []);
  }

  /** What the run said from level info on, with the fields that each line has. The leader's own are left out. */
  expectLog(lines: readonly LogLine[]): void {
    const ids = { activity: "reader", ...this.#aggregate.address, task: this.#task, fence };
    expect(this.world.log.filter(({ level, fields }) => level !== "debug" && !("leader" in fields))).toEqual(
      lines.map(({ fields: { err, ...fields }, ...rest }) => ({
        ...rest,
        fields: { ...ids, ...fields, ...(typeof err === "string" ? { err: this.#named(err) } : {}) },
      })),
    );
  }

  #named = (text: string) => text.replace("{task}", this.#task).replaceAll("{kind}", this.key.kind);

  /**
   * Time passes and one more event comes: the next run's stream begins right after the stored tail, and with it each
   * event after that one is handed out (T1). A task that is completed or parked does not run (T4).
   */
  async expectNothingSkipped(left: Left): Promise<void> {
    const { world, entity } = this;
    this.isOver = true;
    const opened = world.opened.length;
    this.handed = [];
    const watches = left.status === "running";
    const head = world.histories.get(entity)?.at(-1) ?? epoch;
    if (head !== e4) world.append(entity, e4);
    await this.#next(left);

    const history = world.histories.get(entity) ?? [];
    const expected = history.slice(history.indexOf(left.tail) + 1);
    const record = await this.record();
    if (left.status === "completed" || left.status === "parked") {
      expect(this.handed).toEqual([]);
      expect(world.opened).toHaveLength(opened);
      expect(record).toMatchObject({ status: left.status, tail: left.tail, fence });
    } else {
      expect(this.handed).toEqual(expected);
      const after = left.tail === epoch ? "" : left.tail;
      // A watch at the head of its stream goes on with it.
      expect(world.opened.slice(opened)).toEqual(watches && left.tail === head ? [] : [{ thingId: entity, after }]);
      const status = this.engine.name === "eager" ? "running" : "sleeping";
      expect(record).toMatchObject({ status, tail: e4, attempts: 0, fence: watches ? fence : fence + 1 });
    }
    const { token } = record;
    await this.end();
    const after = await this.record();
    if (record.status === "running") {
      // A watch that ends at the head hands over, to its next leader: no wake, and no attempt (rule 1).
      expect(after).toMatchObject({ status: "ready", tail: e4, attempts: 0, lastToken: token });
      expect(after.due).toBe(world.clock.now() + 180_000);
    } else expect(after).toEqual(record);
    expect(after).not.toHaveProperty("token");
    expect(world.alarms.next).toBeUndefined();
    expect({ openStreams: world.openStreams, sleeping: world.clock.sleeping }).toEqual({ openStreams: 0, sleeping: 0 });
  }

  /** What makes the task run next, if anything does. */
  async #next({ status, wake, notBefore, due }: Left): Promise<void> {
    const { world, engine, key, entity } = this;
    if (engine.name === "eager") {
      const waitsMs = notBefore ?? 0;
      if (this.invocation.signal.aborted || waitsMs > 60_000) {
        await this.end();
        await world.clock.advance(waitsMs);
        this.#hold(world.invocation());
        await quiet();
      } else if (status !== "running") {
        // The leader rereads its shard every 3 s.
        await world.clock.advance(waitsMs + 3_000);
      }
      return world.clock.advance(1_000);
    }
    if (wake) {
      await world.clock.advance(start + wake.in - world.clock.now());
      const at = notBefore === undefined ? {} : { notBefore: start + notBefore };
      const woken = world.alarms.take();
      expect(woken).toEqual([{ class: wake.class, key, fence, ...at }]);
      await this.wake(...woken);
      return world.drainUntil(world.clock.now() + 60_000);
    }
    if (engine.name === "lazy") await this.wake({ class: "signal", entity });
    if (engine.name === "lazy" && status === "sleeping") return;
    await world.clock.advance(start + (due ?? 3_600_000) - world.clock.now());
    await world.tick();
    expect(await world.drain()).toEqual([]);
  }

  async end(): Promise<void> {
    await this.#endLeader();
    await quiet();
  }
}

/** Lets whatever needs no time come to its end. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 4; i++) await settle();
}

const leftIn = (engine: Engine, left: Left | LeftBy): Left => ("lazy" in left ? left[engine.name] : left);

async function play(engine: Engine, aggregate: NogAggregate, row: Row): Promise<void> {
  const activity = defineProcessor(aggregate.stream, {
    name: "reader",
    ...(row.parkAfterAttempts === undefined ? {} : { parkAfterAttempts: row.parkAfterAttempts }),
    processEvents(run, stream) {
      const act = stage.enter(run) ? row.act : plainLoop;
      const abort = (reason?: unknown) => stage.invocation.controller.abort(reason);
      const events = noting(stage, stream);
      return act({ stage, run, events, abort, startStranger: () => startStranger(run, aggregate) });
    },
  });
  const stage = new Stage(engine, aggregate, activity, row);
  await stage.begin();
  await stage.runOnce(row.afterMs);
  const left = leftIn(engine, row.left);
  await stage.expectLeft(left);
  await stage.expectNothingSkipped(left);
}

function startStranger(run: RunContext<Stream>, { stream, address }: NogAggregate): Promise<unknown> {
  const stranger = defineProcessor(stream, { name: "stranger", processEvents: async ({ tail }) => completed(tail) });
  return run.start(stranger, address);
}

async function* noting<E>(stage: Stage, events: AsyncIterable<Recorded<E>>): AsyncGenerator<Recorded<E>> {
  for await (const recorded of events) {
    stage.handed.push(recorded.id);
    yield recorded;
  }
}

for (const engine of engines) {
  for (const aggregate of nogAggregates) {
    const playEach = (rows: readonly Row[]) => {
      for (const row of rows) it(row.name, () => play(engine, aggregate, row));
    };
    describe(`in the ${engine.name} engine, a task of kind ${aggregate.stream.kind}`, () => {
      describe("whose activity returns", () => playEach(returned));
      describe("that is fresh and whose activity returns", () => playEach(fresh));
      describe("whose activity throws", () => playEach(thrown));
      describe("whose run was aborted:", () => playEach(aborted));
      describe("whose activity starts a child", () => playEach(failedStart));
      describe("whose upstream", () => playEach(upstream));
    });
  }
}

// ── level 2 ──────────────────────────────────────────────────────────────────────────────────────

/** The view and the last event acted on move with the tail (T5). */
interface ViewedRow extends OperatorPorts {
  readonly name: string;
  readonly act: (scene: Pick<Scene, "abort" | "startStranger">) => Decision | Promise<Decision>;
  readonly apply?: (id: string) => void;
  readonly left: Left | LeftBy;
  readonly view: string | undefined;
  /** `undefined`: the next run must act (rule 14). */
  readonly acted: Tail | undefined;
}

/** From here on one kind is enough. */
const aRepo = nogAggregates.find(({ stream }) => stream.kind === "repo") as NogAggregate;
const whole = '{"ids":["E1","E2","E3"]}';

const viewed: readonly ViewedRow[] = [
  {
    name: "returns completed never runs again, and keeps no view (T4)",
    act: () => completed(),
    left: isDone(e3),
    view: undefined,
    acted: undefined,
  },
  {
    name: "returns caughtUp has acted on the last event",
    act: () => caughtUp(),
    left: hasCaughtUp(e3, progressed(e3)),
    view: whole,
    acted: e3,
  },
  {
    name: "is not called without news has caught up (rule 14)",
    history: [e1],
    act: () => {
      throw new Error("must not act");
    },
    left: inPasses(0, hasCaughtUp(e1)),
    view: '{"ids":["E1"]}',
    acted: e1,
  },
  {
    name: "returns silentRetry acts again after the backoff",
    act: () => silentRetry(),
    left: waits(e3),
    view: whole,
    acted: undefined,
  },
  {
    name: "returns silentRetryAfter acts again at its time",
    act: () => silentRetryAfter(inAWeek),
    left: waitsAWeek(e3),
    view: whole,
    acted: undefined,
  },
  {
    name: "returns silentRetryAfter a time that is past acts again after the backoff (rule 17)",
    act: () => silentRetryAfter(new Date(start - 1)),
    left: waits(e3),
    view: whole,
    acted: undefined,
  },
  {
    name: "returns silentRetryAfter a time that no schedule can name has failed (rule 17)",
    act: () => silentRetryAfter(new Date(8.64e15)),
    left: fails(e3, outOfReach(new Date(8.64e15))),
    view: whole,
    acted: undefined,
  },
  {
    name: "throws SilentRetryAfter a time that no schedule can name has failed (rule 17)",
    act: () => {
      throw new SilentRetryAfter(new Date(8.64e15));
    },
    left: fails(e3, outOfReach(new Date(8.64e15))),
    view: whole,
    acted: undefined,
  },
  {
    name: "returns nothing has failed: that is no decision",
    act: () => undefined as never,
    left: fails(
      e3,
      "result of act of {task}: expected a decision, as caughtUp() or completed(), received undefined [invalid-argument]",
    ),
    view: whole,
    acted: undefined,
  },
  {
    name: "throws an Error has failed, and keeps its view: what it folded before is no progress (rule 9)",
    act: () => {
      throw new Error("no route");
    },
    left: fails(e3, "no route"),
    view: whole,
    acted: undefined,
  },
  {
    name: "throws undefined has failed, and not silently",
    act: () => {
      throw undefined;
    },
    left: fails(e3, "undefined"),
    view: whole,
    acted: undefined,
  },
  {
    name: "throws SilentRetry acts again after the backoff",
    act: () => {
      throw new SilentRetry();
    },
    left: waits(e3),
    view: whole,
    acted: undefined,
  },
  {
    name: "throws SilentRetryAfter acts again at its time",
    act: () => {
      throw new SilentRetryAfter(inAWeek);
    },
    left: waitsAWeek(e3),
    view: whole,
    acted: undefined,
  },
  {
    name: "returns caughtUp in an aborted run is canceled: it acts again",
    act: ({ abort }) => {
      abort();
      return caughtUp();
    },
    left: handsOver(e3),
    view: whole,
    acted: undefined,
  },
  {
    name: "throws gRPC Canceled in an aborted run is canceled: it acts again",
    act: ({ abort }) => {
      abort();
      throw new ConnectError("canceled", Code.Canceled);
    },
    left: handsOver(e3),
    view: whole,
    acted: undefined,
  },
  {
    name: "starts a child in vain goes back to the stored view and its tail (rule 13, T5)",
    act: async ({ startStranger }) => {
      await startStranger();
      return caughtUp();
    },
    left: fails(e1, noStranger),
    view: '{"ids":["E1"]}',
    acted: e1,
  },
  {
    name: "is not reached, since apply throws, goes back to the stored view and its tail (T5)",
    apply: (id) => {
      if (id === e3) throw new Error("cannot read E3");
    },
    act: () => caughtUp(),
    left: { ...fails(e1, "cannot read E3"), passes: 0 },
    view: '{"ids":["E1"]}',
    acted: e1,
  },
  {
    name: "is not reached, since its stream was cut, has failed after progress (rule 9, T5)",
    onEvent: (id) => {
      if (id === e3) throw new ConnectError("shutdown", Code.Unavailable);
    },
    act: () => caughtUp(),
    left: { ...failsAfterProgress(e2, "[unavailable] shutdown"), passes: 0 },
    view: '{"ids":["E1","E2"]}',
    acted: e1,
  },
  {
    name: "is not reached, since the run was aborted, goes on with the view so far (T5)",
    onEvent: (id, stage) => id === e3 && stage.invocation.controller.abort(),
    act: () => caughtUp(),
    left: { ...handsOver(e2), passes: 0 },
    view: '{"ids":["E1","E2"]}',
    acted: e1,
  },
];

async function playViewed(engine: Engine, row: ViewedRow): Promise<void> {
  const activity = defineActivity(aRepo.stream, {
    name: "reader",
    view: { version: 1, initial: (): { ids: string[] } => ({ ids: [] }) },
    apply(view, { id }) {
      if (!stage.isOver) row.apply?.(id);
      stage.handed.push(id);
      view.ids.push(id.slice(-2));
    },
    async act(_view, run) {
      const abort = () => stage.invocation.controller.abort();
      return stage.enter(run) ? row.act({ abort, startStranger: () => startStranger(run, aRepo) }) : caughtUp();
    },
  });
  const stage = new Stage(engine, aRepo, activity, row);
  await stage.begin({ view: '{"ids":["E1"]}', viewVersion: 1, acted: e1 });
  await stage.runOnce();
  const left = leftIn(engine, row.left);
  await stage.expectLeft(left);
  const { view, acted } = await stage.record();
  expect({ view, acted }).toEqual({ view: row.view, acted: row.acted });
  await stage.expectNothingSkipped(left);
  if (left.status === "completed") return;
  const ids = stage.world.histories.get(stage.entity)?.map((id) => id.slice(-2));
  expect(await stage.record()).toMatchObject({ view: JSON.stringify({ ids }), acted: e4 });
}

for (const engine of engines) {
  describe(`in the ${engine.name} engine, a task whose act`, () => {
    for (const row of viewed) it(row.name, () => playViewed(engine, row));
  });
}

// ── a lease that is lost ─────────────────────────────────────────────────────────────────────────

/** An operator has rewound the task while it ran: whatever the run ends with, it changes nothing (T2). */
const ends: readonly { readonly name: string; readonly end: () => Outcome; readonly err?: string }[] = [
  { name: "returns completed", end: () => completed(e3) },
  { name: "returns caughtUp", end: () => caughtUp(e3) },
  { name: "returns canceled", end: () => canceled(e3) },
  { name: "returns canceled without progress", end: () => canceled(e1) },
  { name: "returns silentRetry", end: () => silentRetry(e3) },
  { name: "returns silentRetryAfter", end: () => silentRetryAfter(e3, inAWeek) },
  { name: "returns retry", end: () => retry(e3, new Error("no route")), err: "no route" },
  {
    name: "throws an Error",
    end: () => {
      throw new Error("no route");
    },
    err: "no route",
  },
];

for (const engine of engines) {
  describe(`in the ${engine.name} engine, a run that has lost its lease`, () => {
    for (const { name, end, err } of ends) {
      it(`changes nothing, sends nothing and says that it has (T2), if it ${name}`, async () => {
        let rewound: TaskRecord | undefined;
        const activity = defineProcessor(aRepo.stream, {
          name: "reader",
          async processEvents(run, stream) {
            if (!stage.enter(run)) return caughtUp(run.tail);
            for await (const { id } of stream) run.advance(id);
            const update = rewind(epoch, start, eagerBucketOf(engine.name, stage.key));
            rewound = (await stage.world.store.update(stage.key, update)).record;
            return end();
          },
        });
        const stage = new Stage(engine, aRepo, activity);
        await stage.begin();
        await stage.runOnce();
        expect(rewound).toMatchObject({ status: "ready", tail: epoch, fence: fence + 1 });
        expect(await stage.record()).toEqual(rewound);
        stage.expectLog([line("warn", "lease lost", err === undefined ? {} : { err })]);
        expect(stage.world.alarms.next).toBeUndefined();
        expect(stage.world.openStreams).toBe(0);
        await stage.end();
      });
    }
  });
}

// ── news for a task that watches ─────────────────────────────────────────────────────────────────

describe("in the eager engine, a task that watches", () => {
  async function watching(history: readonly EventId[] = [e1, e2, e3]): Promise<Stage> {
    const activity = defineProcessor(aRepo.stream, {
      name: "reader",
      processEvents(run, stream) {
        stage.enter(run);
        return plainLoop({ run, events: noting(stage, stream) });
      },
    });
    const stage = new Stage(eagerEngine, aRepo, activity, { history });
    await stage.begin();
    await stage.runOnce();
    return stage;
  }

  it("hands over at the end of its invocation, though its tail has not moved: that is no attempt (rule 9)", async () => {
    const stage = await watching([e1]);
    await stage.expectLeft(hasCaughtUp(e1).eager);
    await stage.end();
    const { error: _, ...left } = handsOver(e1);
    await stage.expectLeft(left);
    await stage.expectNothingSkipped(left);
  });

  it("has failed when its stream breaks and cannot be opened again", async () => {
    const stage = await watching();
    const { world, entity } = stage;
    world.onEvent = () => {
      throw new ConnectError("shutdown", Code.PermissionDenied);
    };
    world.append(entity, e4);
    await world.clock.advance(1_000);
    // Opened again after 250 ms of [125 ms, 250 ms]. Since it caught up, this is the first attempt.
    const { status, tail, attempts, notBefore, error } = await stage.record();
    expect({ status, tail, attempts, notBefore }).toEqual({
      status: "retrying",
      tail: e3,
      attempts: 1,
      notBefore: start + 187.5 + 15_000,
    });
    expect(error).toMatchObject({ message: "[permission_denied] shutdown", afterEvent: e3 });
    expect(world.opened.map(({ after }) => after)).toEqual([e1, e3]);
    const failed = { err: "[permission_denied] shutdown", afterEvent: e3, attempt: 1, retryInMs: 15_000 };
    stage.expectLog([progressed(e3), line("error", "failed", failed)]);
    expect(world.openStreams).toBe(0);
    await stage.end();
  });

  it("is poked by an operator's wake when its leader rereads the shard, every 3 s (T3)", async () => {
    const stage = await watching();
    await stage.wake({ class: "operator", key: stage.key });
    await stage.world.clock.advance(2_999);
    expect(stage.wokenBy).toEqual(["handOver"]);
    await stage.world.clock.advance(1);
    expect(stage.wokenBy).toEqual(["handOver", "operator"]);
    const left = hasCaughtUp(e3, progressed(e3)).eager;
    await stage.expectLeft({ ...left, passes: 2 });
    await stage.expectNothingSkipped(left);
  });

  it("is not written to for a signal: its stream brings the event (rule 4)", async () => {
    const stage = await watching();
    const before = await stage.record();
    await stage.wake({ class: "signal", entity: stage.entity });
    await stage.world.clock.advance(6_000);
    expect(await stage.record()).toEqual(before);
    expect(stage.wokenBy).toEqual(["handOver"]);
    await stage.expectNothingSkipped(hasCaughtUp(e3).eager);
  });
});
