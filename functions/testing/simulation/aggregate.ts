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
  /** Maximum of events. Default 40. */
  readonly maxEvents?: number;
  /** The number of events that it has from the beginning, with one signal for all. Default 0. */
  readonly firstEvents?: number;
  /** The bus event of its service that means that it has news, as JSON. Default: none, its signals are Tailwake's. */
  readonly busEvent?: string;
  /** Its streams break each time that they have sent this many events, until the faults end. Default: never. */
  readonly cutAfter?: number;
}

/** An aggregate and its events. A trimmed aggregate no longer hands out its oldest events. */
export class Aggregate {
  readonly stream: Stream;
  readonly address: Address;
  readonly entity: string;
  readonly maxEvents: number;
  readonly firstEvents: number;
  readonly busEvent: string | undefined;
  readonly cutAfter: number;
  /** Its server is silent about unknown tails (rule 18). */
  readonly isSilent: boolean;
  /** All events, including trimmed ones. */
  readonly events: Recorded<unknown>[] = [];
  /** When each event was appended. */
  readonly addedAt: number[] = [];
  /** The number of trimmed events. */
  trimmed = 0;
  /** Every value that `trimmed` has had: a reader may have begun at any of them. */
  readonly trims: number[] = [0];
  readonly #event: AggregateDefinition["event"];
  readonly #positions = new Map<EventId, number>();
  readonly #watchers = new Set<() => void>();

  constructor(definition: AggregateDefinition) {
    const { stream, address, event, maxEvents = 40, firstEvents = 0, cutAfter = Infinity } = definition;
    this.stream = stream;
    this.address = address;
    const { entityId, tailUnknown } = declarationOf(stream).definition;
    this.entity = entityId(address);
    this.isSilent = tailUnknown === "silent";
    this.maxEvents = maxEvents;
    this.firstEvents = firstEvents;
    this.busEvent = definition.busEvent;
    this.cutAfter = cutAfter;
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

  /** The position of an event, from 0, even if it is trimmed; -1 for the epoch and for unknown ids. */
  positionOf(tail: string): number {
    return this.#positions.get(tail as EventId) ?? -1;
  }

  /** Where a stream after an event begins; undefined if the server does not know the event. */
  startAfter(after: EventId | undefined): number | undefined {
    if (after === undefined) return this.trimmed;
    const position = this.positionOf(after);
    return position < this.trimmed ? undefined : position + 1;
  }

  /** Calls `tell` at each new event, until the returned function is called. */
  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }
}
