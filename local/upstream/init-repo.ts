import { RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { SubdirTracking } from "../../functions/nog/gen/nogfso/repo-init_pb.ts";
import { type RepoEvent, RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { Domain } from "./domain.ts";
import type { EventInit } from "./event-log.ts";
import { newUuid, registryHistory } from "./ids.ts";
import { repoAt, rootOf } from "./registry.ts";
import { noVersionCheck } from "./vid.ts";

export interface RepoInit {
  /** Below a root of the registry. */
  readonly globalPath: string;
  /** 16 bytes; a new random UUID if absent. */
  readonly repoId?: Uint8Array;
  readonly creatorName?: string;
  readonly creatorEmail?: string;
}

/**
 * Accepts a repo, begins its history and confirms it, in three commits; nog does the last two in the background. Does
 * nothing for a repo that exists, and finishes the work of a killed process. Returns the repo's id.
 */
export function initRepo(domain: Domain, registry: string, init: RepoInit): Uint8Array {
  const { logs, registries, repos, journal } = domain;
  const registryId = registryHistory(registry);
  const { state } = registries.find(registryId);
  const known = repoAt(state, init.globalPath);
  if (known?.added) return known.id;

  const { globalPath, creatorName = "A U Thor", creatorEmail = "author@example.org" } = init;
  const root = rootOf(state, globalPath);
  if (!root) throw new Error(`repo ${globalPath} of ${registry}: expected a path below a root`);
  const id = known?.id ?? init.repoId ?? newUuid();
  if (!known) {
    logs.registry.append(registryId, [
      { event: RegistryEvent_Type.EV_FSO_REPO_ACCEPTED, fsoRepoInfo: { id, globalPath, creatorName, creatorEmail } },
    ]);
  }
  repos.tell(id, noVersionCheck, (repo): EventInit<RepoEvent>[] => {
    if (repo.info) return [];
    const fsoRepoInitInfo = {
      registry,
      globalPath,
      creatorName,
      creatorEmail,
      fileHost: root.host,
      hostPath: root.hostRoot + globalPath.slice(root.globalRoot.length),
      subdirTracking: SubdirTracking.ST_ENTER_SUBDIRS,
    };
    return [{ event: RepoEvent_Type.EV_FSO_REPO_INIT_STARTED, fsoRepoInitInfo }];
  });
  const repoEventId = repos.find(id).state.initEventId ?? journal.head(id);
  logs.registry.append(registryId, [
    { event: RegistryEvent_Type.EV_FSO_REPO_ADDED, fsoRepoInfo: { id, globalPath }, repoEventId },
  ]);
  return id;
}
