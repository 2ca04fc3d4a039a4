import type { ControlStore } from "../../tasks/control.ts";
import { MemoryTaskStore } from "../../tasks/memory.ts";
import { MemoryControlStore } from "../../tasks/memory-control.ts";
import { dueShard, dueShards, eagerBucket, type TaskKey, type TaskRecord, taskName } from "../../tasks/record.ts";
import type { DueEntry, EagerEntry, TaskStore } from "../../tasks/store.ts";
import type { Operation, Update } from "../../tasks/update.ts";
import { checkKeySize, costOf, itemTooLarge, maxItemBytes, sizeOf } from "./item-size.ts";
import type { Carriage, SimulatedProcess } from "./process.ts";
import type { SimulatedWorld } from "./world.ts";

/** A write that was applied; `before` and `after` are the same for a repeated write, which had been applied before. */
export interface TableWrite {
  readonly by: SimulatedProcess;
  /** When the process decided on the write, by its clock, in milliseconds since 1970. */
  readonly decidedAt: number;
  readonly operation: Operation;
  readonly before: TaskRecord | undefined;
  readonly after: TaskRecord;
  /** Its caller had given it up before it was carried out. */
  readonly isGivenUp: boolean;
  /** Its price in write units of DynamoDB. */
  readonly cost: number;
}

/** Called for the writes of the table. */
export interface TableObserver {
  onWrite(write: TableWrite): Promise<void>;
  /** A write was refused; `record` is the stored record. `isOwn`: the same request had made it what it is. */
  onRefused?(update: Update, record: TaskRecord, isOwn: boolean): void;
  /** A view is about to be deleted; `record` is the stored record. */
  onViewDeleted?(name: string, record: TaskRecord | undefined): void;
  /** A process reads the record of a task. */
  onRead?(by: SimulatedProcess, key: TaskKey): void;
}

/** Changes an update before it reaches the table; for mutation tests that remove a condition. */
export type Mutation = (update: Update) => Update;

/** A write that a process asks for, perhaps more than once. */
interface Made {
  readonly by: SimulatedProcess;
  /** By the clock of the process, in milliseconds since 1970. */
  readonly decidedAt: number;
  /** The record as the request has made it; undefined before it was applied. */
  after: TaskRecord | undefined;
}

interface Indexed {
  readonly key: TaskKey;
  readonly due: number | undefined;
  readonly bucket: string | undefined;
  readonly fence: number;
  readonly wakeCount: number;
  /** The number of the write that it shows. */
  readonly number: number;
}

/**
 * The task table. Reads and writes of a record are strongly consistent and one at a time, as in DynamoDB. Its indexes lag
 * behind it, each entry for a random time.
 */
export class SimulatedTable {
  readonly records = new MemoryTaskStore();
  readonly documents = new MemoryControlStore();
  /** By due shard, then by the task's name. */
  readonly #index = Array.from({ length: dueShards }, () => new Map<string, Indexed>());
  #writes = 0;
  readonly #world: SimulatedWorld;
  readonly #observer: TableObserver;
  readonly #mutation: Mutation;

  constructor(world: SimulatedWorld, observer: TableObserver, mutation: Mutation = (same) => same) {
    this.#world = world;
    this.#observer = observer;
    this.#mutation = mutation;
  }

