import type { FsoRepoInitInfo, FsoShadowRepoInfo } from "../../functions/nog/gen/nogfso/repo-init_pb.ts";
import { GetRepoO_StorageTierCode, type RepoEvent, RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { Aggregate, type Snapshot } from "./aggregate.ts";
import type { EventInit, EventLog } from "./event-log.ts";
import { UninitializedError } from "./fault.ts";
import { followStorage, type Storage } from "./storage-tier.ts";

export interface RepoState extends Storage {
  /** From REPO_INIT_STARTED, with the paths of later moves. */
  info: FsoRepoInitInfo | undefined;
  shadow: FsoShadowRepoInfo | undefined;
  /** Id of the REPO_INIT_STARTED event. */
  initEventId: Uint8Array | undefined;
  /** Empty if no error is stored. */
  errorMessage: string;
  /** A move of the repo, or of its shadow repo, has started and not ended. */
  isMoving: boolean;
  isShadowMoving: boolean;
}

const behavior = {
  initial: (): RepoState => ({
    info: undefined,
    shadow: undefined,
    initEventId: undefined,
    errorMessage: "",
    isMoving: false,
    isShadowMoving: false,
    tier: GetRepoO_StorageTierCode.ST_UNSPECIFIED,
    tierWorkflowId: undefined,
  }),
  advance(state: RepoState, event: RepoEvent): boolean {
    switch (event.event) {
      case RepoEvent_Type.EV_FSO_REPO_INIT_STARTED:
        state.info = event.fsoRepoInitInfo;
        state.initEventId = event.id;
        break;
      case RepoEvent_Type.EV_FSO_SHADOW_REPO_CREATED:
        state.shadow = event.fsoShadowRepoInfo;
        state.tier = GetRepoO_StorageTierCode.ST_ONLINE;
        break;
      case RepoEvent_Type.EV_FSO_REPO_ERROR_SET:
        state.errorMessage = event.fsoRepoErrorMessage;
        break;
      case RepoEvent_Type.EV_FSO_REPO_ERROR_CLEARED:
        state.errorMessage = "";
        break;
      case RepoEvent_Type.EV_FSO_SHADOW_REPO_MOVE_STARTED:
        state.isShadowMoving = true;
        break;
      case RepoEvent_Type.EV_FSO_SHADOW_REPO_MOVED:
        state.isShadowMoving = false;
        break;
      case RepoEvent_Type.EV_FSO_REPO_MOVE_STARTED:
        state.isMoving = true;
        break;
      case RepoEvent_Type.EV_FSO_REPO_MOVED:
        state.isMoving = false;
        if (state.info && event.fsoRepoInitInfo) {
          const { globalPath, fileHost, hostPath } = event.fsoRepoInitInfo;
          state.info = { ...state.info, globalPath, fileHost, hostPath };
        }
        state.shadow = event.fsoShadowRepoInfo ?? state.shadow;
        break;
      default:
        followStorage(state, event);
    }
    return true;
  },
};

/** Repos. */
export class Repositories {
  readonly #repos: Aggregate<RepoState, RepoEvent>;

  constructor(log: EventLog<RepoEvent>) {
    this.#repos = new Aggregate(log, behavior);
  }

  /** Throws an `UninitializedError` if there is no such repo. */
  find(id: Uint8Array): Snapshot<RepoState & { info: FsoRepoInitInfo }> {
    const { state, vid } = this.#repos.find(id);
    const { info } = state;
    if (!info) throw new UninitializedError("uninitialized repo");
    return { state: { ...state, info }, vid };
  }

  tell(id: Uint8Array, vid: Uint8Array, decide: (state: RepoState) => readonly EventInit<RepoEvent>[]): Uint8Array {
    return this.#repos.tell(id, vid, decide);
  }
}
