import { caughtUp, defineProcessor } from "tailwake";
import { order } from "./order-stream.ts";

/** Where the events of orders are kept for good; the same event may be put twice. */
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
        // Half a minute each: an abort must end it, and what is done must not be done again.
        await archive.put(`${run.address.orderId}/${id}`, event, run.signal);
        tail = id;
        await run.checkpoint(tail);
      }
      return caughtUp(tail);
    },
  });
// #endregion checkpoint
