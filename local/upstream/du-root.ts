import type { FsoRootInfo } from "../../functions/nog/gen/nogfso/root-info_pb.ts";
import { type WorkflowEvent, WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { Aggregate } from "./aggregate.ts";
import type { EventInit, EventLog } from "./event-log.ts";
import { StateConflictError, UninitializedError } from "./fault.ts";
import { equalIds, zeroId } from "./ids.ts";
import { noVersionCheck } from "./vid.ts";

type Phase = "uninitialized" | "initialized" | "appending" | "completed" | "terminated";

export interface DuRootState {
  phase: Phase;
  registryId: Uint8Array;
  root: FsoRootInfo | undefined;
}

const behavior = {
  initial: (): DuRootState => ({ phase: "uninitialized", registryId: zeroId, root: undefined }),
  advance(state: DuRootState, event: WorkflowEvent): boolean {
    switch (event.event) {
      case WorkflowEvent_Type.EV_FSO_DU_ROOT_STARTED:
        state.phase = "initialized";
        state.registryId = event.registryId;
        state.root = event.fsoRootInfo;
        return true;
      case WorkflowEvent_Type.EV_FSO_DU_UPDATED:
        state.phase = "appending";
        return true;
      case WorkflowEvent_Type.EV_FSO_DU_ROOT_COMPLETED:
        state.phase = "completed";
        return true;
      case WorkflowEvent_Type.EV_FSO_DU_ROOT_COMMITTED:
        state.phase = "terminated";
        return true;
      default:
        return false;
    }
  },
};

/**
 * The workflow that measures a root's disk usage; texts and state rules of nog 4450389,
 * backend/internal/workflows/durootwf. A commit or failure is idempotent until the final event.
 */
export class DuRootWorkflows {
  readonly #workflows: Aggregate<DuRootState, WorkflowEvent>;

  constructor(log: EventLog<WorkflowEvent>) {
    this.#workflows = new Aggregate(log, behavior);
  }

  /** Throws an `UninitializedError` if the workflow has no events. */
  find(id: Uint8Array): DuRootState {
    const { state } = this.#workflows.find(id);
    if (state.phase === "uninitialized") throw new UninitializedError("workflow uninitialized");
    return state;
  }

  init(id: Uint8Array, registryId: Uint8Array, root: FsoRootInfo): Uint8Array {
    return this.#workflows.tell(id, noVersionCheck, (state) => {
      if (state.phase === "initialized") {
        if (!equalIds(state.registryId, registryId) || !equalRoots(state.root, root)) {
          throw new StateConflictError("workflow init conflict");
        }
        return [];
      }
      if (state.phase !== "uninitialized") throw new StateConflictError("workflow state has advanced");
      const { globalRoot, host, hostRoot } = root;
      return [
        {
          event: WorkflowEvent_Type.EV_FSO_DU_ROOT_STARTED,
          registryId,
          fsoRootInfo: { globalRoot, host, hostRoot },
        },
      ];
    });
  }

  append(id: Uint8Array, vid: Uint8Array, path: string, usage: bigint): Uint8Array {
    return this.#workflows.tell(id, vid, (state) => {
      if (!isOpen(state)) throw conflict();
      return [{ event: WorkflowEvent_Type.EV_FSO_DU_UPDATED, pathDiskUsage: { path, usage } }];
    });
  }

  /** Completes with a status; code 0 is success. */
  complete(id: Uint8Array, vid: Uint8Array, statusCode: number, statusMessage: string): Uint8Array {
    return this.#workflows.tell(id, vid, (state) => {
      if (state.phase === "completed") return [];
      if (!isOpen(state)) throw conflict();
      const completed = { event: WorkflowEvent_Type.EV_FSO_DU_ROOT_COMPLETED };
      return [statusCode === 0 ? completed : { ...completed, statusCode, statusMessage }];
    });
  }

  end(id: Uint8Array, vid: Uint8Array): Uint8Array {
    return this.#workflows.tell(id, vid, (state): EventInit<WorkflowEvent>[] => {
      if (state.phase === "terminated") return [];
      if (state.phase !== "completed") throw conflict();
      return [{ event: WorkflowEvent_Type.EV_FSO_DU_ROOT_COMMITTED }];
    });
  }
}

function isOpen(state: DuRootState): boolean {
  return state.phase === "initialized" || state.phase === "appending";
}

function conflict(): StateConflictError {
  return new StateConflictError("command conflicts with current state");
}

function equalRoots(a: FsoRootInfo | undefined, b: FsoRootInfo): boolean {
  return a?.globalRoot === b.globalRoot && a.host === b.host && a.hostRoot === b.hostRoot;
}
