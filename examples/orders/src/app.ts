import { createApp, lazy } from "tailwake";
import { shipOrder } from "./ship-order.ts";

/** The app: its activities, each with its engine, and the upstreams of their streams. */
export function ordersApp(baseUrl: string) {
  return createApp({
    // The first signal of an order starts its task.
    activities: [lazy(shipOrder, { startOnSignal: true })],
    upstreams: { orders: { baseUrl, protocol: "connect" } },
  });
}
