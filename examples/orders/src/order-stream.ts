import { Code } from "@connectrpc/connect";
import { defineStream, eventId } from "tailwake";
import { Orders } from "./gen/orders_pb.ts";

// #region order-stream
/** The event stream of an order: all that Tailwake needs to know about the service. */
export const order = defineStream({
  kind: "order",
  upstream: "orders",
  method: Orders.method.events,
  address: ["orderId"],
  request: ({ orderId }, { after, watch }) => ({ orderId, after: after ?? "", watch }),
  read: ({ events, caughtUp }) => ({
    events: events.map(({ id, body }) => ({ id: eventId(id), event: body })),
    willBlock: caughtUp,
  }),
  tailUnknown: (error) => error.code === Code.OutOfRange,
  heartbeatMs: 10_000,
  signals: [
    {
      source: "orders",
      detailType: "OrderChanged",
      address: (detail) => (isOrderChanged(detail) ? { orderId: detail.orderId } : undefined),
    },
  ],
});
// #endregion order-stream

/** The detail of the bus event that the service sends when an order has changed. */
export interface OrderChanged {
  readonly orderId: string;
}

function isOrderChanged(detail: unknown): detail is OrderChanged {
  return typeof detail === "object" && detail !== null && "orderId" in detail && typeof detail.orderId === "string";
}
