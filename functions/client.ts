import { type App, createMachinery } from "./app.ts";
import type { Activity, Task, TaskStatus } from "./contract/activity.ts";
import { describeError, TailwakeError } from "./contract/error.ts";
import { type AddressOf, checkAddress, declarationOf, type Stream } from "./contract/stream.ts";
import type { Tail } from "./contract/tail.ts";
import { taskKey } from "./engines/binding.ts";
import type { Machinery } from "./engines/engine.ts";
import { startTask, statusOf } from "./engines/start.ts";
import { appSettings, type Environment, readSettings } from "./settings.ts";
import {
  type EngineName,
  eagerBucketOf,
  type TaskRecord as StoredRecord,
  type TaskKey,
  taskName,
} from "./tasks/record.ts";
import { pause, resume, resumeRunning, rewind } from "./tasks/transitions.ts";
import type { Update } from "./tasks/update.ts";
import * as breaker from "./upstream/breaker.ts";

/** A task as people see it. */
export interface TaskRecord {
  readonly name: string;
  readonly activity: string;
  readonly kind: string;
  readonly address: Readonly<Record<string, string>>;
  readonly engine: EngineName;
  readonly status: TaskStatus;
  readonly tail: Tail;
  readonly fence: number;
  readonly attempts: number;
  readonly notBefore?: Date;
  readonly lastError?: { readonly message: string; readonly at: Date; readonly afterEvent: Tail };
  readonly lease?: { readonly owner: string; readonly expiresAt: Date };
}

/** Tasks from outside of a run: for your own code and for operators. */
export interface Tasks {
  /** Starts a task; one that is there already is left alone. Resolves to its status. */
  start<S extends Stream>(activity: Activity<S>, address: AddressOf<S>): Promise<TaskStatus>;
  /** Says that an aggregate has news. A hint: it may come late or twice. */
  signal<S extends Stream>(stream: S, address: AddressOf<S>): Promise<void>;
  get<S extends Stream>(activity: Activity<S>, address: AddressOf<S>): Promise<TaskRecord | undefined>;
  /**
   * Reads the whole table, page by page: not for a path that runs often. A record that cannot be read is an error in the
   * log.
   */
  list(filter?: { readonly status?: TaskStatus; readonly activity?: string }): AsyncIterable<TaskRecord>;
  /** Runs a task now, though it sleeps or waits for a retry. */
  wake(task: Task): Promise<void>;
  pause(task: Task): Promise<void>;
  /** Lets a paused or parked task run again. */
  resume(task: Task): Promise<void>;
  /** Moves the tail and starts over with an empty view. Refused while running unless forced; force fences the run out. */
  rewind(task: Task, to: Tail, options?: { readonly force?: boolean }): Promise<void>;
  /** Lets no task of an upstream run until it is resumed; news is kept. Functions notice within 5 s. */
  pauseUpstream(upstream: string, reason: string): Promise<void>;
  /** Its tasks run again as they come due: the last within 5 min. */
  resumeUpstream(upstream: string): Promise<void>;
}

/** Attempts of an operator's write against other writers. */
const rounds = 5;

/** The tasks of a deployed app. Reads the same environment as its functions; throws one `SettingsError`. */
export function createTasks(app: App, environment: Environment = process.env): Tasks {
  return tasksOf(createMachinery(app, readSettings(environment, appSettings)));
}

