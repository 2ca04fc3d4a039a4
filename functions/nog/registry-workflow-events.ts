import {
  type AclPolicy,
  aclPolicy,
  nameOf,
  optionalUlidField,
  type Root,
  required,
  root,
  type Status,
  status,
  type UnknownEvent,
  uuidField,
} from "./event-fields.ts";
import { type WorkflowEvent as Message, WorkflowEvent_Type as Type } from "./gen/nogfso/workflows_pb.ts";
import { ulidText, ulidTime } from "./ids.ts";

/**
 * Events of a registry's workflows: disk usage and splitting of a root, pings, and freezing or archiving a repo.
 * UUIDs and event ids are text, sizes are bytes. `atMs` is in milliseconds since 1970-01-01T00:00:00Z.
 */
export type RegistryWorkflowEvent =
  | ({ readonly type: "duRootStarted"; readonly registryId: string } & Root)
  | { readonly type: "duUpdated"; readonly path: string; readonly usage: bigint }
  | ({ readonly type: "duRootCompleted" } & Status)
  | { readonly type: "duRootCommitted" }
  | { readonly type: "pingStarted"; readonly registryId: string; readonly atMs: number }
  | ({ readonly type: "serverPinged"; readonly vid: string } & Status)
  | ({ readonly type: "pingSummary" } & Status)
  | { readonly type: "pingCompleted" }
  | { readonly type: "pingCommitted" }
  | SplitRootEvent
  | FreezeRepoEvent
  | ArchiveRepoEvent
  | UnknownEvent;

type SplitRootEvent =
  | ({
      readonly type: "splitRootStarted";
      readonly registryId: string;
      readonly maxDepth: number;
      readonly minDiskUsage: bigint;
      readonly maxDiskUsage: bigint;
    } & Root)
  | { readonly type: "splitRootDuAppended"; readonly path: string; readonly usage: bigint }
  | ({ readonly type: "splitRootDuCompleted" } & Status)
  | { readonly type: "splitRootSuggestionAppended"; readonly path: string; readonly suggestion: SplitSuggestion }
  | ({ readonly type: "splitRootAnalysisCompleted" } & Status)
  | { readonly type: "splitRootDecisionAppended"; readonly path: string; readonly decision: SplitDecision }
  | ({ readonly type: "splitRootCompleted" } & Status)
  | { readonly type: "splitRootCommitted" };

type FreezeRepoEvent =
  | ({ readonly type: "freezeRepoStarted" | "unfreezeRepoStarted" } & RepoWorkflowStart)
  | { readonly type: "freezeRepoFilesStarted" | "unfreezeRepoFilesStarted" }
  | ({ readonly type: "freezeRepoFilesCompleted" | "unfreezeRepoFilesCompleted" } & Status)
  | ({ readonly type: "freezeRepoCompleted" | "unfreezeRepoCompleted" } & Status)
  | { readonly type: "freezeRepoCommitted" | "unfreezeRepoCommitted" };

type ArchiveRepoEvent =
  | ({ readonly type: "archiveRepoStarted" } & RepoWorkflowStart)
  | { readonly type: "archiveRepoFilesStarted" | "unarchiveRepoFilesStarted"; readonly aclPolicy: AclPolicy }
  | { readonly type: "archiveRepoTarttCompleted"; readonly tarPath: string }
  | { readonly type: "archiveRepoSwapStarted" | "unarchiveRepoTarttStarted"; readonly workingDir: string }
  | ({ readonly type: "archiveRepoFilesCompleted" | "unarchiveRepoFilesCompleted" } & Status)
  | { readonly type: "archiveRepoFilesCommitted" | "unarchiveRepoFilesCommitted" }
  | { readonly type: "archiveRepoGcCompleted" | "unarchiveRepoGcCompleted" }
  | ({ readonly type: "archiveRepoCompleted" | "unarchiveRepoCompleted" } & Status)
  | { readonly type: "archiveRepoCommitted" | "unarchiveRepoCommitted" }
  | ({
      readonly type: "unarchiveRepoStarted";
      readonly archiveUrl: string;
      readonly tarPath: string;
    } & RepoWorkflowStart)
  | ({ readonly type: "unarchiveRepoTarttCompleted" } & Status);

/**
 * The fields of the first event of each workflow on a repo. The two event ids are the versions that the caller named.
 */
export interface RepoWorkflowStart {
  readonly registryId: string;
  readonly registryName: string;
  readonly repoId: string;
  readonly globalPath: string;
  readonly authorName: string;
  readonly authorEmail: string;
  readonly registryEventId: string | undefined;
  readonly repoEventId: string | undefined;
}

