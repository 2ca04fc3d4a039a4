import type { HandlerContext } from "@connectrpc/connect";
import type { Calls } from "./calls.ts";
import type { Domain } from "./domain.ts";
import { Heartbeat } from "./heartbeat.ts";

/**
 * Waits until `isReached`, which is checked after each commit to the workflow. Throws the reason if the call must end
 * before.
 */
export async function untilWorkflow(
  domain: Domain,
  calls: Calls,
  context: HandlerContext,
  id: Uint8Array,
  isReached: () => boolean,
): Promise<void> {
  const call = calls.begin(context);
  try {
    const news = new Heartbeat(domain.clock, call);
    call.onEnd(domain.journal.onCommit(id, news.notify));
    for (;;) {
      call.check();
      if (isReached()) return;
      await news.wait();
    }
  } finally {
    call.end();
  }
}
