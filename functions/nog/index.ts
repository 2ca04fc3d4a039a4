/** The nog kinds and the activities on them. They use only the public API. */
export type { DirectoryUsage, DiskUsage, DiskUsageOptions } from "./disk-usage.ts";
export { measureDiskUsage } from "./disk-usage.ts";
export { duRoot } from "./du-root.ts";
export type { AclPolicy, RepoLocation, Root, Status, SubdirTracking, UnknownEvent } from "./event-fields.ts";
export { freezeRepo } from "./freeze-repo.ts";
export {
  type FreezeRepoFilesOptions,
  freezeRepoFiles,
  type LocalStep,
  type RepoToFreeze,
} from "./freeze-repo-files.ts";
export {
  registryEntityId,
  ulidBytes,
  ulidText,
  ulidTime,
  uuidBytes,
  uuidText,
  vidBytes,
  workflowIndexEntityId,
} from "./ids.ts";
export { liveBroadcast } from "./live-broadcast.ts";
export type { NamingField, NamingValue } from "./naming-config.ts";
export { observeRegistry } from "./observe-registry.ts";
export { pingRegistry } from "./ping-registry.ts";
export { type RegistryActivity, registry } from "./registry.ts";
export type { RegistryEvent, RepoInitPolicy } from "./registry-events.ts";
export { type RegistryWorkflowActivity, registryWorkflow } from "./registry-workflow.ts";
export type {
  RegistryWorkflowEvent,
  RepoWorkflowStart,
  SplitDecision,
  SplitSuggestion,
} from "./registry-workflow-events.ts";
export { type RegistryWorkflowIndexActivity, registryWorkflowIndex } from "./registry-workflow-index.ts";
export { type RepoActivity, repo } from "./repo.ts";
export type { RepoEvent } from "./repo-events.ts";
export { type RepoWorkflowActivity, repoWorkflow } from "./repo-workflow.ts";
export type { RepoWorkflowEvent } from "./repo-workflow-events.ts";
export { splitRoot } from "./split-root.ts";
export { type SplitRootFacts, type Suggestion, suggestSplit } from "./split-root-analysis.ts";
export { watchRepo } from "./watch-repo.ts";
export { type WorkflowActivities, workflowIndex, workflowIndexOf } from "./workflow-index.ts";
export type { IndexedWorkflow, RegistryWorkflowIndexEvent, WorkflowName } from "./workflow-index-events.ts";
