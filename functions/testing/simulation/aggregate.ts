import type { Address, Recorded, Stream } from "../../contract/stream.ts";
import { declarationOf } from "../../contract/stream.ts";
import type { EventId } from "../../contract/tail.ts";
import { scriptedId } from "../history.ts";
import type { Random } from "./random.ts";

/** An aggregate of a scenario. */
export interface AggregateDefinition<S extends Stream = Stream> {
  readonly stream: S;
  readonly address: Address;
  /** The event at a position, from 0. */
  readonly event: (position: number, random: Random) => unknown;
  /** How many events there are at most. Default 40. */
  readonly maxEvents?: number;
}

/** An aggregate and its events. A trimmed one no longer hands out its oldest, but they have been. */
export class Aggregate {
  readonly stream: Stream;
  readonly address: Address;
  readonly entity: string;
  readonly maxEvents: number;
  /** Its server says nothing of a tail that it does not know (rule 18). */
  readonly isSilent: boolean;
  /** All there ever were. */
  readonly events: Recorded<unknown>[] = [];
  /** When each of them was added. */
  readonly addedAt: number[] = [];
  /** How many of the oldest are gone; and each number that was so, since somebody may have begun to read then. */
  trimmed = 0;
  readonly trims: number[] = [0];
  readonly #event: AggregateDefinition["event"];
  readonly #positions = new Map<EventId, number>();
  readonly #watchers = new Set<() => void>();

  constructor({ stream, address, event, maxEvents = 40 }: AggregateDefinition) {
    this.stream = stream;
    this.address = address;
    const { entityId, tailUnknown } = declarationOf(stream).definition;
    this.entity = entityId(address);
    this.isSilent = tailUnknown === "silent";
    this.maxEvents = maxEvents;
    this.#event = event;
  }

  get head(): EventId | undefined {
    return this.events.at(-1)?.id;
  }

  nextEvent(random: Random): unknown {
    return this.#event(this.events.length, random);
  }

  append(now: number, event: unknown): void {
    const position = this.events.length;
    const id = scriptedId(position + 1, new Date(Math.floor(now)));
    this.#positions.set(id, position);
    this.events.push({ id, event });
    this.addedAt.push(now);
    for (const tell of [...this.#watchers]) tell();
  }

  trim(keep: number): void {
    this.trimmed = Math.max(this.trimmed, this.events.length - keep);
    this.trims.push(this.trimmed);
  }

  /** The position of an event, from 0, though it may be trimmed; -1 at the epoch and for an id that is none. */
  positionOf(tail: string): number {
    return this.#positions.get(tail as EventId) ?? -1;
  }

  /** Where a stream after an event begins; undefined if the server does not know the event. */
  startAfter(after: EventId | undefined): number | undefined {
    if (after === undefined) return this.trimmed;
    const position = this.positionOf(after);
    return position < this.trimmed ? undefined : position + 1;
  }

  /** Calls `tell` at each new event, until what is returned is called. */
  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }
}
