import { create } from "@bufbuild/protobuf";
import { type FsoRootInfo, FsoRootInfoSchema } from "../../functions/nog/gen/nogfso/root-info_pb.ts";
import { type WorkflowEvent, WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { Aggregate } from "./aggregate.ts";
import type { EventInit, EventLog } from "./event-log.ts";
import { idKey } from "./ids.ts";
import { snapshotEvents } from "./index-snapshot.ts";
import { noVersionCheck } from "./vid.ts";

/** Kinds of workflows that can be begun here; the index stream may hold more. */
export type IndexedWorkflow = keyof typeof eventTypes;

/** The subject of a workflow: a root, a repo at a global path, or the registry itself. */
export interface IndexSubject {
  readonly root?: FsoRootInfo | undefined;
  readonly globalPath?: string | undefined;
}

const eventTypes = {
  "du-root": {
    started: WorkflowEvent_Type.EV_FSO_DU_ROOT_STARTED,
    completed: WorkflowEvent_Type.EV_FSO_DU_ROOT_COMPLETED,
    deleted: WorkflowEvent_Type.EV_FSO_DU_ROOT_DELETED,
  },
  "ping-registry": {
    started: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED,
    completed: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_COMPLETED,
    deleted: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_DELETED,
  },
  "split-root": {
    started: WorkflowEvent_Type.EV_FSO_SPLIT_ROOT_STARTED,
    completed: WorkflowEvent_Type.EV_FSO_SPLIT_ROOT_COMPLETED,
    deleted: WorkflowEvent_Type.EV_FSO_SPLIT_ROOT_DELETED,
  },
  "freeze-repo": {
    started: WorkflowEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2,
    completed: WorkflowEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2,
    deleted: WorkflowEvent_Type.EV_FSO_FREEZE_REPO_DELETED,
  },
} as const;

const kinds = Object.keys(eventTypes) as IndexedWorkflow[];

/** A workflow that the index lists. */
export interface IndexEntry extends IndexSubject {
  readonly kind: IndexedWorkflow;
  readonly workflowId: Uint8Array;
  readonly startedEventId: Uint8Array;
  completedEventId: Uint8Array | undefined;
}

export interface IndexState {
  /** By the key of the workflow id, in the order in which they began. */
  readonly entries: Map<string, IndexEntry>;
}

const behavior = {
  initial: (): IndexState => ({ entries: new Map() }),
  advance(state: IndexState, event: WorkflowEvent): boolean {
    const key = idKey(event.workflowId);
    for (const kind of kinds) {
      const types = eventTypes[kind];
      switch (event.event) {
        case types.started:
          state.entries.set(key, {
            kind,
            workflowId: event.workflowId,
            startedEventId: event.workflowEventId,
            completedEventId: undefined,
            root: event.fsoRootInfo,
            globalPath: event.fsoRepoInitInfo?.globalPath,
          });
          break;
        case types.completed: {
          const entry = state.entries.get(key);
          if (entry) entry.completedEventId = event.workflowEventId;
          break;
        }
        case types.deleted:
          state.entries.delete(key);
          break;
      }
    }
    if (event.event === WorkflowEvent_Type.EV_SNAPSHOT_BEGIN) state.entries.clear();
    if (event.workflowIndexState) {
      for (const entry of event.workflowIndexState.duRoot) addSnapshotEntry(state, "du-root", entry);
      for (const entry of event.workflowIndexState.pingRegistry) addSnapshotEntry(state, "ping-registry", entry);
      for (const entry of event.workflowIndexState.splitRoot) addSnapshotEntry(state, "split-root", entry);
      for (const entry of event.workflowIndexState.freezeRepo) addSnapshotEntry(state, "freeze-repo", entry);
    }
    return true;
  },
};

/** The indexes of registries' workflows; rules of nog 4450389, backend/internal/workflows/wfindexes. */
export class WorkflowIndexes {
  readonly #indexes: Aggregate<IndexState, WorkflowEvent>;

  constructor(log: EventLog<WorkflowEvent>) {
    this.#indexes = new Aggregate(log, behavior);
  }

  find(index: Uint8Array): IndexState {
    return this.#indexes.find(index).state;
  }

  /** Adds a workflow; does nothing if the index has it. */
  begin(
    index: Uint8Array,
    kind: IndexedWorkflow,
    workflowId: Uint8Array,
    workflowEventId: Uint8Array,
    { root, globalPath }: IndexSubject = {},
  ): Uint8Array {
    return this.#indexes.tell(index, noVersionCheck, (state): EventInit<WorkflowEvent>[] => {
      if (isActive(state, workflowId)) return [];
      return [
        {
          event: eventTypes[kind].started,
          workflowId,
          workflowEventId,
          ...(root && { fsoRootInfo: { globalRoot: root.globalRoot, host: root.host, hostRoot: root.hostRoot } }),
          ...(globalPath !== undefined && { fsoRepoInitInfo: { globalPath } }),
        },
      ];
    });
  }

  /** Marks a workflow as completed; idempotent. */
  commit(index: Uint8Array, kind: IndexedWorkflow, workflowId: Uint8Array, workflowEventId: Uint8Array): Uint8Array {
    return this.#indexes.tell(index, noVersionCheck, (state): EventInit<WorkflowEvent>[] => {
      const entry = state.entries.get(idKey(workflowId));
      if (entry?.completedEventId) return [];
      if (!entry) throw new Error("unknown workflow");
      return [{ event: eventTypes[kind].completed, workflowId, workflowEventId }];
    });
  }

  /** Removes a completed workflow from the index. */
  delete(index: Uint8Array, workflowId: Uint8Array): Uint8Array {
    return this.#indexes.tell(index, noVersionCheck, (state) => {
      const entry = state.entries.get(idKey(workflowId));
      if (!entry?.completedEventId) throw new Error("unknown workflow");
      return [{ event: eventTypes[entry.kind].deleted, workflowId }];
    });
  }

  /** Commits a snapshot of the index, in one step. */
  snapshot(index: Uint8Array): Uint8Array {
    return this.#indexes.tell(index, noVersionCheck, (state) => snapshotEvents([...state.entries.values()]));
  }
}

function isActive(state: IndexState, workflowId: Uint8Array): boolean {
  const entry = state.entries.get(idKey(workflowId));
  return entry !== undefined && !entry.completedEventId;
}

interface SnapshotEntry {
  readonly workflowId: Uint8Array;
  readonly startedWorkflowEventId: Uint8Array;
  readonly completedWorkflowEventId: Uint8Array;
  readonly globalRoot?: string;
  readonly host?: string;
  readonly hostRoot?: string;
  readonly globalPath?: string;
}

function addSnapshotEntry(state: IndexState, kind: IndexedWorkflow, entry: SnapshotEntry): void {
  const { globalRoot, host = "", hostRoot = "", globalPath } = entry;
  const root = globalRoot === undefined ? undefined : create(FsoRootInfoSchema, { globalRoot, host, hostRoot });
  state.entries.set(idKey(entry.workflowId), {
    kind,
    workflowId: entry.workflowId,
    startedEventId: entry.startedWorkflowEventId,
    completedEventId: entry.completedWorkflowEventId.length > 0 ? entry.completedWorkflowEventId : undefined,
    root,
    globalPath,
  });
}
