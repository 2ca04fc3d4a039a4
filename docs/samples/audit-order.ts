import { caughtUp, completed, defineProcessor } from "tailwake";
import { order } from "./order-stream.ts";

// #region processor
export const auditOrder = defineProcessor(order, {
  name: "audit-order",
  async processEvents(run, stream) {
    let { tail } = run;
    for await (const { id, event } of stream) {
      run.log.info("order event", { event: event.case });
      if (event.case === "shipped") return completed(id);
      tail = id;
      run.advance(tail);
    }
    return caughtUp(tail);
  },
});
// #endregion processor
