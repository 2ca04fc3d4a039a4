import { createApp, lazy } from "tailwake";
import { shipOrder } from "./ship-order.ts";

/** The app: its activities, each with its engine, and the upstreams of their streams. */
export function ordersApp(baseUrl: string) {
  return createApp({
    // An order that nobody has heard of gets its task with its first signal.
    activities: [lazy(shipOrder, { startOnSignal: true })],
    upstreams: { orders: { baseUrl, protocol: "connect" } },
  });
}
