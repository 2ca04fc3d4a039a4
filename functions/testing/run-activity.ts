import { type Activity, behaviourOf, type Task } from "../contract/activity.ts";
import { TailwakeError } from "../contract/error.ts";
import type { Outcome } from "../contract/outcome.ts";
import type { AddressOf, EventOf, Recorded, Stream } from "../contract/stream.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import type { LogEntry } from "../foundation/recording-logger.ts";
import { runTask } from "../run/run.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { acquire } from "../tasks/transitions.ts";
import type { Changes } from "../tasks/update.ts";
import type { WakeClass } from "../wake/wake.ts";
import type { Call, Reaction, Routes } from "./scripted-server.ts";
import { ScriptedWorld } from "./scripted-world.ts";
import { TestClock } from "./test-clock.ts";

export interface RunGiven<S extends Stream> {
  readonly address: AddressOf<S>;
  /** The whole stream of the aggregate. The run gets the events after `tail`. */
  readonly history: readonly Recorded<EventOf<S>>[];
  /** The stored tail. Default epoch. At level 2 the view of the events up to it is stored, and has been acted on. */
  readonly tail?: Tail;
  /** The services that the activity calls. A handler appends to the history what the real one would. */
  readonly routes?: Routes<EventOf<S>>;
  /** Another actor on the stream, which reacts to appended events. */
  readonly react?: Reaction<EventOf<S>>;
  /** Default 2026-01-01T00:00:00Z. */
  readonly now?: Date;
  /** Why the task was woken. Default "signal". */
  readonly wokenBy?: WakeClass;
  /** The number of the attempt, from 1. Default 1. */
  readonly attempt?: number;
  /** Children that have completed; any other is ready. */
  readonly completedChildren?: readonly Task[];
  /** The invocation's deadline comes after this many events. */
  readonly abortAfterEvents?: number;
  /** The invocation's deadline comes during this call, from 1, after it has reached the server. */
  readonly abortDuringCall?: number;
}

export interface RunResult {
  /** The outcome of the run, with its tail. */
  readonly outcome: Outcome;
  /** Level 2: whether `act` was called. */
  readonly acted: boolean;
  /** Level 2: the view after the run, as stored; undefined at level 1. */
  readonly view: unknown;
  /** The unary calls that the activity made, in order. */
  readonly calls: readonly Call[];
  /** The children that it started, in order. */
  readonly started: readonly Task[];
  readonly log: readonly LogEntry[];
  /** The task's record after the run. */
  readonly record: TaskRecord;
}

/**
 * Runs an activity once in memory, without AWS and without a server: the code that runs on Lambda, over a scripted
 * history, with a clock that does not move. Throws a `TailwakeError` ("invalid-argument") for a tail, given or returned,
 * that the history does not have. If the activity throws, the outcome is `retry`.
 */
export async function runActivity<S extends Stream>(activity: Activity<S>, given: RunGiven<S>): Promise<RunResult> {
  const { tail = epoch, abortAfterEvents, wokenBy = "signal", attempt = 1 } = given;
  const clock = new TestClock(given.now?.getTime());
  const deadline = new AbortController();
  const end = () => deadline.abort(new DOMException("the test's deadline", "AbortError"));
  let events = 0;
  const world = new ScriptedWorld({
    activity,
    address: given.address,
    history: given.history,
    clock,
    routes: given.routes as Routes<never> | undefined,
    react: given.react as Reaction<never> | undefined,
    moments: {
      async around(what, moment) {
        if (moment === "after" && what.startsWith("the call") && world.calls.length === given.abortDuringCall) end();
      },
      async onEvent() {
        if (events++ === abortAfterEvents) end();
      },
    },
  });
  for (const child of given.completedChildren ?? []) await world.seed(child, { status: "completed" });
  await world.seed(
    { activity, address: given.address },
    { tail, attempts: attempt - 1, ...viewUpTo(activity, given.history, tail) },
  );
  const { ports, key } = world;
  const now = clock.now();
  const claim = {
    token: "run",
    leaseUntil: now,
    engine: "lazy",
    eagerBucket: undefined,
    inQuarantine: true,
    now,
  } as const;
  const acquired = await world.store.update(key, acquire(claim, { sleeping: true, early: true, fence: undefined }));
  if (!acquired.applied) throw new Error("the record that was just written could not be acquired");
  const binding = ports.bindings.find(key);
  await runTask(ports, binding, acquired.record, wokenBy, world.invocation(deadline.signal));
  world.checkTails();
  const outcome = world.outcomes.at(-1);
  if (!outcome) throw new Error("the run ended without an outcome");
  const { calls, started, log, acts } = world;
  return { outcome, acted: acts > 0, view: await world.view(), calls, started, log, record: await world.record() };
}

/** The attributes that a level 2 activity would have stored at a tail. */
function viewUpTo(activity: Activity, history: readonly Recorded<unknown>[], tail: Tail): Changes {
  const { behaviour } = behaviourOf(activity);
  const last = tail === epoch ? -1 : history.findIndex(({ id }) => id === tail);
  if (tail !== epoch && last < 0) {
    throw new TailwakeError({
      code: "invalid-argument",
      subject: "tail of runActivity",
      expected: "epoch or the id of an event in the history",
      received: tail,
    });
  }
  if (behaviour.type !== "viewed" || tail === epoch) return {};
  const view = behaviour.view.initial();
  for (const recorded of history.slice(0, last + 1)) behaviour.apply(view, recorded);
  return { view: JSON.stringify(view), viewVersion: behaviour.view.version, acted: tail };
}
