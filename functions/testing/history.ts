import type { Recorded } from "../contract/stream.ts";
import { type EventId, eventId } from "../contract/tail.ts";

/**
 * A scripted history: the given events, in order, with ids that are legal ULIDs: `00000000000000000000000001`,
 * `00000000000000000000000002`, …
 */
export function historyOf<E>(events: readonly E[]): Recorded<E>[] {
  return events.map((event, i) => ({ id: scriptedId(i + 1), event }));
}

export function scriptedId(position: number): EventId {
  return eventId(String(position).padStart(26, "0"));
}

/** The stream of the aggregate under test. Handlers of the scripted server append to it what the real one would. */
export class ScriptedHistory<E = unknown> {
  readonly #recorded: Recorded<E>[];
  readonly #onAppend: () => void;

  constructor(recorded: readonly Recorded<E>[], onAppend: () => void = () => {}) {
    this.#recorded = [...recorded];
    this.#onAppend = onAppend;
  }

  get events(): readonly Recorded<E>[] {
    return this.#recorded;
  }

  /** Adds an event at the head, and signals it. Returns its id. */
  append(event: E, id: EventId = scriptedId(this.#recorded.length + 1)): EventId {
    this.#recorded.push({ id, event });
    this.#onAppend();
    return id;
  }

  /** What lies after a tail; undefined if there is no such event. */
  after(tail: EventId | undefined): readonly Recorded<E>[] | undefined {
    if (tail === undefined) return this.#recorded;
    const at = this.#recorded.findIndex(({ id }) => id === tail);
    return at < 0 ? undefined : this.#recorded.slice(at + 1);
  }
}
