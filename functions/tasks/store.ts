import type { TailwakeError } from "../contract/error.ts";
import type { TaskKey, TaskRecord } from "./record.ts";
import type { Update, Written } from "./update.ts";

/** An entry of the due index. It may be stale: the base record decides. */
export interface DueEntry {
  readonly key: TaskKey;
  /** Milliseconds since 1970. */
  readonly due: number;
}

/** An entry of the eager index. It may be stale, and then shows lower numbers than the record. */
export interface EagerEntry {
  readonly key: TaskKey;
  readonly fence: number;
  readonly wakeCount: number;
}

/**
 * The task table. It writes what the transitions decide and never decides itself; it does not retry a refused write,
 * know an activity, or send a wake. A failure of the database is thrown as it comes.
 */
export interface TaskStore {
  /** Strongly consistent. */
  get(key: TaskKey): Promise<TaskRecord | undefined>;
  /** All tasks of an aggregate, strongly consistent; a record that cannot be read is reported, not thrown. */
  tasksOf(
    entity: string,
  ): Promise<{ readonly tasks: readonly TaskRecord[]; readonly malformed: readonly TailwakeError[] }>;
  /** One atomic conditional write. A refused one comes back with the stored record. */
  update(key: TaskKey, update: Update): Promise<Written>;
  /**
   * Entries of one shard of the due index with `due` at most `until`, the oldest first, at most `limit`, from the one
   * behind `after`. Eventually consistent: it may miss fresh entries and hold old ones.
   */
  due(shard: number, until: number, limit: number, after?: DueEntry): Promise<readonly DueEntry[]>;
  /** All entries of a bucket of the eager index; eventually consistent. */
  eager(bucket: number): Promise<readonly EagerEntry[]>;
  /**
   * Every task, in no order; for people, never on a path that runs often. A record that cannot be read is handed to
   * `onMalformed`, or thrown if there is none.
   */
  list(onMalformed?: (error: TailwakeError) => void): AsyncIterable<TaskRecord>;
  /** Stores a large view under a name of its own. The text may be of any size that compresses to 390 KB. */
  putView(key: TaskKey, name: string, json: string): Promise<void>;
  /** Strongly consistent; undefined if there is none of that name. */
  getView(key: TaskKey, name: string): Promise<string | undefined>;
  deleteView(key: TaskKey, name: string): Promise<void>;
}
