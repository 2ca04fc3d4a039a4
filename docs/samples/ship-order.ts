import { caughtUp, completed, createApp, createHandlers, defineActivity, lazy } from "tailwake";
import { Orders } from "./gen/orders_pb.ts";
import { order } from "./order-stream.ts";

export const shipOrder = defineActivity(order, {
  name: "ship-order",
  view: { version: 1, initial: () => ({ placed: false, shipped: false }) },
  apply(view, { event }) {
    if (event.case === "placed") view.placed = true;
    if (event.case === "shipped") view.shipped = true;
  },
  async act(view, run) {
    if (view.shipped) return completed();
    if (!view.placed) return caughtUp();
    const { orderId } = run.address;
    // At least once: a run can be killed right after this call. The key makes the second call harmless.
    await run.client(Orders).ship({ orderId, idempotencyKey: `ship/${orderId}` });
    return caughtUp();
  },
});
const orders = { baseUrl: "https://orders.internal", protocol: "connect" } as const;
export const { wake } = createHandlers(createApp({ activities: [lazy(shipOrder)], upstreams: { orders } }));
