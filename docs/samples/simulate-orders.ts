// #region simulate
import { create } from "@bufbuild/protobuf";
import { createApp, lazy } from "tailwake";
import { type Scenario, simulate } from "tailwake/testing";
import { expect, it } from "vitest";
import { type Event, Orders, PlacedSchema, ShippedSchema } from "./gen/orders_pb.ts";
import { order } from "./order-stream.ts";
import { shipOrder } from "./ship-order.ts";

const placed: Event["body"] = { case: "placed", value: create(PlacedSchema, { item: "a teapot" }) };
const shipped: Event["body"] = { case: "shipped", value: create(ShippedSchema) };
const address = { orderId: "A-1" };

const orders: Scenario = {
  versions: [
    createApp({
      activities: [lazy(shipOrder)],
      upstreams: { orders: { baseUrl: "https://orders.example.org", protocol: "connect" } },
    }),
  ],
  aggregates: [{ stream: order, address, event: () => placed, maxEvents: 1 }],
  routes: (router, histories) =>
    router.service(Orders, {
      ship() {
        const isShipped = histories.eventsOf(order, address).some(({ event }) => event.case === "shipped");
        if (!isShipped) histories.append(order, address, shipped);
        return {};
      },
    }),
};

it.each([1, 2, 3])("ships in a world in which everything goes wrong, seed %i", async (seed) => {
  const { violation } = await simulate(orders, { seed });
  expect(violation).toBeUndefined();
});
// #endregion simulate