const suggestions = ["unspecified", "smallDir", "repo", "smallRepo", "dontSplit", "repoCandidate"] as const;
export type SplitSuggestion = (typeof suggestions)[number] | "unrecognized";

const decisions = ["unspecified", "createRepo", "neverSplit", "ignoreOnce"] as const;
export type SplitDecision = (typeof decisions)[number] | "unrecognized";

export function toRegistryWorkflowEvent(m: Message): RegistryWorkflowEvent {
  switch (m.event) {
    case Type.EV_FSO_DU_ROOT_STARTED:
      return { type: "duRootStarted", registryId: uuidField(m, "registryId"), ...root(required(m, "fsoRootInfo")) };
    case Type.EV_FSO_DU_UPDATED:
      return { type: "duUpdated", ...usage(m) };
    case Type.EV_FSO_DU_ROOT_COMPLETED:
      return { type: "duRootCompleted", ...status(m) };
    case Type.EV_FSO_DU_ROOT_COMMITTED:
      return { type: "duRootCommitted" };
    case Type.EV_FSO_PING_REGISTRY_STARTED:
      return { type: "pingStarted", registryId: uuidField(m, "registryId"), atMs: ulidTime(ulidText(m.id, "id")) };
    case Type.EV_FSO_SERVER_PINGED:
      return { type: "serverPinged", vid: ulidText(m.id, "id"), ...status(m) };
    case Type.EV_FSO_SERVER_PINGS_GATHERED:
      return { type: "pingSummary", ...status(m) };
    case Type.EV_FSO_PING_REGISTRY_COMPLETED:
      return { type: "pingCompleted" };
    case Type.EV_FSO_PING_REGISTRY_COMMITTED:
      return { type: "pingCommitted" };
    case Type.EV_FSO_SPLIT_ROOT_STARTED:
      return {
        type: "splitRootStarted",
        registryId: uuidField(m, "registryId"),
        ...root(required(m, "fsoRootInfo")),
        ...splitParams(m),
      };
    case Type.EV_FSO_SPLIT_ROOT_DU_APPENDED:
      return { type: "splitRootDuAppended", ...usage(m) };
    case Type.EV_FSO_SPLIT_ROOT_DU_COMPLETED:
      return { type: "splitRootDuCompleted", ...status(m) };
    case Type.EV_FSO_SPLIT_ROOT_SUGGESTION_APPENDED: {
      const { path, suggestion } = required(m, "fsoSplitRootSuggestion");
      return { type: "splitRootSuggestionAppended", path, suggestion: nameOf(suggestions, suggestion) };
    }
    case Type.EV_FSO_SPLIT_ROOT_ANALYSIS_COMPLETED:
      return { type: "splitRootAnalysisCompleted", ...status(m) };
    case Type.EV_FSO_SPLIT_ROOT_DECISION_APPENDED: {
      const { path, decision } = required(m, "fsoSplitRootDecision");
      return { type: "splitRootDecisionAppended", path, decision: nameOf(decisions, decision) };
    }
    case Type.EV_FSO_SPLIT_ROOT_COMPLETED:
      return { type: "splitRootCompleted", ...status(m) };
    case Type.EV_FSO_SPLIT_ROOT_COMMITTED:
      return { type: "splitRootCommitted" };
    default:
      return toFreezeRepoEvent(m) ?? toArchiveRepoEvent(m) ?? { type: "unknown", code: m.event };
  }
}

function toFreezeRepoEvent(m: Message): FreezeRepoEvent | undefined {
  switch (m.event) {
    case Type.EV_FSO_FREEZE_REPO_STARTED_2:
      return { type: "freezeRepoStarted", ...repoWorkflowStart(m) };
    case Type.EV_FSO_FREEZE_REPO_FILES_STARTED:
      return { type: "freezeRepoFilesStarted" };
    case Type.EV_FSO_FREEZE_REPO_FILES_COMPLETED:
      return { type: "freezeRepoFilesCompleted", ...status(m) };
    case Type.EV_FSO_FREEZE_REPO_COMPLETED_2:
      return { type: "freezeRepoCompleted", ...status(m) };
    case Type.EV_FSO_FREEZE_REPO_COMMITTED:
      return { type: "freezeRepoCommitted" };
    case Type.EV_FSO_UNFREEZE_REPO_STARTED_2:
      return { type: "unfreezeRepoStarted", ...repoWorkflowStart(m) };
    case Type.EV_FSO_UNFREEZE_REPO_FILES_STARTED:
      return { type: "unfreezeRepoFilesStarted" };
    case Type.EV_FSO_UNFREEZE_REPO_FILES_COMPLETED:
      return { type: "unfreezeRepoFilesCompleted", ...status(m) };
    case Type.EV_FSO_UNFREEZE_REPO_COMPLETED_2:
      return { type: "unfreezeRepoCompleted", ...status(m) };
    case Type.EV_FSO_UNFREEZE_REPO_COMMITTED:
      return { type: "unfreezeRepoCommitted" };
    default:
      return undefined;
  }
}

