import { create, fromBinary, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Clock } from "../../functions/foundation/clock.ts";
import { newEventId, zeroId } from "./ids.ts";
import type { Journal } from "./journal.ts";
import type { AggregateType, StoredEvent } from "./journal-record.ts";

/** The common fields of all nog events. */
export type EventMessage = Message & { id: Uint8Array; parent: Uint8Array };

/** The fields of an event except id and parent, which the log sets. */
export type EventInit<E extends EventMessage> = MessageInitShape<GenMessage<E>>;

/** The journal's histories of one aggregate type, as messages of one schema. */
export class EventLog<E extends EventMessage> {
  readonly type: AggregateType;
  readonly journal: Journal;
  readonly #schema: GenMessage<E>;
  readonly #clock: Clock;

  constructor(journal: Journal, clock: Clock, type: AggregateType, schema: GenMessage<E>) {
    this.journal = journal;
    this.#clock = clock;
    this.type = type;
    this.#schema = schema;
  }

  /**
   * Appends events behind the head in one commit. Returns the new head, or the old one if there are no events. Throws a
   * `VersionConflictError` if the head is not `expected`.
   */
  append(history: Uint8Array, events: readonly EventInit<E>[], expected?: Uint8Array): Uint8Array {
    let parent = this.head(history);
    if (events.length === 0) return parent;
    const stored = events.map((init): StoredEvent => {
      const event = create(this.#schema, init) as E;
      event.id = newEventId(this.#clock.now());
      event.parent = parent;
      parent = event.id;
      return { id: event.id, bytes: toBinary(this.#schema, event as Parameters<typeof toBinary<GenMessage<E>>>[1]) };
    });
    return this.journal.commit({ history, type: this.type, events: stored, ...(expected && { expected }) });
  }

  /** As `Journal.head`; treats a history of another type as absent. */
  head(history: Uint8Array): Uint8Array {
    return this.#isOwn(history) ? this.journal.head(history) : zeroId;
  }

  /** As `Journal.read`; treats a history of another type as absent. */
  stored(history: Uint8Array, after: Uint8Array = zeroId): readonly StoredEvent[] {
    return this.#isOwn(history) ? this.journal.read(history, after) : [];
  }

  /** As {@link stored}, decoded. Throws a protobuf error for bytes of another shape. */
  read(history: Uint8Array, after: Uint8Array = zeroId): E[] {
    return this.stored(history, after).map((event) => this.decode(event));
  }

  decode(event: StoredEvent): E {
    return fromBinary(this.#schema, event.bytes) as E;
  }

  #isOwn(history: Uint8Array): boolean {
    return this.journal.typeOf(history) === this.type;
  }
}
