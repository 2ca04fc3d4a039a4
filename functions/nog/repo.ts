import type { Activity } from "../contract/activity.ts";
import { defineStream } from "../contract/stream.ts";
import { Repos } from "./gen/nogfso/repos_pb.ts";
import { canonicalUuid, ulidBytes, uuidBytes } from "./ids.ts";
import { eventTime, heartbeatMs, isTailUnknown, readBatch } from "./recorded.ts";
import { toRepoEvent } from "./repo-events.ts";

/** A repo by its id: its set-up, moves, freezes and archives. */
export const repo = defineStream({
  kind: "repo",
  upstream: "nog",
  method: Repos.method.events,
  address: ["repoId"],
  entityId: ({ repoId }) => canonicalUuid(repoId, "repoId"),
  request: ({ repoId }, { after, watch }) => ({
    repo: uuidBytes(repoId, "repoId"),
    watch,
    ...(after === undefined ? {} : { after: ulidBytes(after, "after") }),
  }),
  read: (message) => readBatch(message, toRepoEvent),
  tailUnknown: isTailUnknown,
  heartbeatMs,
  time: eventTime,
});

export type RepoActivity = Activity<typeof repo>;
