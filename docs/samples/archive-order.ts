import { caughtUp, defineProcessor } from "tailwake";
import { order } from "./order-stream.ts";

/** A permanent store of order events. Putting the same event twice does no harm. */
export interface Archive {
  put(name: string, event: unknown, signal: AbortSignal): Promise<void>;
}

// #region checkpoint
export const archiveOrder = (archive: Archive) =>
  defineProcessor(order, {
    name: "archive-order",
    async processEvents(run, stream) {
      let { tail } = run;
      for await (const { id, event } of stream) {
        // Each put takes half a minute: an abort must end it, and the next run must not repeat the finished ones.
        await archive.put(`${run.address.orderId}/${id}`, event, run.signal);
        tail = id;
        await run.checkpoint(tail);
      }
      return caughtUp(tail);
    },
  });
// #endregion checkpoint
