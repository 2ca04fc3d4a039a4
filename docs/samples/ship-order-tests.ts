// #region tests
import { create } from "@bufbuild/protobuf";
import { caughtUp } from "tailwake";
import { historyOf, type RunGiven, runActivity, scriptedId, testCrashPoints } from "tailwake/testing";
import { expect, it } from "vitest";
import { type Event, Orders, PlacedSchema, ShippedSchema } from "./gen/orders_pb.ts";
import type { order } from "./order-stream.ts";
import { shipOrder } from "./ship-order.ts";

const placed: Event["body"] = { case: "placed", value: create(PlacedSchema, { item: "a teapot" }) };
const shipped: Event["body"] = { case: "shipped", value: create(ShippedSchema) };
const address = { orderId: "A-1" };

const routes: RunGiven<typeof order>["routes"] = (router, history) =>
  router.service(Orders, {
    ship() {
      if (!history.events.some(({ event }) => event.case === "shipped")) history.append(shipped);
      return {};
    },
  });

it("ships an order that is placed", async () => {
  const { outcome, calls } = await runActivity(shipOrder, { address, history: historyOf([placed]), routes });
  expect(outcome).toEqual(caughtUp(scriptedId(1)));
  expect(calls).toMatchObject([{ method: "orders.v1.Orders/Ship", request: { idempotencyKey: "ship/A-1" } }]);
});

it("ships once, wherever its process dies", async () => {
  const { effects } = await testCrashPoints(shipOrder, { address, history: historyOf([placed]), routes });
  expect(effects).toHaveLength(1);
});
// #endregion tests
