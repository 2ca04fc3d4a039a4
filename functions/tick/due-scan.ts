import { describeError } from "../contract/error.ts";
import { bindingId } from "../engines/binding.ts";
import type { Ports } from "../engines/ports.ts";
import { taskName } from "../tasks/record.ts";
import type { DueEntry } from "../tasks/store.ts";

/** Keys that a Query asks for at least: those of tasks that are passed over cost no more than their share of it. */
const minPageSize = 500;
/** Foreign tasks that a tick remembers to postpone. */
const maxForeignKept = 1_000;
/** How long a record that could not be read is left alone. */
const unreadableForMs = 900_000;
/** Unreadable records that a process remembers: some megabytes. */
const maxUnreadable = 50_000;

/**
 * A record that this version cannot read, as a process remembers it. It is read again after a while, or when its due time
 * has changed.
 */
interface Unreadable {
  readonly due: number;
  readonly until: number;
}

/** What a process has found unreadable, by task. */
const unreadable = new WeakMap<Ports, Map<string, Unreadable>>();

/**
 * What a tick finds in the due index and does not check: foreign tasks, whose activity is not in the app, and records
 * that this process could not read a while ago. The keys of the index say so: it costs no read (rule 11).
 */
export class PassedOver {
  /** How many foreign tasks are overdue, by activity. */
  readonly foreign = new Map<string, number>();
  /** Some of them, to be postponed. */
  readonly foreignKept: DueEntry[] = [];
  /** How many overdue records cannot be read. */
  unreadable = 0;
  /** Those of them that this tick has tried to read: how many, and the first. */
  found: { readonly count: number; readonly task: string; readonly err: string } | undefined;
  readonly #ports: Ports;
  readonly #known: Map<string, Unreadable>;

  constructor(ports: Ports) {
    this.#ports = ports;
    this.#known = unreadable.get(ports) ?? new Map();
    unreadable.set(ports, this.#known);
  }

  /** Whether the tick checks the task of an entry. */
  admits(entry: DueEntry): boolean {
    const { key } = entry;
    const isUnreadable = this.#isUnreadable(entry);
    if (this.#ports.bindings.get(key)) {
      if (isUnreadable) this.unreadable++;
      return !isUnreadable;
    }
    const activity = bindingId(key.kind, key.activity);
    this.foreign.set(activity, (this.foreign.get(activity) ?? 0) + 1);
    if (this.foreignKept.length < maxForeignKept && !isUnreadable) this.foreignKept.push(entry);
    return false;
  }

  /** Records that the tick could not read the record of a task that it has checked. */
  notReadable(entry: DueEntry, error: unknown): void {
    this.unreadable++;
    this.found = {
      ...(this.found ?? { task: taskName(entry.key), err: describeError(error) }),
      count: (this.found?.count ?? 0) + 1,
    };
    this.leaveAlone(entry);
  }

  /** Remembers a record that cannot be read, for later ticks. */
  leaveAlone({ key, due }: DueEntry): void {
    const name = taskName(key);
    this.#known.delete(name);
    this.#known.set(name, { due, until: this.#ports.clock.now() + unreadableForMs });
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size > maxUnreadable) this.#known.delete(oldest);
  }

  #isUnreadable({ key, due }: DueEntry): boolean {
    const known = this.#known.get(taskName(key));
    return known?.due === due && this.#ports.clock.now() < known.until;
  }
}

/** A tick's reading of one shard of the due index: the overdue tasks that it checks, the oldest first. */
export class ShardScan {
  readonly #ports: Pick<Ports, "store" | "clock">;
  readonly #shard: number;
  readonly #passedOver: PassedOver;
  #page: DueEntry[] = [];
  #after: DueEntry | undefined;
  #isRead = false;

  constructor(ports: Pick<Ports, "store" | "clock">, shard: number, passedOver: PassedOver) {
    this.#ports = ports;
    this.#shard = shard;
    this.#passedOver = passedOver;
  }

  /** Whether nothing of the shard is left. */
  get isDone(): boolean {
    return this.#isRead && this.#page.length === 0;
  }

  /** The next entries, at most `limit`. Stops reading when the signal aborts. */
  async take(limit: number, signal: AbortSignal): Promise<readonly DueEntry[]> {
    const taken: DueEntry[] = [];
    while (taken.length < limit && !this.isDone && !signal.aborted) {
      if (this.#page.length === 0) await this.#read(Math.max(minPageSize, limit));
      taken.push(...this.#page.splice(0, limit - taken.length));
    }
    return taken;
  }

  async #read(size: number): Promise<void> {
    const { store, clock } = this.#ports;
    const entries = await store.due(this.#shard, clock.now(), size, this.#after);
    this.#after = entries.at(-1);
    this.#isRead = entries.length < size;
    this.#page = entries.filter((entry) => this.#passedOver.admits(entry));
  }
}
