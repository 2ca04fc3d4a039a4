import type { Activity } from "../contract/activity.ts";
import { defineStream } from "../contract/stream.ts";
import { Registry } from "./gen/nogfso/registry_pb.ts";
import { registryEntityId, ulidBytes } from "./ids.ts";
import { eventTime, heartbeatMs, isTailUnknown, readBatch } from "./recorded.ts";
import { toRegistryEvent } from "./registry-events.ts";

/** A registry by its name: its roots, repos and policies. */
export const registry = defineStream({
  kind: "registry",
  upstream: "nog",
  method: Registry.method.events,
  address: ["registry"],
  entityId: ({ registry }) => registryEntityId(registry),
  // The server refuses an empty `after`, so a request at the epoch leaves it out.
  request: ({ registry }, { after, watch }) => ({
    registry,
    watch,
    ...(after === undefined ? {} : { after: ulidBytes(after, "after") }),
  }),
  read: (message) => readBatch(message, toRegistryEvent),
  tailUnknown: isTailUnknown,
  heartbeatMs,
  time: eventTime,
});

export type RegistryActivity = Activity<typeof registry>;
