import type { Address } from "../contract/stream.ts";
import type { Tail } from "../contract/tail.ts";

/** When a task runs: on signals, at an interval, or always watching. */
export type EngineName = "lazy" | "cron" | "eager";

/**
 * | status    | the task                                                       | left by                                 |
 * |-----------|----------------------------------------------------------------|-----------------------------------------|
 * | ready     | is to run now                                                  | acquire                                 |
 * | running   | has a run, which holds the lease of the stored token           | that run's commit; acquire over a dead lease |
 * | sleeping  | has caught up; an eager task watches instead, and is running   | a signal, child or probe; cron: its slot |
 * | retrying  | waits for `notBefore`                                          | the timer                               |
 * | parked    | has reached a limit, and waits for an operator                 | resume, rewind                          |
 * | completed | never runs again                                               | nothing                                 |
 *
 * `paused` is a flag beside the status.
 */
export type RecordStatus = "ready" | "running" | "sleeping" | "retrying" | "parked" | "completed";

/** Identifies a task: one activity on one aggregate. */
export interface TaskKey {
  /** The id of the aggregate, as signals name it. */
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

/** An operator's action on a task. */
export interface Intervention {
  readonly action: string;
  readonly reason: string;
  /** The operator's name, as given. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * The record of a task. Times are in milliseconds since 1970. Normally below 1 KB, so that a write costs one unit.
 * Optional fields are absent, never empty.
 */
export interface TaskRecord extends TaskKey {
  readonly address: Address;
  /** The engine of the last run, for people. The app's binding decides on the next. */
  readonly engine: EngineName;
  readonly status: RecordStatus;
  readonly paused?: true;
  readonly tail: Tail;
  /** Level 2: the last event acted on; absent if the next run must act. */
  readonly acted?: Tail;
  /** Level 2: the view is being rebuilt from epoch and has not reached `acted` yet. */
  readonly actedAhead?: true;
  /** Counts the signals and completed children that arrived during runs. */
  readonly wakeCount: number;
  readonly token?: string;
  readonly leaseUntil?: number;
  readonly lastToken?: string;
  /** Counts the writes of the run that has the lease, but for its acquire; absent before the first. */
  readonly step?: number;
  /** Rises with every run, quarantine, resume and rewind. */
  readonly fence: number;
  readonly notBefore?: number;
  readonly attempts: number;
  readonly strikes: number;
  readonly rescues: number;
  readonly error?: StoredError;
  /** Some task waits for this one: its waiters are items of their own. */
  readonly awaited?: true;
  /** Waiters by name, as versions up to 0.2.0 kept them in the record. No version since adds to them. */
  readonly waiters?: readonly string[];
  /** The activity waits for a child, as its last call said. The task sleeps until then, or waits until `notBefore`. */
  readonly awaiting?: true;
  /** A child has completed since a run last caught up, or may have. */
  readonly childDone?: true;
  /** An operator has asked for an act since a run last caught up. */
  readonly actAsked?: true;
  /** When a tick checks the task, at the latest. */
  readonly due?: number;
  /** A small view, as JSON. */
  readonly view?: string;
  /** The name of the item with a larger view. */
  readonly viewRef?: string;
  readonly viewVersion?: number;
  /** If the kind's server is silent about unknown tails: when it last showed that it knows this one. */
  readonly tailSeenAt?: number;
  /** The last few runs, as `recentRuns` decodes them. */
  readonly runs?: string;
  /** The last action of an operator. */
  readonly intervention?: Intervention;
  /** Eager: the bucket in which a leader finds the task. */
  readonly eagerBucket?: string;
  readonly startedAt: number;
}

/** The attributes that an update may change: all but the key. */
export type Attribute = Exclude<keyof TaskRecord, keyof TaskKey>;
export type AttributeValue<A extends Attribute> = NonNullable<TaskRecord[A]>;

/** Whether a task waits for this one. */
export const hasWaiters = ({ awaited, waiters }: TaskRecord): boolean => awaited === true || waiters !== undefined;

/** The name of a task, as it is printed and logged: `kind/activity@entity`. */
export function taskName(key: TaskKey): string {
  return `${key.kind}/${key.activity}@${key.entity}`;
}

/** The key of a printed name; undefined if it is malformed. Names of kinds and activities have no "/" or "@". */
export function parseTaskName(name: string): TaskKey | undefined {
  const match = /^([^/@]+)\/([^/@]+)@(.+)$/s.exec(name);
  if (!match) return undefined;
  const [, kind = "", activity = "", entity = ""] = match;
  return { entity, kind, activity };
}

/** Shards of the due index. A partition of an index takes at most 1,000 writes per second. */
export const dueShards = 32;

/** The shard of a task. It never changes. */
export const dueShard = (key: TaskKey): number => hashOf(key) % dueShards;

/** Buckets of the eager index. A leader has the buckets whose number, modulo the number of shards, is its shard's. */
export const eagerBuckets = 16;

/** The bucket of an eager task; undefined for a task of another engine, which no leader watches. */
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
