import type { Activity } from "../contract/activity.ts";
import { defineStream } from "../contract/stream.ts";
import { Repos } from "./gen/nogfso/repos_pb.ts";
import { canonicalUuid, ulidBytes, uuidBytes } from "./ids.ts";
import { eventTime, heartbeatMs, readBatch } from "./recorded.ts";
import { toRepoWorkflowEvent } from "./repo-workflow-events.ts";

/** One workflow of a repo, by both ids. An unknown tail is silent, as for `registryWorkflow`. */
export const repoWorkflow = defineStream({
  kind: "repo-workflow",
  upstream: "nog",
  method: Repos.method.workflowEvents,
  address: ["repoId", "workflowId"],
  entityId: ({ workflowId }) => canonicalUuid(workflowId, "workflowId"),
  request: ({ repoId, workflowId }, { after, watch }) => ({
    repo: uuidBytes(repoId, "repoId"),
    workflow: uuidBytes(workflowId, "workflowId"),
    watch,
    ...(after === undefined ? {} : { after: ulidBytes(after, "after") }),
  }),
  read: (message) => readBatch(message, toRepoWorkflowEvent),
  tailUnknown: "silent",
  heartbeatMs,
  time: eventTime,
});

export type RepoWorkflowActivity = Activity<typeof repoWorkflow>;
