import type { Activity } from "../contract/activity.ts";
import { defineStream } from "../contract/stream.ts";
import { EphemeralRegistry } from "./gen/nogfso/registry_pb.ts";
import { ulidBytes, workflowIndexEntityId } from "./ids.ts";
import { eventTime, heartbeatMs, isTailUnknown, readBatch } from "./recorded.ts";
import { toRegistryWorkflowIndexEvent } from "./workflow-index-events.ts";

/** The index of a registry's workflows, by the registry's name. Its history is trimmed; snapshot events replace it. */
export const registryWorkflowIndex = defineStream({
  kind: "registry-workflow-index",
  upstream: "nog",
  method: EphemeralRegistry.method.registryWorkflowIndexEvents,
  address: ["registry"],
  entityId: ({ registry }) => workflowIndexEntityId(registry),
  request: ({ registry }, { after, watch }) => ({
    registry,
    watch,
    ...(after === undefined ? {} : { after: ulidBytes(after, "after") }),
  }),
  read: (message) => readBatch(message, toRegistryWorkflowIndexEvent),
  tailUnknown: isTailUnknown,
  heartbeatMs,
  time: eventTime,
});

export type RegistryWorkflowIndexActivity = Activity<typeof registryWorkflowIndex>;
