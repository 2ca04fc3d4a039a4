import { type RegistryEvent, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { GetRepoO_StorageTierCode as StorageTier } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { EventInit } from "./event-log.ts";
import { equalIds, idKey, zeroId } from "./ids.ts";
import { type RegistryRepo, type RegistryState, reposBelow } from "./registry.ts";

/**
 * A registry's commands for freezing one of its repos; rules and texts of nog 4450389, backend/internal/fsoregistry.
 * Each command is idempotent for the workflow that holds the repo; any other workflow gets "workflow conflict".
 */
export function beginRegistryFreeze(
  state: RegistryState,
  repoId: Uint8Array,
  workflowId: Uint8Array,
): EventInit<RegistryEvent>[] {
  const repo = repoOf(state, repoId);
  if (repo.tier === StorageTier.ST_FREEZING) {
    if (holdsRepo(repo, workflowId)) return [];
    throw workflowConflict();
  }
  if (!isFreezable(repo)) throw workflowConflict();
  if (reasonNotToFreeze(state, repo) !== undefined) throw new Error("cannot freeze repo");
  return [{ event: RegistryEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2, repoId, workflowId }];
}

/** Ends a freeze; `statusCode` 0 is success. */
export function endRegistryFreeze(
  state: RegistryState,
  repoId: Uint8Array,
  workflowId: Uint8Array,
  statusCode: number,
): EventInit<RegistryEvent>[] {
  const repo = repoOf(state, repoId);
  if (!holdsRepo(repo, workflowId)) throw workflowConflict();
  if (repo.tier === (statusCode === 0 ? StorageTier.ST_FROZEN : StorageTier.ST_FREEZE_FAILED)) return [];
  if (repo.tier !== StorageTier.ST_FREEZING) throw workflowConflict();
  return [{ event: RegistryEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2, repoId, workflowId, statusCode }];
}

/** Why a repo cannot be frozen now; undefined if it can. */
export function reasonNotToFreeze(state: RegistryState, repo: RegistryRepo): string | undefined {
  if (!isFreezable(repo)) return "conflicting repo storage state";
  if (reposBelow(state, repo.globalPath).length !== 1) return "not a leaf repo";
  return undefined;
}

/** A freeze that failed can be tried again. */
function isFreezable(repo: RegistryRepo): boolean {
  return repo.tier === StorageTier.ST_ONLINE || repo.tier === StorageTier.ST_FREEZE_FAILED;
}

function holdsRepo(repo: RegistryRepo, workflowId: Uint8Array): boolean {
  return equalIds(repo.tierWorkflowId ?? zeroId, workflowId);
}

function repoOf(state: RegistryState, repoId: Uint8Array): RegistryRepo {
  const repo = state.repos.get(idKey(repoId));
  if (!repo) throw new Error("unknown repo");
  return repo;
}

function workflowConflict(): Error {
  return new Error("workflow conflict");
}