function toArchiveRepoEvent(m: Message): ArchiveRepoEvent | undefined {
  switch (m.event) {
    case Type.EV_FSO_ARCHIVE_REPO_STARTED:
      return { type: "archiveRepoStarted", ...repoWorkflowStart(m) };
    case Type.EV_FSO_ARCHIVE_REPO_FILES_STARTED:
      return { type: "archiveRepoFilesStarted", aclPolicy: aclPolicy(required(m, "repoAclPolicy")) };
    case Type.EV_FSO_ARCHIVE_REPO_TARTT_COMPLETED:
      return { type: "archiveRepoTarttCompleted", tarPath: required(m, "tarttTarInfo").path };
    case Type.EV_FSO_ARCHIVE_REPO_SWAP_STARTED:
      return { type: "archiveRepoSwapStarted", workingDir: m.WorkingDir };
    case Type.EV_FSO_ARCHIVE_REPO_FILES_COMPLETED:
      return { type: "archiveRepoFilesCompleted", ...status(m) };
    case Type.EV_FSO_ARCHIVE_REPO_FILES_COMMITTED:
      return { type: "archiveRepoFilesCommitted" };
    case Type.EV_FSO_ARCHIVE_REPO_GC_COMPLETED:
      return { type: "archiveRepoGcCompleted" };
    case Type.EV_FSO_ARCHIVE_REPO_COMPLETED:
      return { type: "archiveRepoCompleted", ...status(m) };
    case Type.EV_FSO_ARCHIVE_REPO_COMMITTED:
      return { type: "archiveRepoCommitted" };
    case Type.EV_FSO_UNARCHIVE_REPO_STARTED:
      return {
        type: "unarchiveRepoStarted",
        ...repoWorkflowStart(m),
        archiveUrl: required(m, "fsoArchiveRepoInfo").archiveUrl,
        tarPath: required(m, "tarttTarInfo").path,
      };
    case Type.EV_FSO_UNARCHIVE_REPO_FILES_STARTED:
      return { type: "unarchiveRepoFilesStarted", aclPolicy: aclPolicy(required(m, "repoAclPolicy")) };
    case Type.EV_FSO_UNARCHIVE_REPO_TARTT_STARTED:
      return { type: "unarchiveRepoTarttStarted", workingDir: m.WorkingDir };
    case Type.EV_FSO_UNARCHIVE_REPO_TARTT_COMPLETED:
      return { type: "unarchiveRepoTarttCompleted", ...status(m) };
    case Type.EV_FSO_UNARCHIVE_REPO_FILES_COMPLETED:
      return { type: "unarchiveRepoFilesCompleted", ...status(m) };
    case Type.EV_FSO_UNARCHIVE_REPO_FILES_COMMITTED:
      return { type: "unarchiveRepoFilesCommitted" };
    case Type.EV_FSO_UNARCHIVE_REPO_GC_COMPLETED:
      return { type: "unarchiveRepoGcCompleted" };
    case Type.EV_FSO_UNARCHIVE_REPO_COMPLETED:
      return { type: "unarchiveRepoCompleted", ...status(m) };
    case Type.EV_FSO_UNARCHIVE_REPO_COMMITTED:
      return { type: "unarchiveRepoCommitted" };
    default:
      return undefined;
  }
}

function usage(m: Message): { path: string; usage: bigint } {
  const { path, usage } = required(m, "pathDiskUsage");
  return { path, usage };
}

function splitParams(m: Message): { maxDepth: number; minDiskUsage: bigint; maxDiskUsage: bigint } {
  const { maxDepth, minDiskUsage, maxDiskUsage } = required(m, "fsoSplitRootParams");
  return { maxDepth, minDiskUsage, maxDiskUsage };
}

function repoWorkflowStart(m: Message): RepoWorkflowStart {
  const author = required(m, "gitAuthor");
  return {
    registryId: uuidField(m, "registryId"),
    registryName: m.fsoRegistryName,
    repoId: uuidField(m, "repoId"),
    globalPath: required(m, "fsoRepoInitInfo").globalPath,
    authorName: author.name,
    authorEmail: author.email,
    registryEventId: optionalUlidField(m, "registryEventId"),
    repoEventId: optionalUlidField(m, "repoEventId"),
  };
}
