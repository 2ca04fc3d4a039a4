import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { AggregateSignalsO, LiveBroadcast } from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import type { Access } from "./access.ts";
import type { Calls } from "./calls.ts";
import type { Domain } from "./domain.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { AggregateType } from "./journal-record.ts";
import { type SignalLoss, SignalSet, selectedTypes } from "./signal-set.ts";

const maxPendingIds = 4096;

/** Service `nogfso.LiveBroadcast`. */
export function liveBroadcastService(
  domain: Domain,
  access: Access,
  calls: Calls,
  loss: SignalLoss,
): Partial<ServiceImpl<typeof LiveBroadcast>> {
  return {
    aggregateSignals(request, context) {
      access.checkName(context, "bc/read", "allaggsig");
      return aggregateSignals(domain, calls, context, selectedTypes(request.selectAggregates), loss);
    },
  };
}

/**
 * Sends one message per turn of the event loop with the aggregates updated since the last one; sends nothing, not even
 * headers, before the first update. A client that does not read while more than 4096 ids accumulate gets
 * ResourceExhausted. nog's queue of 100 ids per type, which drops the ids that do not fit, is not implemented here.
 */
async function* aggregateSignals(
  domain: Domain,
  calls: Calls,
  context: HandlerContext,
  types: readonly AggregateType[],
  loss: SignalLoss,
): AsyncGenerator<AggregateSignalsO> {
  const call = calls.begin(context);
  try {
    const news = new Heartbeat(domain.clock, call);
    let pending = new SignalSet();
    let sending = false;
    let overflow = false;

    // A burst of commits in one turn of the event loop does not mean a slow client: allow two turns to send the
    // message.
    const checkLimit = () => {
      if (pending.counted <= maxPendingIds || overflow) return;
      setImmediate(() => {
        setImmediate(() => {
          if (sending && pending.counted > maxPendingIds) overflow = true;
        });
      });
    };
    for (const type of types) {
      const stop = domain.journal.onTypeCommit(type, (id) => {
        if (overflow) return;
        pending.add(type, id);
        if (sending) checkLimit();
        news.notify();
      });
      call.onEnd(stop);
    }

    for (;;) {
      call.check();
      if (overflow) throw new ConnectError("too many pending signals", Code.ResourceExhausted);
      if (!pending.isEmpty) {
        const message = pending.toMessage(loss);
        pending = new SignalSet();
        sending = true;
        yield message;
        sending = false;
        continue;
      }
      await news.wait();
    }
  } finally {
    call.end();
  }
}
