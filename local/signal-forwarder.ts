import { createClient, type Transport } from "@connectrpc/connect";
import type { Clock } from "../functions/contract/clock.ts";
import type { Logger } from "../functions/contract/logger.ts";
import { AggregateSignalsI_AggregateSelector, LiveBroadcast } from "../functions/nog/gen/nogfso/broadcast_pb.ts";
import { uuidText } from "../functions/nog/index.ts";
import type { Signal } from "../functions/wake/wake.ts";
import type { Wakes } from "../functions/wake/wakes.ts";

/** Signals of one aggregate within this time become one. */
const coalesceMs = 50;
const reconnectMs = 1_000;

export interface SignalForwarder {
  stop(): Promise<void>;
}

/** Holds the server's stream of signals and puts them on the bus. */
export function forwardSignals(transport: Transport, wakes: Wakes, clock: Clock, log: Logger): SignalForwarder {
  const client = createClient(LiveBroadcast, transport);
  const { AS_REGISTRY, AS_REPO, AS_WORKFLOW, AS_EPHEMERAL_WORKFLOW } = AggregateSignalsI_AggregateSelector;
  const stopping = new AbortController();
  const { signal } = stopping;
  let pending = new Set<string>();
  let flushing: Promise<void> | undefined;

  async function flush(): Promise<void> {
    await clock.sleep(coalesceMs, signal);
    const entities = pending;
    pending = new Set();
    flushing = undefined;
    try {
      await wakes.send([...entities].map((entity): Signal => ({ class: "signal", entity })));
    } catch (error) {
      if (!signal.aborted) log.warn("signals not forwarded", { entities: [...entities], err: error });
    }
  }

  async function hold(): Promise<void> {
    while (!signal.aborted) {
      try {
        const selectAggregates = [AS_REGISTRY, AS_REPO, AS_WORKFLOW, AS_EPHEMERAL_WORKFLOW];
        for await (const message of client.aggregateSignals({ selectAggregates }, { signal })) {
          for (const { entityId } of message.signals) pending.add(uuidText(entityId, "entity_id"));
          flushing ??= flush();
        }
      } catch (error) {
        if (!signal.aborted) log.warn("signal stream broke", { err: error, retryInMs: reconnectMs });
      }
      await clock.sleep(reconnectMs, signal);
    }
  }

  const holding = hold();
  return {
    async stop() {
      stopping.abort();
      await holding;
      await flushing;
    },
  };
}