/** The tasks behind given machinery. */
export function tasksOf(machinery: Machinery): Tasks {
  const { store, wakes, clock, bindings, breakers, log } = machinery;

  const keyOf = ({ activity, address }: Task): TaskKey => {
    const binding = bindings.of(activity);
    return taskKey(binding, checkAddress(binding.stream, address));
  };

  /** Reads the record, decides on a write, and does so again if another writer was quicker. */
  async function change(task: Task, decide: (stored: StoredRecord) => Update): Promise<StoredRecord> {
    const key = keyOf(task);
    let stored = await store.get(key);
    for (let round = 1; round <= rounds; round++) {
      if (!stored) throw refusal("unknown-task", key, "a record in the task table", "none");
      const written = await store.update(key, decide(stored));
      if (written.applied) return written.record;
      stored = written.record;
    }
    throw refusal(
      "store-refused",
      key,
      `its record to stand still for one of ${rounds} rounds`,
      "another writer each time",
    );
  }

  return {
    async start(activity, address) {
      return statusOf((await startTask(machinery, activity, address)).record);
    },
    async signal(stream, address) {
      const { definition, kind } = declarationOf(stream);
      await wakes.send([{ class: "signal", entity: definition.entityId(checkAddress(stream, address)), kind }]);
    },
    async get(activity, address) {
      const stored = await store.get(keyOf({ activity, address }));
      return stored && publicRecord(stored);
    },
    async *list(filter = {}) {
      const onMalformed = (error: TailwakeError) => log.error("record not readable", { err: describeError(error) });
      for await (const stored of store.list(onMalformed)) {
        const record = publicRecord(stored);
        if (filter.status !== undefined && record.status !== filter.status) continue;
        if (filter.activity !== undefined && record.activity !== filter.activity) continue;
        yield record;
      }
    },
    async wake(task) {
      await wakes.send([{ class: "operator", key: keyOf(task) }]);
    },
    async pause(task) {
      await change(task, (stored) => {
        if (stored.status === "completed") throw refusal("store-refused", stored, "a task that can run", "completed");
        return pause(stored.status === "running");
      });
    },
    async resume(task) {
      const record = await change(task, (stored) => {
        if (!stored.paused && stored.status !== "parked") {
          throw refusal("store-refused", stored, "a paused or parked task", statusOf(stored));
        }
        const bucket = eagerBucketOf(bindings.of(task.activity).engine, stored);
        return stored.status === "running" ? resumeRunning(clock.now(), bucket) : resume(stored, clock.now(), bucket);
      });
      const { fence, notBefore } = record;
      const key = keyOf(task);
      if (record.status === "ready") await wakes.send([{ class: "operator", key }]);
      if (record.status === "retrying") await wakes.sendAt({ class: "timer", key, fence }, notBefore ?? clock.now());
    },
    async rewind(task, to, options = {}) {
      let view: string | undefined;
      await change(task, (stored) => {
        if (stored.status === "completed") throw refusal("store-refused", stored, "a task that can run", "completed");
        if (stored.status === "running" && !options.force) {
          throw refusal("store-refused", stored, "a task that is not running, or force", "running");
        }
        view = stored.viewRef;
        return rewind(to, clock.now(), eagerBucketOf(bindings.of(task.activity).engine, stored));
      });
      const key = keyOf(task);
      if (view !== undefined) await store.deleteView(key, view);
      await wakes.send([{ class: "operator", key }]);
    },
    async pauseUpstream(upstream, reason) {
      machinery.upstream(upstream);
      const paused = await breakers.change(upstream, (stored) => breaker.pause(stored, clock.now(), reason));
      if (paused) return;
      throw new TailwakeError({
        code: "store-refused",
        subject: `breaker of upstream ${upstream}`,
        expected: "to stand still for one of several rounds",
        received: "another writer each time",
      });
    },
    async resumeUpstream(upstream) {
      machinery.upstream(upstream);
      await breakers.change(upstream, (stored) => (stored.paused ? breaker.unpause(stored) : undefined));
    },
  };
}

function publicRecord(stored: StoredRecord): TaskRecord {
  const { activity, kind, address, engine, tail, fence, attempts, notBefore, error, token, leaseUntil } = stored;
  return {
    name: taskName(stored),
    activity,
    kind,
    address,
    engine,
    status: statusOf(stored),
    tail,
    fence,
    attempts,
    ...(notBefore === undefined ? {} : { notBefore: new Date(notBefore) }),
    ...(error && { lastError: { ...error, at: new Date(error.at) } }),
    ...(token !== undefined && { lease: { owner: token, expiresAt: new Date(leaseUntil ?? 0) } }),
  };
}

function refusal(
  code: "unknown-task" | "store-refused",
  key: TaskKey,
  expected: string,
  received: string,
): TailwakeError {
  return new TailwakeError({ code, subject: `task ${taskName(key)}`, expected, received });
}
