import type { Activity } from "../contract/activity.ts";
import { defineStream } from "../contract/stream.ts";
import { EphemeralRegistry } from "./gen/nogfso/registry_pb.ts";
import { canonicalUuid, ulidBytes, uuidBytes } from "./ids.ts";
import { eventTime, heartbeatMs, readBatch } from "./recorded.ts";
import { toRegistryWorkflowEvent } from "./registry-workflow-events.ts";

/**
 * One workflow of a registry, by the registry's name and the workflow's id. The server sends an empty stream, and no
 * error, for a tail that it no longer knows.
 */
export const registryWorkflow = defineStream({
  kind: "registry-workflow",
  upstream: "nog",
  method: EphemeralRegistry.method.registryWorkflowEvents,
  address: ["registry", "workflowId"],
  entityId: ({ workflowId }) => canonicalUuid(workflowId, "workflowId"),
  request: ({ registry, workflowId }, { after, watch }) => ({
    registry,
    workflow: uuidBytes(workflowId, "workflowId"),
    watch,
    ...(after === undefined ? {} : { after: ulidBytes(after, "after") }),
  }),
  read: (message) => readBatch(message, toRegistryWorkflowEvent),
  tailUnknown: "silent",
  heartbeatMs,
  time: eventTime,
});

export type RegistryWorkflowActivity = Activity<typeof registryWorkflow>;
