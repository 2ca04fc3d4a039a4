import { WorkflowEvent_Type as Type, type WorkflowEvent } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { Aggregate, type Snapshot } from "./aggregate.ts";
import type { EventInit, EventLog } from "./event-log.ts";
import { aggregateConflict, UninitializedError } from "./fault.ts";
import { equalIds, zeroId } from "./ids.ts";
import { noVersionCheck } from "./vid.ts";
import type { Failure } from "./workflow-fault.ts";

type Phase =
  | "uninitialized"
  | "initialized"
  | "files"
  | "filesCompleted"
  | "filesFailed"
  | "completed"
  | "failed"
  | "terminated";

export interface FreezeRepoState {
  phase: Phase;
  registryId: Uint8Array;
  registryName: string;
  repoId: Uint8Array;
  globalPath: string;
  /** The status of the completion. */
  statusCode: number;
  statusMessage: string;
}

export interface FreezeRepoInit {
  readonly registryId: Uint8Array;
  readonly registryName: string;
  readonly repoId: Uint8Array;
  readonly globalPath: string;
  readonly authorName: string;
  readonly authorEmail: string;
  /** Versions of registry and repo that the caller expects. */
  readonly registryVid: Uint8Array | undefined;
  readonly repoVid: Uint8Array | undefined;
}

const behavior = {
  initial: (): FreezeRepoState => ({
    phase: "uninitialized",
    registryId: zeroId,
    registryName: "",
    repoId: zeroId,
    globalPath: "",
    statusCode: 0,
    statusMessage: "",
  }),
  advance(state: FreezeRepoState, event: WorkflowEvent): boolean {
    const { statusCode, statusMessage } = event;
    switch (event.event) {
      case Type.EV_FSO_FREEZE_REPO_STARTED_2:
        state.phase = "initialized";
        state.registryId = event.registryId;
        state.registryName = event.fsoRegistryName;
        state.repoId = event.repoId;
        state.globalPath = event.fsoRepoInitInfo?.globalPath ?? "";
        return true;
      case Type.EV_FSO_FREEZE_REPO_FILES_STARTED:
        state.phase = "files";
        return true;
      case Type.EV_FSO_FREEZE_REPO_FILES_COMPLETED:
        state.phase = statusCode === 0 ? "filesCompleted" : "filesFailed";
        return true;
      case Type.EV_FSO_FREEZE_REPO_COMPLETED_2:
        state.phase = statusCode === 0 ? "completed" : "failed";
        state.statusCode = statusCode;
        state.statusMessage = statusMessage;
        return true;
      case Type.EV_FSO_FREEZE_REPO_COMMITTED:
        state.phase = "terminated";
        return true;
      default:
        return false;
    }
  },
};

/**
 * The workflow that freezes a repo; texts and state rules of nog 4450389, backend/internal/workflows/freezerepowf. Each
 * command is idempotent until the next step.
 */
export class FreezeRepoWorkflows {
  readonly #workflows: Aggregate<FreezeRepoState, WorkflowEvent>;

  constructor(log: EventLog<WorkflowEvent>) {
    this.#workflows = new Aggregate(log, behavior);
  }

  /** Throws an `UninitializedError` if the workflow has no events. */
  find(id: Uint8Array): Snapshot<FreezeRepoState> {
    const found = this.#workflows.find(id);
    if (found.state.phase === "uninitialized") throw new UninitializedError("uninitialized");
    return found;
  }

  /** nog crashes without an author; here it is an error. */
  init(id: Uint8Array, init: FreezeRepoInit): Uint8Array {
    const { registryId, registryName, repoId, globalPath, authorName, authorEmail } = init;
    return this.#tell(id, noVersionCheck, (state) => {
      if (state.phase === "initialized") {
        if (isSameStart(state, init)) return [];
        throw new Error("command not idempotent");
      }
      if (state.phase !== "uninitialized") throw aggregateConflict();
      if (authorName === "") throw new Error("empty AuthorName");
      if (authorEmail === "") throw new Error("empty AuthorEmail");
      return [
        {
          event: Type.EV_FSO_FREEZE_REPO_STARTED_2,
          registryId,
          fsoRegistryName: registryName,
          repoId,
          gitAuthor: { name: authorName, email: authorEmail },
          fsoRepoInitInfo: { globalPath },
          ...(init.registryVid && { registryEventId: init.registryVid }),
          ...(init.repoVid && { repoEventId: init.repoVid }),
        },
      ];
    });
  }

  beginFiles(id: Uint8Array, vid: Uint8Array): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "files") return [];
      if (state.phase !== "initialized") throw aggregateConflict();
      return [{ event: Type.EV_FSO_FREEZE_REPO_FILES_STARTED }];
    });
  }

  commitFiles(id: Uint8Array, vid: Uint8Array): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "filesCompleted") return [];
      if (state.phase !== "files") throw aggregateConflict();
      return [{ event: Type.EV_FSO_FREEZE_REPO_FILES_COMPLETED }];
    });
  }

  abortFiles(id: Uint8Array, vid: Uint8Array, { statusCode, statusMessage }: Failure): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "filesFailed") return [];
      if (state.phase !== "files") throw aggregateConflict();
      return [{ event: Type.EV_FSO_FREEZE_REPO_FILES_COMPLETED, statusCode, statusMessage }];
    });
  }

  commit(id: Uint8Array, vid: Uint8Array): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "completed") return [];
      if (state.phase !== "filesCompleted") throw aggregateConflict();
      return [{ event: Type.EV_FSO_FREEZE_REPO_COMPLETED_2 }];
    });
  }

  /**
   * Not possible while the files are being frozen. After the end it fails with "already terminated", not with a state
   * conflict.
   */
  abort(id: Uint8Array, vid: Uint8Array, { statusCode, statusMessage }: Failure): Uint8Array {
    return this.#tell(id, vid, ({ phase }) => {
      if (phase === "failed") return [];
      if (phase === "terminated") throw new Error("already terminated");
      if (phase !== "initialized" && phase !== "filesFailed" && phase !== "filesCompleted") throw aggregateConflict();
      return [{ event: Type.EV_FSO_FREEZE_REPO_COMPLETED_2, statusCode, statusMessage }];
    });
  }

  end(id: Uint8Array, vid: Uint8Array): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "terminated") return [];
      if (state.phase !== "completed" && state.phase !== "failed") throw aggregateConflict();
      return [{ event: Type.EV_FSO_FREEZE_REPO_COMMITTED }];
    });
  }

  #tell(
    id: Uint8Array,
    vid: Uint8Array,
    decide: (state: FreezeRepoState) => readonly EventInit<WorkflowEvent>[],
  ): Uint8Array {
    return this.#workflows.tell(id, vid, decide);
  }
}

function isSameStart(state: FreezeRepoState, init: FreezeRepoInit): boolean {
  return (
    equalIds(state.registryId, init.registryId) &&
    state.registryName === init.registryName &&
    equalIds(state.repoId, init.repoId) &&
    state.globalPath === init.globalPath
  );
}
