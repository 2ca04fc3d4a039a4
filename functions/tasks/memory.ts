import { type Attribute, dueShard, eagerBucket, type TaskKey, type TaskRecord, taskName } from "./record.ts";
import type { DueEntry, EagerEntry, TaskStore } from "./store.ts";
import { type Guard, refused, remove, type Update, type Written } from "./update.ts";

/** The task table in memory, for tests, benchmarks and the simulator. Its indexes are never stale. */
export class MemoryTaskStore implements TaskStore {
  readonly #records = new Map<string, TaskRecord>();
  readonly #byEntity = new Map<string, Set<string>>();
  readonly #views = new Map<string, string>();
  /** By the name of the task that they wait for. */
  readonly #waiters = new Map<string, Set<string>>();

  async get(key: TaskKey): Promise<TaskRecord | undefined> {
    return this.#records.get(taskName(key));
  }

  async tasksOf(entity: string) {
    const names = [...(this.#byEntity.get(entity) ?? [])].sort();
    return { tasks: names.flatMap((name) => this.#records.get(name) ?? []), malformed: [] };
  }

  /** `sentAgain`: the request is not sent for the first time. */
  async update(key: TaskKey, update: Update, sentAgain = false): Promise<Written> {
    return this.updateNow(key, update, sentAgain);
  }

  /** As `update`, at once: no other write comes in between. */
  protected updateNow(key: TaskKey, update: Update, sentAgain: boolean): Written {
    const stored = this.stored(key);
    if (!holds(update.guard, stored)) return refused(update, stored, sentAgain);
    const record = applied(key, stored, update);
    this.put(record);
    return { applied: true, record };
  }

  protected stored(key: TaskKey): TaskRecord | undefined {
    return this.#records.get(taskName(key));
  }

  /** Stores a record as given, without the checks of the protocol: a copy, or the start of a test. */
  put(record: TaskRecord): void {
    const name = taskName(record);
    this.#records.set(name, record);
    const siblings = this.#byEntity.get(record.entity);
    if (siblings) siblings.add(name);
    else this.#byEntity.set(record.entity, new Set([name]));
  }

  async due(shard: number, until: number, limit: number, after?: DueEntry): Promise<readonly DueEntry[]> {
    const sorted = [...this.#records.values()]
      .flatMap((record) => {
        const { entity, kind, activity, due } = record;
        if (due === undefined || due > until || dueShard(record) !== shard) return [];
        return { key: { entity, kind, activity }, due };
      })
      .sort((a, b) => a.due - b.due || compare(taskName(a.key), taskName(b.key)));
    const from = after
      ? sorted.findIndex(
          ({ key, due }) => due > after.due || (due === after.due && taskName(key) > taskName(after.key)),
        )
      : 0;
    return from < 0 ? [] : sorted.slice(from, from + limit);
  }

  async eager(bucket: number): Promise<readonly EagerEntry[]> {
    return [...this.#records.values()]
      .filter(({ eagerBucket: stored }) => stored === eagerBucket(bucket))
      .map(({ entity, kind, activity, fence, wakeCount }) => ({ key: { entity, kind, activity }, fence, wakeCount }));
  }

  async *list(): AsyncIterable<TaskRecord> {
    yield* [...this.#records.values()];
  }

  async addWaiter(of: TaskKey, waiter: TaskKey): Promise<void> {
    const waiters = this.#waiters.get(taskName(of)) ?? new Set();
    this.#waiters.set(taskName(of), waiters.add(taskName(waiter)));
  }

  async waiters(of: TaskKey, limit: number, after = ""): Promise<readonly string[]> {
    const names = [...(this.#waiters.get(taskName(of)) ?? [])].sort();
    return names.filter((name) => name > after).slice(0, limit);
  }

  async removeWaiter(of: TaskKey, waiter: string): Promise<void> {
    this.#waiters.get(taskName(of))?.delete(waiter);
  }

  async putView(key: TaskKey, name: string, json: string): Promise<void> {
    this.#views.set(viewKey(key, name), json);
  }

  async getView(key: TaskKey, name: string): Promise<string | undefined> {
    return this.#views.get(viewKey(key, name));
  }

  async deleteView(key: TaskKey, name: string): Promise<void> {
    this.#views.delete(viewKey(key, name));
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));
const viewKey = (key: TaskKey, name: string) => `${taskName(key)}#${name}`;

function holds(guard: Guard, stored: TaskRecord | undefined): boolean {
  switch (guard.op) {
    case "absent":
      return stored === undefined;
    case "all":
      return guard.guards.every((one) => holds(one, stored));
    case "any":
      return guard.guards.some((one) => holds(one, stored));
    case "missing":
      return stored?.[guard.attribute] === undefined;
    case "is":
      return equal(stored?.[guard.attribute], guard.value);
    case "oneOf":
      return guard.values.some((value) => equal(stored?.[guard.attribute], value));
    case "atMost": {
      const value = stored?.[guard.attribute];
      return typeof value === "number" && value <= guard.value;
    }
    case "atLeast": {
      const value = stored?.[guard.attribute];
      return typeof value === "number" && value >= guard.value;
    }
  }
}

function equal(stored: unknown, value: unknown): boolean {
  if (Array.isArray(stored) && Array.isArray(value)) {
    return stored.length === value.length && stored.every((member) => value.includes(member));
  }
  return stored !== undefined && stored === value;
}

function applied(key: TaskKey, stored: TaskRecord | undefined, update: Update): TaskRecord {
  const next: Record<string, unknown> = { ...stored, ...key };
  for (const [attribute, value] of Object.entries(update.changes)) {
    if ((value as unknown) === remove) delete next[attribute];
    else next[attribute] = value;
  }
  for (const counter of update.increment ?? []) next[counter] = (stored?.[counter as Attribute & "wakes"] ?? 0) + 1;
  return next as unknown as TaskRecord;
}
