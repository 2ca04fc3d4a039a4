import { defineSignalSource } from "../contract/signal-source.ts";
import { LiveBroadcast, AggregateSignalsI_AggregateSelector as Selector } from "./gen/nogfso/broadcast_pb.ts";
import { uuidText } from "./ids.ts";

/**
 * The signals of a nog server for the five kinds. An entity id that is not 16 bytes long fails the stream, as in Go.
 *
 * Source: nog 4450389, backend/internal/process/grpclazy/grpclazy.go, `watchSignals`.
 */
export const liveBroadcast = defineSignalSource({
  name: "live-broadcast",
  upstream: "nog",
  method: LiveBroadcast.method.aggregateSignals,
  request: () => ({
    selectAggregates: [Selector.AS_REGISTRY, Selector.AS_REPO, Selector.AS_WORKFLOW, Selector.AS_EPHEMERAL_WORKFLOW],
  }),
  read: ({ signals }) => signals.map(({ entityId }) => uuidText(entityId, "entity_id")),
});
