import { caughtUp, completed, defineActivity } from "tailwake";
import { Orders } from "./gen/orders_pb.ts";
import { order } from "./order-stream.ts";

/** Ships an order once it is placed, and completes when the stream says that it was shipped. */
export const shipOrder = defineActivity(order, {
  name: "ship-order",
  view: { version: 1, initial: () => ({ placed: false, shipped: false }) },
  apply(view, { event }) {
    if (event.case === "placed") view.placed = true;
    if (event.case === "shipped") view.shipped = true;
  },
  async act(view, run) {
    if (view.shipped) return completed();
    if (!view.placed) return caughtUp();
    const { orderId } = run.address;
    // At least once: a run can be killed right after this call. The key makes the second call harmless.
    await run.client(Orders).ship({ orderId, idempotencyKey: `ship/${orderId}` });
    // The answer is ignored: the stream brings the event "shipped", and its signal wakes this task.
    return caughtUp();
  },
});
