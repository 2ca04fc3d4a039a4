import {
  optionalUlidIn,
  type Root,
  required,
  root,
  type UnknownEvent,
  ulidField,
  ulidIn,
  uuidField,
  uuidIn,
} from "./event-fields.ts";
import { type WorkflowEvent as Message, WorkflowEvent_Type as Type } from "./gen/nogfso/workflows_pb.ts";

/**
 * Events of the index of a registry's workflows: each workflow's start, completion and deletion, and snapshots of all.
 * A snapshot is a begin, one state for each kind of workflow that exists, and an end; it replaces the events before it.
 * UUIDs and event ids are text. `workflowEventId` is the workflow's own event that the index event repeats.
 */
export type RegistryWorkflowIndexEvent =
  | ({ readonly type: "duRootStarted" | "splitRootStarted" } & Entry & Root)
  | ({ readonly type: "pingStarted" } & Entry)
  | ({ readonly type: `${RepoWorkflowName}Started`; readonly globalPath: string } & Entry)
  | ({ readonly type: `${WorkflowName}Completed` } & Entry)
  | { readonly type: `${WorkflowName}Deleted`; readonly workflowId: string }
  | { readonly type: "snapshotBegin" }
  | { readonly type: "snapshotState"; readonly workflows: readonly IndexedWorkflow[] }
  | { readonly type: "snapshotEnd" }
  | { readonly type: "ephemeralWorkflowsEnabled" }
  | UnknownEvent;

type RepoWorkflowName = "freezeRepo" | "unfreezeRepo" | "archiveRepo" | "unarchiveRepo";

/** The kinds of workflow that an index lists. */
export type WorkflowName = "duRoot" | "ping" | "splitRoot" | RepoWorkflowName;

interface Entry {
  readonly workflowId: string;
  readonly workflowEventId: string;
}

/** One workflow in a snapshot. It is active if `completedEventId` is undefined. */
export interface IndexedWorkflow {
  readonly workflow: WorkflowName;
  readonly workflowId: string;
  readonly startedEventId: string;
  readonly completedEventId: string | undefined;
  /** Set for a du-root or split-root workflow. */
  readonly root?: Root;
  /** Set for a workflow on a repo. */
  readonly globalPath?: string;
}

export function toRegistryWorkflowIndexEvent(m: Message): RegistryWorkflowIndexEvent {
  switch (m.event) {
    case Type.EV_FSO_DU_ROOT_STARTED:
      return { type: "duRootStarted", ...entry(m), ...root(required(m, "fsoRootInfo")) };
    case Type.EV_FSO_SPLIT_ROOT_STARTED:
      return { type: "splitRootStarted", ...entry(m), ...root(required(m, "fsoRootInfo")) };
    case Type.EV_FSO_PING_REGISTRY_STARTED:
      return { type: "pingStarted", ...entry(m) };
    case Type.EV_FSO_FREEZE_REPO_STARTED_2:
      return { type: "freezeRepoStarted", ...entry(m), ...repo(m) };
    case Type.EV_FSO_UNFREEZE_REPO_STARTED_2:
      return { type: "unfreezeRepoStarted", ...entry(m), ...repo(m) };
    case Type.EV_FSO_ARCHIVE_REPO_STARTED:
      return { type: "archiveRepoStarted", ...entry(m), ...repo(m) };
    case Type.EV_FSO_UNARCHIVE_REPO_STARTED:
      return { type: "unarchiveRepoStarted", ...entry(m), ...repo(m) };
    case Type.EV_SNAPSHOT_BEGIN:
      return { type: "snapshotBegin" };
    case Type.EV_WORKFLOW_INDEX_SNAPSHOT_STATE:
      return { type: "snapshotState", workflows: indexedWorkflows(m) };
    case Type.EV_SNAPSHOT_END:
      return { type: "snapshotEnd" };
    case Type.EV_EPHEMERAL_WORKFLOWS_ENABLED:
      return { type: "ephemeralWorkflowsEnabled" };
    default: {
      const completed = completedTypes.get(m.event);
      if (completed !== undefined) return { type: `${completed}Completed`, ...entry(m) };
      const deleted = deletedTypes.get(m.event);
      if (deleted !== undefined) return { type: `${deleted}Deleted`, workflowId: uuidField(m, "workflowId") };
      return { type: "unknown", code: m.event };
    }
  }
}

