import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { caughtUp } from "tailwake";
import { historyOf, type RunGiven, runActivity, scriptedId, testCrashPoints } from "tailwake/testing";
import { describe, expect, it } from "vitest";
import { type Event, Orders, PlacedSchema, ShippedSchema } from "../src/gen/orders_pb.ts";
import type { order } from "../src/order-stream.ts";
import { shipOrder } from "../src/ship-order.ts";

const placed: Event["body"] = { case: "placed", value: create(PlacedSchema, { item: "a teapot" }) };
const shipped: Event["body"] = { case: "shipped", value: create(ShippedSchema) };
const address = { orderId: "A-1" };

/** The service as the activity sees it: it ships an order once. */
const routes: RunGiven<typeof order>["routes"] = (router, history) =>
  router.service(Orders, {
    ship() {
      if (!history.events.some(({ event }) => event.case === "shipped")) history.append(shipped);
      return {};
    },
  });

describe("ship-order", () => {
  it("ships an order that is placed", async () => {
    const history = historyOf([placed]);
    const { outcome, calls } = await runActivity(shipOrder, { address, history, routes });
    expect(outcome).toEqual(caughtUp(scriptedId(1)));
    expect(calls).toEqual([
      { method: "orders.v1.Orders/Ship", request: { orderId: "A-1", idempotencyKey: "ship/A-1" } },
    ]);
  });

  it("completes when the order is shipped, whoever shipped it", async () => {
    const { outcome, calls } = await runActivity(shipOrder, { address, history: historyOf([placed, shipped]) });
    expect({ outcome: outcome.type, calls }).toEqual({ outcome: "completed", calls: [] });
  });

  it("tries again if the service refuses", async () => {
    const refuse: typeof routes = (router) =>
      router.service(Orders, {
        ship: () => {
          throw new ConnectError("no parcels left", Code.ResourceExhausted);
        },
      });
    const { outcome } = await runActivity(shipOrder, { address, history: historyOf([placed]), routes: refuse });
    expect(outcome.type).toBe("retry");
  });

  it("ships once, wherever its process dies and however its events are grouped into messages", async () => {
    const { effects } = await testCrashPoints(shipOrder, { address, history: historyOf([placed]), routes });
    expect(effects).toHaveLength(1);
  });
});
