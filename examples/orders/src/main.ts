import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { startInMemory } from "tailwake/testing";
import { ordersApp } from "./app.ts";
import { Orders } from "./gen/orders_pb.ts";
import { startOrdersService } from "./orders-service.ts";
import { shipOrder } from "./ship-order.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);

const service = await startOrdersService();
const app = startInMemory(ordersApp(service.baseUrl));
say(`orders service at ${service.baseUrl}`);

service.store.onEvent((orderId) => {
  const event = service.store.after(orderId, "")?.at(-1);
  say(`${orderId}: event ${event?.id}, ${event?.body.case}`);
});
service.emitTo((event) => {
  app.put(event).catch((error: unknown) => say(`a signal was lost, a probe will find the event: ${error}`));
});

const client = createClient(Orders, createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" }));
const orders = { "A-1": "a teapot", "A-2": "two cups", "A-3": "a spoon" };
for (const [orderId, item] of Object.entries(orders)) await client.place({ orderId, item });
await app.idle();

let completed = 0;
for (const orderId of Object.keys(orders)) {
  const task = await app.tasks.get(shipOrder, { orderId });
  say(`${task?.name}: ${task?.status} at event ${task?.tail}`);
  if (task?.status === "completed") completed++;
}
await app.close();
await service.close();
say(`${completed} of ${Object.keys(orders).length} orders shipped`);
