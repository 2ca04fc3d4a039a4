import {
  type RepoEvent,
  RepoEvent_Type,
  GetRepoO_StorageTierCode as StorageTier,
} from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { EventInit } from "./event-log.ts";
import { equalIds, zeroId } from "./ids.ts";
import type { RepoState } from "./repo.ts";
import type { Failure } from "./workflow-fault.ts";

/** Bytes of UTF-8. */
const maxStatusMessageLength = 150;

/**
 * A repo's commands for freezing it; rules and texts of nog 4450389, backend/internal/fsorepos. Each command is
 * idempotent for the workflow that holds the repo; any other workflow gets "storage workflow conflict".
 */
export function beginRepoFreeze(state: RepoState, workflowId: Uint8Array): EventInit<RepoEvent>[] {
  if (state.isMoving || state.isShadowMoving) throw new Error("workflow conflict");
  switch (state.tier) {
    case StorageTier.ST_ONLINE:
      if (state.errorMessage !== "") throw new Error("cannot proceed due to repo error");
      break;
    case StorageTier.ST_FREEZE_FAILED:
      // The failed freeze stored an error; an operator clears it before the next freeze.
      if (state.errorMessage !== "") throw storageConflict();
      break;
    case StorageTier.ST_FREEZING:
      if (holdsRepo(state, workflowId)) return [];
      throw storageConflict();
    default:
      throw storageConflict();
  }
  return [{ event: RepoEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2, workflowId }];
}

export function commitRepoFreeze(state: RepoState, workflowId: Uint8Array): EventInit<RepoEvent>[] {
  if (!holdsRepo(state, workflowId)) throw storageConflict();
  if (state.tier === StorageTier.ST_FROZEN) return [];
  if (state.tier !== StorageTier.ST_FREEZING) throw storageConflict();
  return [{ event: RepoEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2, workflowId }];
}

/** Ends a freeze and stores the failure as the repo's error, in one commit. */
export function abortRepoFreeze(
  state: RepoState,
  workflowId: Uint8Array,
  { statusCode, statusMessage }: Failure,
): EventInit<RepoEvent>[] {
  if (statusCode === 0) throw new Error("invalid error status code");
  if (statusMessage === "") throw new Error("invalid error status message");
  if (Buffer.byteLength(statusMessage) > maxStatusMessageLength) throw new Error("status message too long");
  if (!holdsRepo(state, workflowId)) throw storageConflict();
  if (state.tier === StorageTier.ST_FREEZE_FAILED) return [];
  if (state.tier !== StorageTier.ST_FREEZING) throw storageConflict();
  return [
    { event: RepoEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2, workflowId, statusCode },
    { event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage: `freeze failed: ${statusMessage}` },
  ];
}

function holdsRepo(state: RepoState, workflowId: Uint8Array): boolean {
  return equalIds(state.tierWorkflowId ?? zeroId, workflowId);
}

function storageConflict(): Error {
  return new Error("storage workflow conflict");
}
