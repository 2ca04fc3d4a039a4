import { describeValue, TailwakeError } from "../contract/error.ts";
import { isTail, type Tail } from "../contract/tail.ts";
import type { Breakers } from "../engines/breakers.ts";
import { statusOf } from "../run/start.ts";
import { compareAndSwap, stillMoving } from "../tasks/compare-and-swap.ts";
import type { ControlStore } from "../tasks/control.ts";
import {
  type EngineName,
  eagerBucketOf,
  type Intervention,
  type TaskKey,
  type TaskRecord,
  taskName,
} from "../tasks/record.ts";
import type { TaskStore } from "../tasks/store.ts";
import { pause, resume, resumeRunning, rewind } from "../tasks/transitions.ts";
import type { Update } from "../tasks/update.ts";
import * as breaker from "../upstream/breaker.ts";
import type { Alarms } from "../wake/alarms.ts";
import { type Action, checkNote, type Note, recordAction } from "./actions.ts";

/** Tries of an operator's write against other writers. */
const maxTries = 5;

export interface OperatorPorts {
  readonly store: TaskStore;
  readonly control: ControlStore;
  readonly alarms: Alarms;
  readonly breakers: Pick<Breakers, "change">;
  readonly clock: { now(): number };
  /** Adds to the list of last actions. Default {@link recordAction}. */
  readonly list?: (action: Action) => Promise<void>;
  /** The engine of a task: the one it is bound to in the app, or else that of its last run. */
  engineOf(record: TaskRecord): EngineName;
}

/**
 * The actions of operators on tasks and upstreams. Each may throw a `TailwakeError`: "unknown-task", "store-refused" if
 * the task is not in a state for the action or other writers win every try, "invalid-argument" for an invalid note or
 * tail. A note is kept in the record and in the list of last actions.
 */
export interface Operators {
  /** Runs a task now, even if it sleeps or waits for a retry. */
  wake(key: TaskKey): Promise<void>;
  pause(key: TaskKey, note?: Note): Promise<TaskRecord>;
  /** Lets a paused or parked task run again. */
  resume(key: TaskKey, note?: Note): Promise<TaskRecord>;
  /** Moves the tail and starts over with an empty view. Refused while running; `force` fences out the run instead. */
  rewind(key: TaskKey, to: Tail, options?: RewindOptions): Promise<TaskRecord>;
  /** Moves the tail past unprocessable events. Refused for a task with a view, which is made of all events. */
  skipTo(key: TaskKey, to: Tail, options?: RewindOptions): Promise<TaskRecord>;
  /** Keeps all tasks of an upstream from running until it is resumed. Keeps news. Functions notice within 5 s. */
  pauseUpstream(upstream: string, note: Note): Promise<void>;
  /** Lets the tasks of an upstream run again when they are due: all within 5 min. */
  resumeUpstream(upstream: string, note?: Note): Promise<void>;
}

export interface RewindOptions {
  readonly force?: boolean | undefined;
  readonly note?: Note | undefined;
}

