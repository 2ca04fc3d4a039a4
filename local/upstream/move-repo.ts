import { RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import type { Domain } from "./domain.ts";
import { isZero, newUuid, registryHistory, zeroId } from "./ids.ts";
import { rootOf } from "./registry.ts";

export interface MoveRepo {
  /** Below a root of the repo's registry. */
  readonly newGlobalPath: string;
  /** 16 bytes; a new random UUID if absent. Does nothing for a workflow that has begun. */
  readonly workflowId?: Uint8Array;
  /** "/shadow/<new global path>.fso" if absent. */
  readonly shadowPath?: string;
}

/**
 * Begins a move-repo workflow with the three events of nog 4450389: EV_FSO_REPO_MOVE_ACCEPTED in the registry, then
 * EV_FSO_REPO_MOVE_STARTED in the repo, then in the workflow. Returns the workflow's id.
 */
export function beginMoveRepo(domain: Domain, repoId: Uint8Array, move: MoveRepo): Uint8Array {
  const { logs, registries, repos, journal } = domain;
  const workflowId = move.workflowId ?? newUuid();
  if (!isZero(journal.head(workflowId))) return workflowId;

  const { info, shadow } = repos.find(repoId).state;
  const registryId = registryHistory(info.registry);
  const root = rootOf(registries.find(registryId).state, move.newGlobalPath);
  if (!root) throw new Error(`move to ${move.newGlobalPath}: expected a path below a root of ${info.registry}`);

  const registryEventId = logs.registry.append(registryId, [
    {
      event: RegistryEvent_Type.EV_FSO_REPO_MOVE_ACCEPTED,
      workflowId,
      fsoRepoInfo: { id: repoId, globalPath: move.newGlobalPath },
    },
  ]);
  const moved = {
    fsoRepoInitInfo: { globalPath: info.globalPath, fileHost: info.fileHost, hostPath: info.hostPath },
    fsoShadowRepoInfo: { shadowPath: move.shadowPath ?? shadow?.shadowPath ?? `/shadow${move.newGlobalPath}.fso` },
    newFsoRepoInitInfo: {
      globalPath: move.newGlobalPath,
      fileHost: root.host,
      hostPath: root.hostRoot + move.newGlobalPath.slice(root.globalRoot.length),
    },
  };
  const repoEventId = logs.repo.append(repoId, [
    { event: RepoEvent_Type.EV_FSO_REPO_MOVE_STARTED, registryEventId, workflowId, ...moved },
  ]);
  logs.workflow.append(
    workflowId,
    [{ event: WorkflowEvent_Type.EV_FSO_REPO_MOVE_STARTED, repoId, repoEventId, ...moved }],
    zeroId,
  );
  return workflowId;
}
