import { caughtUp, completed, createApp, defineActivity, lazy } from "tailwake";
import { auditOrder } from "./audit-order.ts";
import { order } from "./order-stream.ts";
import { shipOrder } from "./ship-order.ts";

export const fulfilOrder = defineActivity(order, {
  name: "fulfil-order",
  view: { version: 1, initial: () => ({ placed: false }) },
  apply(view, { event }) {
    if (event.case === "placed") view.placed = true;
  },
  // #region children
  async act(view, run) {
    if (!view.placed) return caughtUp();
    await run.start(auditOrder, run.address);
    const status = await run.start(shipOrder, run.address, { wake: true });
    return status === "completed" ? completed() : caughtUp();
  },
  // #endregion children
});

// #region app
export const app = createApp({
  activities: [lazy(fulfilOrder, { startOnSignal: true }), lazy(shipOrder), lazy(auditOrder)],
  upstreams: { orders: { baseUrl: "https://orders.internal", protocol: "connect" } },
});
// #endregion app