export function createOperators(ports: OperatorPorts): Operators {
  const { store, control, alarms, breakers, clock, engineOf } = ports;
  const { list = (action) => recordAction(control, action) } = ports;

  /** Reads the record and decides on a write; decides again if another writer was first. */
  async function change(
    action: string,
    key: TaskKey,
    note: Note | undefined,
    decide: (stored: TaskRecord, intervention: Intervention | undefined) => Update,
  ): Promise<TaskRecord> {
    const intervention = interventionOf(action, note);
    const changed = await compareAndSwap<TaskRecord | undefined, Update, TaskRecord>(
      await store.get(key),
      maxTries,
      (stored) => {
        if (!stored) throw refusal("unknown-task", key, "a record in the task table", "none");
        return { write: decide(stored, intervention) };
      },
      async (update) => {
        const { applied, record } = await store.update(key, update);
        return applied ? { applied, result: record } : { applied, stored: record };
      },
    );
    if (changed === stillMoving) throw refusedEachTime(`task ${taskName(key)}`);
    if (intervention) await list({ ...intervention, target: taskName(key) });
    return changed;
  }

  function interventionOf(action: string, note: Note | undefined): Intervention | undefined {
    if (!note) return undefined;
    checkNote(note);
    return { action, reason: note.reason, by: note.by, at: clock.now() };
  }

  async function moveTail(action: "rewind" | "skip-to", key: TaskKey, to: Tail, options: RewindOptions) {
    // A record with an invalid tail could not be read again.
    if (!isTail(to)) throw misused(`tail for ${action}`, "epoch or the id of an event, made by eventId(text)", to);
    let view: string | undefined;
    const record = await change(action, key, options.note, (stored, intervention) => {
      if (stored.status === "completed") throw refusal("store-refused", stored, "a task that can run", "completed");
      if (stored.status === "running" && !options.force) {
        throw refusal("store-refused", stored, "a task that is not running, or force", "running");
      }
      if (action === "skip-to" && stored.viewVersion !== undefined) {
        throw refusal("store-refused", stored, "a task without a view, which is made of all events", "one with a view");
      }
      view = stored.viewRef;
      return rewind(to, clock.now(), eagerBucketOf(engineOf(stored), stored), intervention);
    });
    if (view !== undefined) await store.deleteView(key, view);
    await alarms.send([{ class: "operator", key }]);
    return record;
  }

  return {
    async wake(key) {
      await alarms.send([{ class: "operator", key }]);
    },
    pause: (key, note) =>
      change("pause", key, note, (stored, intervention) => {
        if (stored.status === "completed") throw refusal("store-refused", stored, "a task that can run", "completed");
        return pause(stored.status === "running", intervention);
      }),
    async resume(key, note) {
      const record = await change("resume", key, note, (stored, intervention) => {
        const status = statusOf(stored);
        if (status !== "paused" && status !== "parked") {
          throw refusal("store-refused", stored, "a paused or parked task", status);
        }
        const bucket = eagerBucketOf(engineOf(stored), stored);
        return stored.status === "running"
          ? resumeRunning(clock.now(), bucket, intervention)
          : resume(stored, clock.now(), bucket, intervention);
      });
      const { fence, notBefore } = record;
      if (record.status === "ready") await alarms.send([{ class: "operator", key }]);
      if (record.status === "retrying") await alarms.sendAt({ class: "timer", key, fence }, notBefore ?? clock.now());
      return record;
    },
    rewind: (key, to, options = {}) => moveTail("rewind", key, to, options),
    skipTo: (key, to, options = {}) => moveTail("skip-to", key, to, options),
    async pauseUpstream(upstream, note) {
      const intervention = interventionOf("pause", note);
      const { reason } = note;
      const paused = await breakers.change(upstream, (stored) => breaker.pause(stored, clock.now(), reason));
      if (!paused) throw refusedEachTime(`breaker of upstream ${upstream}`);
      if (intervention) await list({ ...intervention, target: `upstream ${upstream}` });
    },
    async resumeUpstream(upstream, note) {
      const intervention = interventionOf("resume", note);
      await breakers.change(upstream, (stored) => (stored.paused ? breaker.unpause(stored) : undefined));
      if (intervention) await list({ ...intervention, target: `upstream ${upstream}` });
    },
  };
}

function refusedEachTime(subject: string): TailwakeError {
  return new TailwakeError({
    code: "store-refused",
    subject,
    expected: `not to change during one of ${maxTries} tries`,
    received: "another writer each time",
  });
}

function misused(subject: string, expected: string, received: unknown): TailwakeError {
  return new TailwakeError({ code: "invalid-argument", subject, expected, received: describeValue(received) });
}

function refusal(
  code: "unknown-task" | "store-refused",
  key: TaskKey,
  expected: string,
  received: string,
): TailwakeError {
  return new TailwakeError({ code, subject: `task ${taskName(key)}`, expected, received });
}