  /** The table as a process uses it. */
  storeOf(process: SimulatedProcess): TaskStore {
    const { records } = this;
    const decided = new WeakMap<Update, number>();
    const call = <T>(what: string, carryOut: (carriage: Carriage) => T | Promise<T>) =>
      process.call(what, carryOut, unavailable);
    return {
      get: (key) =>
        call(`read ${taskName(key)}`, () => {
          checkKeySize(key.entity);
          this.#observer.onRead?.(process, key);
          return records.get(key);
        }),
      tasksOf: (entity) =>
        call(`query ${entity.slice(0, 100)}`, () => {
          checkKeySize(entity);
          return records.tasksOf(entity);
        }),
      update: (key, update) => {
        const decidedAt = decided.get(update) ?? process.clock.now();
        // A run that tries a write again has decided on it before.
        decided.set(update, decidedAt);
        const made: Made = { by: process, decidedAt, after: undefined };
        return call(`${update.operation} ${taskName(key)}`, ({ isGivenUp }) =>
          this.#update(made, isGivenUp, key, update),
        );
      },
      due: (shard, until, limit, after) => call(`due ${shard}`, () => this.#due(shard, until, limit, after)),
      eager: (bucket) => call(`eager ${bucket}`, () => this.#eager(bucket)),
      list: () => records.list(),
      addWaiter: (of, waiter) => call(`add waiter of ${taskName(of)}`, () => records.addWaiter(of, waiter)),
      waiters: (of, limit, after) => call(`waiters of ${taskName(of)}`, () => records.waiters(of, limit, after)),
      removeWaiter: (of, name) => call(`remove waiter of ${taskName(of)}`, () => records.removeWaiter(of, name)),
      putView: (key, name, json) => call(`put view ${name}`, () => records.putView(key, name, json)),
      getView: (key, name) => call(`read view ${name}`, () => records.getView(key, name)),
      deleteView: (key, name) => call(`delete view ${name}`, () => this.#deleteView(key, name)),
    };
  }

  controlOf(process: SimulatedProcess): ControlStore {
    const { documents } = this;
    return {
      read: (name) => process.call(`read ${name}`, () => documents.read(name), unavailable),
      write: (name, value, seen) =>
        process.call(`write ${name}`, () => documents.write(name, value, seen), unavailable),
    };
  }

  async #update(made: Made, isGivenUp: boolean, key: TaskKey, update: Update) {
    const { by, decidedAt, after: madeBefore } = made;
    checkKeySize(key.entity);
    const before = await this.records.get(key);
    const written = await this.records.update(key, this.#mutation(update), madeBefore !== undefined);
    const { operation } = update;
    const bytes = written.record ? sizeOf(written.record) : 0;
    if (written.applied && bytes > maxItemBytes) {
      if (before) this.records.put(before);
      throw itemTooLarge(taskName(key), bytes);
    }
    const cost = costOf(Math.max(bytes, before ? sizeOf(before) : 0));
    const write = { by, decidedAt, isGivenUp, operation, cost };
    const isApplied = written.applied && written.record !== before;
    this.#world.story.say(by.name, () => writeText(key, operation, isApplied, written.record));
    if (written.applied && !isApplied) {
      // A repeated write: the caller gets this response, not the first.
      await this.#observer.onWrite({ ...write, before: written.record, after: written.record });
    }
    if (isApplied) {
      this.#keepIndex(written.record);
      await this.#observer.onWrite({ ...write, before, after: written.record });
    }
    if (!written.applied && written.record) {
      this.#observer.onRefused?.(update, written.record, madeBefore === written.record);
    }
    if (written.applied) made.after = written.record;
    return written;
  }

  async #deleteView(key: TaskKey, name: string): Promise<void> {
    this.#observer.onViewDeleted?.(name, await this.records.get(key));
    return this.records.deleteView(key, name);
  }

  #keepIndex(record: TaskRecord): void {
    const { random, faults, timeline } = this.#world;
    const { entity, kind, activity, due, eagerBucket: bucket, fence, wakeCount } = record;
    const number = ++this.#writes;
    const entry = { key: { entity, kind, activity }, due, bucket, fence, wakeCount, number };
    const lagMs = faults.indexLagMs === 0 ? 0 : random.magnitude(1, faults.indexLagMs);
    timeline.after(lagMs, () => {
      const name = taskName(record);
      const shard = this.#shard(dueShard(record));
      // If an older change arrives after a newer one, the newer one stays.
      if ((shard.get(name)?.number ?? 0) < number) shard.set(name, entry);
    });
  }

  /** Stores a record that no version of the app knows, with its entry in the index. */
  seed(record: TaskRecord): void {
    this.records.put(record);
    this.#keepIndex(record);
  }

  #due(shard: number, until: number, limit: number, after: DueEntry | undefined): DueEntry[] {
    const isBehind = (entry: DueEntry) => !after || order(entry, after) > 0;
    return [...this.#shard(shard).values()]
      .flatMap(({ key, due }) => (due !== undefined && due <= until ? [{ key, due }] : []))
      .filter(isBehind)
      .sort(order)
      .slice(0, limit);
  }

  #eager(bucket: number): EagerEntry[] {
    return this.#index.flatMap((shard) => [...shard.values()]).filter((entry) => entry.bucket === eagerBucket(bucket));
  }

  #shard(shard: number): Map<string, Indexed> {
    return this.#index[shard] as Map<string, Indexed>;
  }
}

const order = (a: DueEntry, b: DueEntry): number => a.due - b.due || (taskName(a.key) < taskName(b.key) ? -1 : 1);

/** As the SDK throws it once it has given up. */
const unavailable = (text: string): Error =>
  Object.assign(new Error(`the table: ${text}`), {
    name: text === "throttled" ? "ProvisionedThroughputExceededException" : "TimeoutError",
  });

function writeText(key: TaskKey, operation: string, isApplied: boolean, record: TaskRecord | undefined): string {
  const name = taskName(key);
  if (!record) return `${operation} of ${name}: refused, no record`;
  const { status, paused, tail, fence, wakeCount, token } = record;
  const now = `${paused ? "paused, " : ""}${status}, tail ${tail}, fence ${fence}, wakes ${wakeCount}`;
  return `${operation} of ${name}: ${isApplied ? "" : "refused: "}${now}${token === undefined ? "" : `, held by ${token}`}`;
}
