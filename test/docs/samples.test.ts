import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { archiveOrder } from "../../docs/samples/archive-order.ts";
import { auditOrder } from "../../docs/samples/audit-order.ts";
import { app, fulfilOrder } from "../../docs/samples/fulfil-order.ts";
import { type Event, Orders, PlacedSchema, ShippedSchema } from "../../docs/samples/gen/orders_pb.ts";
import type { order } from "../../docs/samples/order-stream.ts";
import { shipLater } from "../../docs/samples/ship-later.ts";
import { shipOrder, wake } from "../../docs/samples/ship-order.ts";
import { follow } from "../../docs/samples/start-orders.ts";
import { SettingsError } from "../../functions/settings.ts";
import { historyOf, type RunGiven, runActivity, scriptedId, testCrashPoints } from "../../functions/testing/index.ts";
import { blocksOf, sampleTexts } from "./regions.ts";

const now = new Date("2026-01-01T00:00:00Z");
const dayMs = 86_400_000;
const placed: Event["body"] = {
  case: "placed",
  value: create(PlacedSchema, { item: "a teapot", placedAt: timestampFromMs(now.getTime()) }),
};
const shipped: Event["body"] = { case: "shipped", value: create(ShippedSchema) };
const address = { orderId: "A-1" };
const routes: RunGiven<typeof order>["routes"] = (router, history) =>
  router.service(Orders, {
    ship() {
      if (!history.events.some(({ event }) => event.case === "shipped")) history.append(shipped);
      return {};
    },
  });

describe("the tests that the guide shows", async () => {
  await import("../../docs/samples/ship-order-tests.ts");
  await import("../../docs/samples/simulate-orders.ts");
});

describe("the samples of the guide", () => {
  it("are all the code that the guide shows, word for word", () => {
    const samples = [...sampleTexts().values()];
    const blocks = blocksOf("docs/activities.md", "ts");
    expect(blocks.length).toBeGreaterThan(6);
    expect(blocks.filter((block) => !samples.includes(block))).toEqual([]);
  });

  it("begin with the one in the README", () => {
    expect(blocksOf("README.md", "ts")).toEqual([sampleTexts().get("docs/samples/ship-order.ts")]);
  });

  it("make an app that says what its environment lacks", async () => {
    const context = { getRemainingTimeInMillis: () => 1000, awsRequestId: "r" };
    await expect(wake({}, context)).rejects.toThrow(SettingsError);
    await expect(follow("A-1")).rejects.toThrow("TAILWAKE_TABLE");
    expect(app.activities).toHaveLength(3);
  });

  it("audit an order event by event, until it is shipped", async () => {
    const { outcome, log } = await runActivity(auditOrder, { address, history: historyOf([placed, shipped, placed]) });
    expect(outcome).toEqual({ type: "completed", tail: scriptedId(2) });
    expect(log.filter(({ message }) => message === "order event")).toHaveLength(1 + 1);
  });

  it("ship a day later, through every cut", async () => {
    const { effects } = await testCrashPoints(shipLater, { address, now, history: historyOf([placed]), routes });
    expect(effects).toHaveLength(1);
    const waiting = await runActivity(shipLater, { address, now, history: historyOf([placed]) });
    expect(waiting.outcome).toMatchObject({ type: "silentRetryAfter", at: new Date(now.getTime() + dayMs) });
  });

  it("take a refusal by the state of the order for news, and other refusals for errors", async () => {
    const refusing =
      (code: Code): typeof routes =>
      (router) =>
        router.service(Orders, {
          ship() {
            throw new ConnectError("no", code);
          },
        });
    const later = { address, now: new Date(now.getTime() + dayMs), history: historyOf([placed]) };
    const of = async (code: Code) => (await runActivity(shipLater, { ...later, routes: refusing(code) })).outcome.type;
    expect(await of(Code.FailedPrecondition)).toBe("caughtUp");
    expect(await of(Code.PermissionDenied)).toBe("retry");
  });

  it("start children, wait for one of them, and complete with it", async () => {
    const given = { address, history: historyOf([placed]) };
    const first = await runActivity(fulfilOrder, given);
    expect(first.started.map(({ activity }) => activity.name)).toEqual(["audit-order", "ship-order"]);
    expect(first.record).toMatchObject({ status: "sleeping", awaiting: true });
    const completedChildren = [{ activity: shipOrder, address }];
    const second = await runActivity(fulfilOrder, { ...given, completedChildren, wokenBy: "child" });
    expect(second.outcome.type).toBe("completed");
  });

  it("archive each event once, from where the last run was stopped", async () => {
    const put: string[] = [];
    const archive = archiveOrder({ put: async (name) => void put.push(name) });
    const history = historyOf([placed, placed, shipped]);
    const first = await runActivity(archive, { address, history, abortAfterEvents: 2 });
    expect(first.outcome).toEqual({ type: "canceled", tail: scriptedId(2) });
    await runActivity(archive, { address, history, tail: first.outcome.tail });
    expect(put).toEqual([1, 2, 3].map((n) => `A-1/${scriptedId(n)}`));
  });
});
