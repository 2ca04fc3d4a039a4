import { equalIds, idKey, isZero, ulidText, uuidText, zeroId } from "./ids.ts";
import { JournalCommitError, JournalReadError, VersionConflictError } from "./journal-error.ts";
import { JournalFile } from "./journal-file.ts";
import {
  type AggregateType,
  decodeRecord,
  encodeRecord,
  type JournalRecord,
  type StoredEvent,
} from "./journal-record.ts";

/** One aggregate's events. */
interface History {
  readonly type: AggregateType;
  /** Events from serial `base` on; earlier ones were collected. */
  events: StoredEvent[];
  base: number;
  /** Id of the event before `events[0]`, zero for a history that was never collected. */
  basis: Uint8Array;
  /** Serial of the first event that a read from the epoch returns. */
  epoch: number;
  deleted: boolean;
}

export interface Commit {
  readonly history: Uint8Array;
  readonly type: AggregateType;
  /** At least one. The parent of the first is the current head, the parent of each later one the event before it. */
  readonly events: readonly StoredEvent[];
  /** The expected head, 16 zero bytes for no history; unchecked if absent. */
  readonly expected?: Uint8Array;
}

type Listener = (history: Uint8Array) => void;

/**
 * Append-only event histories, named by 16 bytes. Commits are synchronous: when `commit` returns, the events are stored
 * (in the file, if the journal has one) and the listeners were called. Readers see all events of a commit or none.
 */
export class Journal {
  readonly #histories = new Map<string, History>();
  readonly #historyListeners = new Map<string, Set<Listener>>();
  readonly #typeListeners = new Map<AggregateType, Set<Listener>>();
  #file: JournalFile | undefined;

  private constructor() {}

