import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { caughtUp, completed, defineActivity, silentRetryAfter } from "tailwake";
import { Orders } from "./gen/orders_pb.ts";
import { order } from "./order-stream.ts";

const dayMs = 86_400_000;

export const shipLater = defineActivity(order, {
  name: "ship-later",
  // An order that somebody else ships ends the wait.
  signalsCutWaits: true,
  // #region view
  view: { version: 1, initial: () => ({ placedAtMs: 0, shipped: false }) },
  apply(view, { event }) {
    switch (event.case) {
      case "placed":
        view.placedAtMs = event.value.placedAt ? timestampMs(event.value.placedAt) : 1;
        break;
      case "shipped":
        view.shipped = true;
        break;
    }
  },
  // #endregion view
  // #region wait
  async act(view, run) {
    if (view.shipped) return completed();
    if (view.placedAtMs === 0) return caughtUp();
    const shipAt = new Date(view.placedAtMs + dayMs);
    if (run.now() < shipAt) return silentRetryAfter(shipAt);
    const { orderId } = run.address;
    try {
      await run.client(Orders).ship({ orderId, idempotencyKey: `ship/${orderId}` });
    } catch (error) {
      if (ConnectError.from(error).code !== Code.FailedPrecondition) throw error;
      // Somebody else shipped it first. The stream has the event that says so, and the next run reads it.
      run.log.warn("shipped by somebody else", { err: error });
    }
    return caughtUp();
  },
  // #endregion wait
});
