import { epoch, task } from "tailwake";
import { createTasks } from "tailwake/client";
import { app } from "./fulfil-order.ts";
import { shipOrder } from "./ship-order.ts";

const tasks = createTasks(app);
const shipping = task(shipOrder, { orderId: "A-1" });
const commands: Readonly<Record<string, () => Promise<void>>> = {
  wake: () => tasks.wake(shipping),
  pause: () => tasks.pause(shipping),
  resume: () => tasks.resume(shipping),
  rewind: () => tasks.rewind(shipping, epoch),
  pauseOrders: () => tasks.pauseUpstream("orders", "maintenance"),
  resumeOrders: () => tasks.resumeUpstream("orders"),
  async parked() {
    for await (const { name, attempts, lastError } of tasks.list({ status: "parked" })) {
      process.stdout.write(`${name} ${attempts} ${lastError?.message}\n`);
    }
  },
};
await commands[process.argv[2] ?? ""]?.();