const completedTypes: ReadonlyMap<number, WorkflowName> = new Map([
  [Type.EV_FSO_DU_ROOT_COMPLETED, "duRoot"],
  [Type.EV_FSO_PING_REGISTRY_COMPLETED, "ping"],
  [Type.EV_FSO_SPLIT_ROOT_COMPLETED, "splitRoot"],
  [Type.EV_FSO_FREEZE_REPO_COMPLETED_2, "freezeRepo"],
  [Type.EV_FSO_UNFREEZE_REPO_COMPLETED_2, "unfreezeRepo"],
  [Type.EV_FSO_ARCHIVE_REPO_COMPLETED, "archiveRepo"],
  [Type.EV_FSO_UNARCHIVE_REPO_COMPLETED, "unarchiveRepo"],
]);

const deletedTypes: ReadonlyMap<number, WorkflowName> = new Map([
  [Type.EV_FSO_DU_ROOT_DELETED, "duRoot"],
  [Type.EV_FSO_PING_REGISTRY_DELETED, "ping"],
  [Type.EV_FSO_SPLIT_ROOT_DELETED, "splitRoot"],
  [Type.EV_FSO_FREEZE_REPO_DELETED, "freezeRepo"],
  [Type.EV_FSO_UNFREEZE_REPO_DELETED, "unfreezeRepo"],
  [Type.EV_FSO_ARCHIVE_REPO_DELETED, "archiveRepo"],
  [Type.EV_FSO_UNARCHIVE_REPO_DELETED, "unarchiveRepo"],
]);

function entry(m: Message): Entry {
  return { workflowId: uuidField(m, "workflowId"), workflowEventId: ulidField(m, "workflowEventId") };
}

function repo(m: Message): { globalPath: string } {
  return { globalPath: required(m, "fsoRepoInitInfo").globalPath };
}

/** The fields that entries of all kinds of workflow share in the snapshot message. */
interface StateEntry {
  readonly workflowId: Uint8Array;
  readonly startedWorkflowEventId: Uint8Array;
  readonly completedWorkflowEventId: Uint8Array;
}

function indexedWorkflows(m: Message): readonly IndexedWorkflow[] {
  const state = required(m, "workflowIndexState");
  const read = (workflow: WorkflowName, from: StateEntry): IndexedWorkflow => ({
    workflow,
    workflowId: uuidIn(m, `workflowIndexState.${workflow}.workflowId`, from.workflowId),
    startedEventId: ulidIn(m, `workflowIndexState.${workflow}.startedWorkflowEventId`, from.startedWorkflowEventId),
    completedEventId: optionalUlidIn(
      m,
      `workflowIndexState.${workflow}.completedWorkflowEventId`,
      from.completedWorkflowEventId,
    ),
  });
  const onRepo = (workflow: RepoWorkflowName, entries: readonly (StateEntry & { readonly globalPath: string })[]) =>
    entries.map((from) => ({ ...read(workflow, from), globalPath: from.globalPath }));
  return [
    ...state.duRoot.map((from) => ({ ...read("duRoot", from), root: root(from) })),
    ...state.pingRegistry.map((from) => read("ping", from)),
    ...state.splitRoot.map((from) => ({ ...read("splitRoot", from), root: root(from) })),
    ...onRepo("freezeRepo", state.freezeRepo),
    ...onRepo("unfreezeRepo", state.unfreezeRepo),
    ...onRepo("archiveRepo", state.archiveRepo),
    ...onRepo("unarchiveRepo", state.unarchiveRepo),
  ];
}
