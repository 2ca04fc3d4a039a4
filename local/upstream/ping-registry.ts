import { type WorkflowEvent, WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { Aggregate, type Snapshot } from "./aggregate.ts";
import type { EventInit, EventLog } from "./event-log.ts";
import { aggregateConflict, UninitializedError } from "./fault.ts";
import { equalIds, zeroId } from "./ids.ts";
import { noVersionCheck } from "./vid.ts";

type Phase = "uninitialized" | "initialized" | "appending" | "summarized" | "completed" | "terminated";

export interface PingStatus {
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly eventId: Uint8Array;
}

export interface PingRegistryState {
  phase: Phase;
  registryId: Uint8Array;
  readonly pings: PingStatus[];
  summary: PingStatus | undefined;
}

const behavior = {
  initial: (): PingRegistryState => ({ phase: "uninitialized", registryId: zeroId, pings: [], summary: undefined }),
  advance(state: PingRegistryState, event: WorkflowEvent): boolean {
    const { statusCode, statusMessage, id: eventId } = event;
    switch (event.event) {
      case WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED:
        state.phase = "initialized";
        state.registryId = event.registryId;
        return true;
      case WorkflowEvent_Type.EV_FSO_SERVER_PINGED:
        state.phase = "appending";
        state.pings.push({ statusCode, statusMessage, eventId });
        return true;
      case WorkflowEvent_Type.EV_FSO_SERVER_PINGS_GATHERED:
        state.phase = "summarized";
        state.summary = { statusCode, statusMessage, eventId };
        return true;
      case WorkflowEvent_Type.EV_FSO_PING_REGISTRY_COMPLETED:
        state.phase = "completed";
        return true;
      case WorkflowEvent_Type.EV_FSO_PING_REGISTRY_COMMITTED:
        state.phase = "terminated";
        return true;
      default:
        return false;
    }
  },
};

/**
 * The workflow that collects pings of a registry's servers; texts and state rules of nog 4450389,
 * backend/internal/workflows/pingregistrywf.
 */
export class PingRegistryWorkflows {
  readonly #workflows: Aggregate<PingRegistryState, WorkflowEvent>;

  constructor(log: EventLog<WorkflowEvent>) {
    this.#workflows = new Aggregate(log, behavior);
  }

  /** Throws an `UninitializedError` if the workflow has no events. */
  find(id: Uint8Array): Snapshot<PingRegistryState> {
    const found = this.#workflows.find(id);
    if (found.state.phase === "uninitialized") throw new UninitializedError("uninitialized");
    return found;
  }

  init(id: Uint8Array, registryId: Uint8Array): Uint8Array {
    return this.#workflows.tell(id, noVersionCheck, (state): EventInit<WorkflowEvent>[] => {
      if (state.phase === "initialized") {
        if (equalIds(state.registryId, registryId)) return [];
        throw new Error("command argument `RegistryId` not idempotent");
      }
      if (state.phase !== "uninitialized") throw aggregateConflict();
      return [{ event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED, registryId }];
    });
  }

  appendPing(id: Uint8Array, vid: Uint8Array, statusCode: number, statusMessage: string): Uint8Array {
    return this.#workflows.tell(id, vid, (state) => {
      if (!isOpen(state)) throw aggregateConflict();
      return [{ event: WorkflowEvent_Type.EV_FSO_SERVER_PINGED, statusCode, statusMessage }];
    });
  }

  postSummary(id: Uint8Array, vid: Uint8Array, statusCode: number, statusMessage: string): Uint8Array {
    return this.#workflows.tell(id, vid, (state) => {
      if (!isOpen(state)) throw aggregateConflict();
      return [{ event: WorkflowEvent_Type.EV_FSO_SERVER_PINGS_GATHERED, statusCode, statusMessage }];
    });
  }

  /** Idempotent until the final event. */
  commit(id: Uint8Array, vid: Uint8Array): Uint8Array {
    return this.#workflows.tell(id, vid, (state): EventInit<WorkflowEvent>[] => {
      if (state.phase === "completed") return [];
      if (state.phase !== "summarized") throw aggregateConflict();
      return [{ event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_COMPLETED }];
    });
  }

  end(id: Uint8Array, vid: Uint8Array): Uint8Array {
    return this.#workflows.tell(id, vid, (state): EventInit<WorkflowEvent>[] => {
      if (state.phase === "terminated") return [];
      if (state.phase !== "completed") throw aggregateConflict();
      return [{ event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_COMMITTED }];
    });
  }
}

function isOpen(state: PingRegistryState): boolean {
  return state.phase === "initialized" || state.phase === "appending";
}
