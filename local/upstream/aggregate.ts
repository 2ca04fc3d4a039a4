import type { EventInit, EventLog, EventMessage } from "./event-log.ts";
import { equalIds, idKey, isZero, zeroId } from "./ids.ts";
import { JournalReadError, VersionConflictError } from "./journal-error.ts";
import { isVersion } from "./vid.ts";

/** State of one history at version `vid` (id of its last event, 16 zero bytes if it has none). */
export interface Snapshot<S> {
  readonly state: S;
  readonly vid: Uint8Array;
}

/** How to fold events into a state. */
export interface Behavior<S, E> {
  initial(): S;
  /** Applies one event to `state`. Returns false if the event does not belong to this aggregate. */
  advance(state: S, event: E): boolean;
}

/**
 * State machines over histories: folds and caches states, and decides commands on the current state. Follows package
 * `events` of nog 4450389 (backend/internal/events/engine.go), without its retries: nothing runs between reading a
 * state and committing.
 */
export class Aggregate<S, E extends EventMessage> {
  readonly #log: EventLog<E>;
  readonly #behavior: Behavior<S, E>;
  readonly #known = new Map<string, { state: S; vid: Uint8Array }>();

  constructor(log: EventLog<E>, behavior: Behavior<S, E>) {
    this.#log = log;
    this.#behavior = behavior;
  }

  /**
   * The current state; do not keep a reference. Throws a `JournalReadError` if the history belongs to another
   * aggregate.
   */
  find(history: Uint8Array): Snapshot<S> {
    const key = idKey(history);
    const known = this.#current(key, history) ?? { state: this.#behavior.initial(), vid: zeroId };
    for (const event of this.#log.read(history, known.vid)) {
      if (!this.#behavior.advance(known.state, event)) {
        this.#known.delete(key);
        throw new JournalReadError("event error: decoding journal protobuf failed: invalid event type");
      }
      known.vid = event.id;
    }
    if (!isZero(known.vid)) this.#known.set(key, known);
    return known;
  }

  /**
   * Commits the events that `decide` returns for the current state, in one step. Returns the new version. Throws a
   * `VersionConflictError` if `vid` is a version other than the current one, and any error of `decide`.
   */
  tell(history: Uint8Array, vid: Uint8Array, decide: (state: S) => readonly EventInit<E>[]): Uint8Array {
    const found = this.find(history);
    if (isVersion(vid) && !equalIds(found.vid, vid)) throw new VersionConflictError(found.vid, vid);
    return this.#log.append(history, decide(found.state), found.vid);
  }

  /** The cached state, unless its history was deleted, or collected beyond it. */
  #current(key: string, history: Uint8Array): { state: S; vid: Uint8Array } | undefined {
    const known = this.#known.get(key);
    if (known && this.#log.journal.has(history, known.vid)) return known;
    this.#known.delete(key);
    return undefined;
  }
}
