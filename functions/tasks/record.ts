import type { Address } from "../contract/stream.ts";
import type { Tail } from "../contract/tail.ts";

/** When a task runs: on signals, at an interval, or always watching. */
export type EngineName = "lazy" | "cron" | "eager";

/**
 * | status    | the task                                                       | left by                                 |
 * |-----------|----------------------------------------------------------------|-----------------------------------------|
 * | ready     | wants to run now                                               | acquire                                 |
 * | running   | is held by the run whose token is stored, until the lease ends | that run's commit; acquire over a dead lease |
 * | sleeping  | has caught up; an eager task watches instead, and is running   | a signal, child or probe; cron: its slot |
 * | retrying  | waits for `notBefore`                                          | the timer                               |
 * | parked    | gave up, waits for an operator                                 | resume, rewind                          |
 * | completed | never runs again                                               | nothing                                 |
 *
 * `paused` is a flag beside the status.
 */
export type RecordStatus = "ready" | "running" | "sleeping" | "retrying" | "parked" | "completed";

/** What names a task: one activity bound to one aggregate. */
export interface TaskKey {
  /** The aggregate, as signals name it. */
  readonly entity: string;
  readonly kind: string;
  readonly activity: string;
}

/** The last error that a run ended with. */
export interface StoredError {
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly afterEvent: Tail;
}

/** What an operator did to a task. */
export interface Intervention {
  readonly action: string;
  readonly reason: string;
  /** Who says it was them. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * The record of a task; times are in milliseconds since 1970. Normally below 1 KB, so that a write costs one unit.
 * Optional fields are absent, never empty.
 */
export interface TaskRecord extends TaskKey {
  readonly address: Address;
  /** The engine of the last run, for people: what counts is the app's binding. */
  readonly engine: EngineName;
  readonly status: RecordStatus;
  readonly paused?: true;
  readonly tail: Tail;
  /** Last event that a level 2 activity has acted on; absent if it must act again. */
  readonly acted?: Tail;
  /** The view is being rebuilt from epoch and has not yet passed `acted`. */
  readonly actedAhead?: true;
  /** Counts signals and completed children that came during a run. */
  readonly wakeCount: number;
  readonly token?: string;
  readonly leaseUntil?: number;
  readonly lastToken?: string;
  /** Rises with every run, and with what an operator does. */
  readonly fence: number;
  readonly notBefore?: number;
  readonly attempts: number;
  readonly strikes: number;
  readonly rescues: number;
  readonly error?: StoredError;
  /** The tasks to wake when this one completes, by name, sorted. */
  readonly waiters?: readonly string[];
  /** Sleeping until a child completes. */
  readonly awaiting?: true;
  /** A child has completed since a run last caught up. */
  readonly childDone?: true;
  /** Someone must look at this task by then at the latest. */
  readonly due?: number;
  /** A small view, as JSON. */
  readonly view?: string;
  /** Name of the item that holds a larger view. */
  readonly viewRef?: string;
  readonly viewVersion?: number;
  /** A kind whose server is silent about unknown tails: when the server last showed that it knows this one. */
  readonly tailSeenAt?: number;
  /** The last few runs, in short: `recentRuns` reads it. */
  readonly runs?: string;
  /** What an operator did last, and why. */
  readonly intervention?: Intervention;
  /** Eager: the bucket that a leader finds the task by. */
  readonly eagerBucket?: string;
  readonly startedAt: number;
}

/** What an update may change: all but the key. */
export type Attribute = Exclude<keyof TaskRecord, keyof TaskKey>;
export type AttributeValue<A extends Attribute> = NonNullable<TaskRecord[A]>;

/** A task's name as it is printed and logged: `kind/activity@entity`. */
export function taskName(key: TaskKey): string {
  return `${key.kind}/${key.activity}@${key.entity}`;
}

/** The key behind a printed name; undefined if it is none. Kinds and activities have no "/" or "@" in their names. */
export function parseTaskName(name: string): TaskKey | undefined {
  const match = /^([^/@]+)\/([^/@]+)@(.+)$/s.exec(name);
  if (!match) return undefined;
  const [, kind = "", activity = "", entity = ""] = match;
  return { entity, kind, activity };
}

/** Shards of the due index: one partition of it takes at most 1,000 writes/s. */
export const dueShards = 32;

/** The shard of a task, the same for ever. */
export const dueShard = (key: TaskKey): number => hashOf(key) % dueShards;

/** Buckets of the eager index. A shard's leader watches those whose number, modulo the shards, is its own. */
export const eagerBuckets = 16;

/** The bucket of an eager task; undefined for the tasks of the other engines, which nobody watches. */
export function eagerBucketOf(engine: EngineName, key: TaskKey): string | undefined {
  return engine === "eager" ? eagerBucket(hashOf(key) % eagerBuckets) : undefined;
}

export const eagerBucket = (bucket: number): string => `eager#${String(bucket).padStart(2, "0")}`;

/** FNV-1a of a task's name. */
function hashOf(key: TaskKey): number {
  let hash = 0x811c9dc5;
  const name = taskName(key);
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
