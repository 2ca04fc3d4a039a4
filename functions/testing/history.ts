import { encodeTime } from "ulid";
import type { Recorded } from "../contract/stream.ts";
import { type EventId, eventId } from "../contract/tail.ts";

/** The default start of a scripted history, and of a test's clock. */
export const scriptedStart: Date = new Date("2026-01-01T00:00:00Z");

/** A scripted history: the given events in order, one per millisecond after `start`. */
export function historyOf<E>(events: readonly E[], start: Date = scriptedStart): Recorded<E>[] {
  return events.map((event, i) => ({ id: scriptedId(i + 1, start), event }));
}

/** The id of the event at a position, from 1: a ULID of the time `start` + position ms, which ends in the position. */
export function scriptedId(position: number, start: Date = scriptedStart): EventId {
  return eventId(encodeTime(start.getTime() + position, 10) + String(position).padStart(16, "0"));
}

/** The stream of the aggregate under test. A handler of the scripted server appends what the real one would. */
export class ScriptedHistory<E = unknown> {
  readonly #recorded: Recorded<E>[];
  readonly #onAppend: (recorded: Recorded<E>) => void;

  constructor(recorded: readonly Recorded<E>[], onAppend: (recorded: Recorded<E>) => void = () => {}) {
    this.#recorded = [...recorded];
    this.#onAppend = onAppend;
  }

  get events(): readonly Recorded<E>[] {
    return this.#recorded;
  }

  /** Appends an event and signals it. Returns its id. */
  append(event: E, id: EventId = scriptedId(this.#recorded.length + 1)): EventId {
    const recorded = { id, event };
    this.#recorded.push(recorded);
    this.#onAppend(recorded);
    return id;
  }

  /** The events after a tail, all for undefined; undefined if there is no such event. */
  after(tail: EventId | undefined): readonly Recorded<E>[] | undefined {
    if (tail === undefined) return this.#recorded;
    const at = this.#recorded.findIndex(({ id }) => id === tail);
    return at < 0 ? undefined : this.#recorded.slice(at + 1);
  }
}
