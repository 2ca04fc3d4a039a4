import { type App, createPorts } from "./app.ts";
import type { Activity, Task, TaskStatus } from "./contract/activity.ts";
import { describeError, type TailwakeError } from "./contract/error.ts";
import { type AddressOf, checkAddress, declarationOf, type Stream } from "./contract/stream.ts";
import type { Tail } from "./contract/tail.ts";
import { taskKey } from "./engines/binding.ts";
import { noMeter } from "./engines/meter.ts";
import type { Ports } from "./engines/ports.ts";
import { jsonLogger } from "./foundation/logger.ts";
import type { Note } from "./operate/actions.ts";
import { createOperators, type RewindOptions } from "./operate/operators.ts";
import { startTask, statusOf } from "./run/start.ts";
import { appSettings, type Environment, readSettings } from "./settings.ts";
import { type EngineName, type TaskRecord as StoredRecord, type TaskKey, taskName } from "./tasks/record.ts";

export type { Note } from "./operate/actions.ts";
export type { RewindOptions } from "./operate/operators.ts";

/** A task's record, without the fields that only the engines use. */
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

/** Access to tasks from outside a run: for your own code and for operators. */
export interface Tasks {
  /** Starts a task, unless it exists. Resolves to its status. */
  start<S extends Stream>(activity: Activity<S>, address: AddressOf<S>): Promise<TaskStatus>;
  /** Sends the signal that an aggregate has news: a hint, which may arrive late or twice. */
  signal<S extends Stream>(stream: S, address: AddressOf<S>): Promise<void>;
  get<S extends Stream>(activity: Activity<S>, address: AddressOf<S>): Promise<TaskRecord | undefined>;
  /**
   * Reads the whole table, page by page: do not call it often. A record that cannot be read is skipped, with an error
   * in the log.
   */
  list(filter?: { readonly status?: TaskStatus; readonly activity?: string }): AsyncIterable<TaskRecord>;
  /** Runs a task now, even if it sleeps or waits for a retry. */
  wake(task: Task): Promise<void>;
  pause(task: Task, note?: Note): Promise<void>;
  /** Lets a paused or parked task run again. */
  resume(task: Task, note?: Note): Promise<void>;
  /** Moves the tail and empties the view. Refused during a run, unless forced; force fences the run out. */
  rewind(task: Task, to: Tail, options?: RewindOptions): Promise<void>;
  /** Lets no task of an upstream run until {@link resumeUpstream}. News is kept. Functions notice it within 5 s. */
  pauseUpstream(upstream: string, reason: string): Promise<void>;
  /** Lets the tasks of an upstream run again, each when it comes due: the last within 5 min. */
  resumeUpstream(upstream: string): Promise<void>;
}

/** The tasks of a deployed app. Reads the environment of the app's functions. Throws one `SettingsError`. */
export function createTasks(app: App, environment: Environment = process.env): Tasks {
  const log = jsonLogger((line) => process.stdout.write(line));
  return tasksOf(createPorts(app, readSettings(environment, appSettings), { log, meter: noMeter }));
}

/** The tasks that the given ports reach. */
export function tasksOf(ports: Ports): Tasks {
  const { store, alarms, bindings, log } = ports;

  const keyOf = (task: Task): TaskKey => {
    const { activity, address } = Object(task) as Task;
    const binding = bindings.of(activity);
    return taskKey(binding, checkAddress(binding.stream, address));
  };

  const operators = createOperators({ ...ports, engineOf: (record) => bindings.find(record).engine });

  return {
    async start(activity, address) {
      return statusOf((await startTask(ports, activity, address)).record);
    },
    async signal(stream, address) {
      const { definition, kind } = declarationOf(stream);
      await alarms.send([{ class: "signal", entity: definition.entityId(checkAddress(stream, address)), kind }]);
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
    wake: async (task) => operators.wake(keyOf(task)),
    pause: async (task, note) => void (await operators.pause(keyOf(task), note)),
    resume: async (task, note) => void (await operators.resume(keyOf(task), note)),
    rewind: async (task, to, options) => void (await operators.rewind(keyOf(task), to, options)),
    async pauseUpstream(upstream, reason) {
      ports.upstream(upstream);
      await operators.pauseUpstream(upstream, { reason, by: "the app" });
    },
    async resumeUpstream(upstream) {
      ports.upstream(upstream);
      await operators.resumeUpstream(upstream);
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
