import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { type Event, EventSchema, PlacedSchema, ShippedSchema } from "./gen/orders_pb.ts";

type Body = Event["body"];

/** The events of all orders, in memory. An event's id is its sequence number in its order. */
export class OrderStore {
  readonly #orders = new Map<string, Event[]>();
  readonly #listeners = new Set<(orderId: string) => void>();

  /** Calls `listener` with the order of each new event. Returns a function that stops it. */
  onEvent(listener: (orderId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  place(orderId: string, item: string): string {
    const placed = this.#find(orderId, "placed");
    if (placed) return placed.id;
    return this.#append(orderId, { case: "placed", value: create(PlacedSchema, { item, placedAt: timestampNow() }) });
  }

  /** Returns the event's id, or undefined if the order is not placed or was shipped with another key. */
  ship(orderId: string, idempotencyKey: string): string | undefined {
    if (!this.#find(orderId, "placed")) return undefined;
    const shipped = this.#find(orderId, "shipped");
    if (!shipped) {
      return this.#append(orderId, { case: "shipped", value: create(ShippedSchema, { idempotencyKey }) });
    }
    const { body, id } = shipped;
    return body.case === "shipped" && body.value.idempotencyKey === idempotencyKey ? id : undefined;
  }

  /** Returns the events after the one with the id `after`, or all for ""; undefined if there is no such event. */
  after(orderId: string, after: string): readonly Event[] | undefined {
    const events = this.#orders.get(orderId) ?? [];
    if (after === "") return [...events];
    const at = events.findIndex(({ id }) => id === after);
    return at < 0 ? undefined : events.slice(at + 1);
  }

  #find(orderId: string, what: Body["case"]): Event | undefined {
    return this.#orders.get(orderId)?.find(({ body }) => body.case === what);
  }

  #append(orderId: string, body: Body): string {
    const events = this.#orders.get(orderId) ?? [];
    const event = create(EventSchema, { id: String(events.length + 1), body });
    this.#orders.set(orderId, [...events, event]);
    for (const listener of this.#listeners) listener(orderId);
    return event.id;
  }
}
