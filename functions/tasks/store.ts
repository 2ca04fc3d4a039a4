import type { TailwakeError } from "../contract/error.ts";
import type { TaskKey, TaskRecord } from "./record.ts";
import type { Update, Written } from "./update.ts";

/** An entry of the due index. It may be stale: the record decides. */
export interface DueEntry {
  readonly key: TaskKey;
  /** Milliseconds since 1970. */
  readonly due: number;
}

/** An entry of the eager index. A stale one has lower numbers than the record. */
export interface EagerEntry {
  readonly key: TaskKey;
  readonly fence: number;
  readonly wakeCount: number;
}

/**
 * The task table. It applies the updates that the transitions make. It does not retry a refused write, know activities
 * or send wakes. It throws the errors of the database unchanged.
 */
export interface TaskStore {
  /** Strongly consistent. */
  get(key: TaskKey): Promise<TaskRecord | undefined>;
  /** All tasks of an aggregate, strongly consistent; `malformed` has the errors of records that cannot be read. */
  tasksOf(
    entity: string,
  ): Promise<{ readonly tasks: readonly TaskRecord[]; readonly malformed: readonly TailwakeError[] }>;
  /** One atomic conditional write. If it is refused, the result has the stored record. */
  update(key: TaskKey, update: Update): Promise<Written>;
  /**
   * Entries of one shard of the due index with `due` at most `until`, the oldest first, at most `limit`, starting after
   * the entry `after`. Eventually consistent: recent entries may be missing and old ones present.
   */
  due(shard: number, until: number, limit: number, after?: DueEntry): Promise<readonly DueEntry[]>;
  /** All entries of a bucket of the eager index; eventually consistent. */
  eager(bucket: number): Promise<readonly EagerEntry[]>;
  /**
   * Every task, in any order. For operators, since it reads the whole table. Passes the error of an unreadable record to
   * `onMalformed`, or throws it if that is not given.
   */
  list(onMalformed?: (error: TailwakeError) => void): AsyncIterable<TaskRecord>;
  /**
   * Adds a waiter to a task, as an item of its own: a task may have any number of them. To add it again changes nothing.
   */
  addWaiter(of: TaskKey, waiter: TaskKey): Promise<void>;
  /** The names of waiters, at most `limit`, in a fixed order, starting after the name `after`. Strongly consistent. */
  waiters(of: TaskKey, limit: number, after?: string): Promise<readonly string[]>;
  removeWaiter(of: TaskKey, waiter: string): Promise<void>;
  /** Stores a large view under a name. The JSON has at most 32 MB, and 390 KB compressed. */
  putView(key: TaskKey, name: string, json: string): Promise<void>;
  /** Strongly consistent; undefined if there is no view of that name. */
  getView(key: TaskKey, name: string): Promise<string | undefined>;
  deleteView(key: TaskKey, name: string): Promise<void>;
}