  /**
   * In memory, or in `dir` if given, which is created if missing. Throws a `JournalCorruptError` if the file is
   * damaged.
   */
  static open(dir?: string): Journal {
    const journal = new Journal();
    if (dir === undefined) return journal;
    journal.#file = JournalFile.open(dir, (payload) => journal.#apply(decodeRecord(payload)));
    return journal;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Stores all events or none. Returns the new head. Throws `VersionConflictError`, `JournalCommitError`, I/O errors. */
  commit(commit: Commit): Uint8Array {
    const head = this.head(commit.history);
    if (commit.expected && !equalIds(commit.expected, head)) throw new VersionConflictError(head, commit.expected);
    const last = commit.events.at(-1);
    if (!last) throw new JournalCommitError(`commit to ${uuidText(commit.history)}: expected events, received none`);
    this.#store({ op: "commit", history: commit.history, type: commit.type, parent: head, events: commit.events });
    this.#notify(commit.type, commit.history);
    return last.id;
  }

  /** Id of the last event; 16 zero bytes if the history is unknown or deleted. */
  head(history: Uint8Array): Uint8Array {
    const found = this.#live(history);
    return found ? (found.events.at(-1)?.id ?? found.basis) : zeroId;
  }

  typeOf(history: Uint8Array): AggregateType | undefined {
    return this.#live(history)?.type;
  }

  /**
   * The events behind `after` up to the head, from the epoch if `after` is zero; none if the history is unknown or
   * deleted. Throws a `JournalReadError` if the history has no event `after`.
   */
  read(history: Uint8Array, after: Uint8Array = zeroId): readonly StoredEvent[] {
    const found = this.#live(history);
    if (!found) return [];
    return found.events.slice(this.#position(found, after) - found.base);
  }

  /** True if `read` can start after this event. */
  has(history: Uint8Array, event: Uint8Array): boolean {
    const found = this.#live(history);
    return found !== undefined && serialAfter(found, event) !== undefined;
  }

  /** Ids of all live histories of a type. */
  histories(type: AggregateType): Uint8Array[] {
    const ids: Uint8Array[] = [];
    for (const [key, history] of this.#histories) {
      if (history.type === type && !history.deleted) ids.push(new Uint8Array(Buffer.from(key, "hex")));
    }
    return ids;
  }

  /** Makes a history empty permanently. Calls no listener, as in nog. */
  delete(history: Uint8Array): void {
    if (this.#live(history)) this.#store({ op: "delete", history });
  }

  /**
   * Moves the epoch behind the event `epoch`; earlier events stay readable by an explicit `after`. Calls no listener.
   */
  trim(history: Uint8Array, epoch: Uint8Array): void {
    this.#store({ op: "trim", history, epoch });
  }

  /** Deletes the events before the epoch. Calls no listener. */
  collect(history: Uint8Array): void {
    this.#store({ op: "collect", history });
  }

  /** Calls `listener` after each commit to `history`. Returns the function that unsubscribes. */
  onCommit(history: Uint8Array, listener: Listener): () => void {
    return register(this.#historyListeners, idKey(history), listener);
  }

  /**
   * Calls `listener` with the history after each commit to a history of `type`. Returns the function that unsubscribes.
   */
  onTypeCommit(type: AggregateType, listener: Listener): () => void {
    return register(this.#typeListeners, type, listener);
  }

  #live(history: Uint8Array): History | undefined {
    const found = this.#histories.get(idKey(history));
    return found?.deleted ? undefined : found;
  }

  /** Serial of the first event behind `after`. */
  #position(history: History, after: Uint8Array): number {
    if (isZero(after)) return history.epoch;
    const serial = serialAfter(history, after);
    if (serial !== undefined) return serial;
    throw new JournalReadError("db: finding start failed: not found");
  }

  #store(record: JournalRecord): void {
    this.#check(record);
    this.#file?.append(encodeRecord(record));
    this.#apply(record);
  }

  #check(record: JournalRecord): void {
    const found = this.#histories.get(idKey(record.history));
    const name = `history ${uuidText(record.history)}`;
    if (found?.deleted) throw new JournalCommitError(`db: inserting into heads collection failed: ${name} was deleted`);
    if (record.op === "commit") {
      if (found && found.type !== record.type) {
        throw new JournalCommitError(`${name}: expected aggregate type ${found.type}, received ${record.type}`);
      }
      return;
    }
    if (!found) throw new JournalCommitError(`unknown ${name}`);
    if (record.op === "trim" && !found.events.some((event) => equalIds(event.id, record.epoch))) {
      throw new JournalCommitError(`${name}: expected one of its events, received ${ulidText(record.epoch)}`);
    }
  }

  #apply(record: JournalRecord): void {
    const key = idKey(record.history);
    let history = this.#histories.get(key);
    if (record.op === "commit") {
      if (!history) {
        history = { type: record.type, events: [], base: 0, basis: zeroId, epoch: 0, deleted: false };
        this.#histories.set(key, history);
      }
      const head = history.events.at(-1)?.id ?? history.basis;
      if (!equalIds(head, record.parent)) throw new VersionConflictError(head, record.parent);
      for (const event of record.events) history.events.push(event);
      return;
    }
    if (!history) throw new JournalCommitError(`unknown history ${uuidText(record.history)}`);
    switch (record.op) {
      case "delete":
        history.deleted = true;
        history.events = [];
        break;
      case "trim":
        history.epoch = this.#position(history, record.epoch);
        break;
      case "collect": {
        const dropped = history.epoch - history.base;
        history.basis = history.events[dropped - 1]?.id ?? history.basis;
        history.events = history.events.slice(dropped);
        history.base = history.epoch;
        break;
      }
    }
  }

  #notify(type: AggregateType, history: Uint8Array): void {
    for (const listener of this.#historyListeners.get(idKey(history)) ?? []) listener(history);
    for (const listener of this.#typeListeners.get(type) ?? []) listener(history);
  }
}

function serialAfter(history: History, event: Uint8Array): number | undefined {
  // Search backwards, because tails are near the head.
  for (let i = history.events.length - 1; i >= 0; i--) {
    if (equalIds(history.events[i]?.id ?? zeroId, event)) return history.base + i + 1;
  }
  return equalIds(history.basis, event) ? history.base : undefined;
}

function register<K>(listeners: Map<K, Set<Listener>>, key: K, listener: Listener): () => void {
  const own: Listener = (history) => listener(history);
  const set = listeners.get(key) ?? new Set();
  listeners.set(key, set.add(own));
  return () => {
    set.delete(own);
    if (set.size === 0 && listeners.get(key) === set) listeners.delete(key);
  };
}
