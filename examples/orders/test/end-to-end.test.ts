import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { eventId } from "tailwake";
import { startInMemory } from "tailwake/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { ordersApp } from "../src/app.ts";
import { Orders } from "../src/gen/orders_pb.ts";
import { startOrdersService } from "../src/orders-service.ts";
import { shipOrder } from "../src/ship-order.ts";

async function startAll() {
  const service = await startOrdersService();
  const app = startInMemory(ordersApp(service.baseUrl));
  onTestFinished(async () => {
    await app.close();
    await service.close();
  });
  const signaled: string[] = [];
  service.emitTo((event) => {
    signaled.push(event.detail.orderId);
    void app.put(event);
  });
  const client = createClient(Orders, createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" }));
  return { service, app, client, signaled };
}

describe("the app with the real service", () => {
  it("starts a task at the first signal of an order, ships it, and completes", async () => {
    const { service, app, client, signaled } = await startAll();
    await client.place({ orderId: "A-1", item: "a teapot" });
    await app.idle();
    expect(service.store.after("A-1", "")?.map(({ body }) => body.case)).toEqual(["placed", "shipped"]);
    expect(await app.tasks.get(shipOrder, { orderId: "A-1" })).toMatchObject({ status: "completed", tail: "2" });
    expect(signaled).toEqual(["A-1", "A-1"]);
  });

  it("reads from the beginning when the service no longer knows the tail", async () => {
    const { app, client } = await startAll();
    await app.tasks.start(shipOrder, { orderId: "A-2" });
    await app.idle();
    await app.tasks.rewind({ activity: shipOrder, address: { orderId: "A-2" } }, eventId("7"));
    await client.place({ orderId: "A-2", item: "two cups" });
    await app.idle();
    expect(await app.tasks.get(shipOrder, { orderId: "A-2" })).toMatchObject({ status: "completed", tail: "2" });
  });
});

describe("the service", () => {
  it("ships once for two calls with one idempotency key, and refuses another key", async () => {
    const { client } = await startAll();
    await client.place({ orderId: "B-1", item: "a spoon" });
    const first = await client.ship({ orderId: "B-1", idempotencyKey: "ship/B-1" });
    expect(await client.ship({ orderId: "B-1", idempotencyKey: "ship/B-1" })).toEqual(first);
    await expect(client.ship({ orderId: "B-1", idempotencyKey: "mine" })).rejects.toThrow("shipped with another key");
  });

  it("sends a watcher new events, and says when it has reached the head", async () => {
    const { client } = await startAll();
    const seen: string[] = [];
    const done = new AbortController();
    onTestFinished(() => done.abort());
    for await (const { events, caughtUp } of client.events({ orderId: "B-2", watch: true }, { signal: done.signal })) {
      seen.push(`${events.map(({ body }) => body.case).join()} ${caughtUp}`);
      if (seen.length === 1) await client.place({ orderId: "B-2", item: "a spoon" });
      if (events.length > 0) break;
    }
    expect(seen).toEqual([" true", "placed true"]);
  });
});
