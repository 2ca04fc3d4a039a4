import {
  type FsoRepoInfo,
  type RegistryEvent,
  RegistryEvent_Type,
} from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { GetRepoO_StorageTierCode } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { FsoRootInfo } from "../../functions/nog/gen/nogfso/root-info_pb.ts";
import { Aggregate, type Snapshot } from "./aggregate.ts";
import type { EventInit, EventLog } from "./event-log.ts";
import { UninitializedError } from "./fault.ts";
import { isEqualOrBelow } from "./global-path.ts";
import { idKey } from "./ids.ts";
import { followPathFlag } from "./path-flags.ts";
import { followSplitRootConfig, type SplitRootParams } from "./split-root-config.ts";
import { followStorage, type Storage } from "./storage-tier.ts";

export interface RegistryRepo extends Storage {
  readonly id: Uint8Array;
  globalPath: string;
  /** True once REPO_ADDED confirmed it. */
  added: boolean;
}

export interface RegistryState {
  name: string;
  /** By global root. */
  readonly roots: Map<string, FsoRootInfo>;
  /** By the key of the repo id. */
  readonly repos: Map<string, RegistryRepo>;
  /** Configurations of the roots for which splitting is enabled, by global root. */
  readonly splitRootConfigs: Map<string, SplitRootParams>;
  /** Bit masks by global path; never 0. */
  readonly pathFlags: Map<string, number>;
}

const behavior = {
  initial: (): RegistryState => ({
    name: "",
    roots: new Map(),
    repos: new Map(),
    splitRootConfigs: new Map(),
    pathFlags: new Map(),
  }),
  advance(state: RegistryState, event: RegistryEvent): boolean {
    const root = event.fsoRootInfo;
    const repo = event.fsoRepoInfo;
    switch (event.event) {
      case RegistryEvent_Type.EV_FSO_REGISTRY_ADDED:
        state.name = event.fsoRegistryInfo?.name ?? "";
        break;
      case RegistryEvent_Type.EV_FSO_ROOT_ADDED:
      case RegistryEvent_Type.EV_FSO_ROOT_UPDATED:
        if (root) state.roots.set(root.globalRoot, root);
        break;
      case RegistryEvent_Type.EV_FSO_ROOT_REMOVED:
        if (!root) break;
        state.roots.delete(root.globalRoot);
        state.splitRootConfigs.delete(root.globalRoot);
        break;
      case RegistryEvent_Type.EV_FSO_REPO_ACCEPTED:
        if (repo) state.repos.set(idKey(repo.id), newRepo(repo, false));
        break;
      case RegistryEvent_Type.EV_FSO_REPO_ADDED:
        if (repo) state.repos.set(idKey(repo.id), newRepo(repo, true));
        break;
      case RegistryEvent_Type.EV_FSO_REPO_MOVED: {
        const moved = repo && state.repos.get(idKey(repo.id));
        if (moved) moved.globalPath = repo.globalPath;
        break;
      }
      case RegistryEvent_Type.EV_FSO_SPLIT_ROOT_ENABLED:
      case RegistryEvent_Type.EV_FSO_SPLIT_ROOT_PARAMS_UPDATED:
      case RegistryEvent_Type.EV_FSO_SPLIT_ROOT_DISABLED:
        followSplitRootConfig(state.splitRootConfigs, event);
        break;
      case RegistryEvent_Type.EV_FSO_PATH_FLAG_SET:
      case RegistryEvent_Type.EV_FSO_PATH_FLAG_UNSET:
        followPathFlag(state.pathFlags, event);
        break;
      default: {
        const changed = state.repos.get(idKey(event.repoId));
        if (changed) followStorage(changed, event);
      }
    }
    return true;
  },
};

/** Registries: their roots and repos. */
export class Registries {
  readonly #registries: Aggregate<RegistryState, RegistryEvent>;

  constructor(log: EventLog<RegistryEvent>) {
    this.#registries = new Aggregate(log, behavior);
  }

  /** Throws an `UninitializedError` if there is no such registry. */
  find(id: Uint8Array): Snapshot<RegistryState> {
    const found = this.#registries.find(id);
    if (found.state.name === "") throw new UninitializedError("uninitialized registry");
    return found;
  }

  tell(
    id: Uint8Array,
    vid: Uint8Array,
    decide: (state: RegistryState) => readonly EventInit<RegistryEvent>[],
  ): Uint8Array {
    return this.#registries.tell(id, vid, decide);
  }
}

function newRepo(info: FsoRepoInfo, added: boolean): RegistryRepo {
  const tier = added ? GetRepoO_StorageTierCode.ST_ONLINE : GetRepoO_StorageTierCode.ST_UNSPECIFIED;
  return { id: info.id, globalPath: info.globalPath, added, tier, tierWorkflowId: undefined };
}

/** The repos at `globalPath` or below it; all repos if it is absent. Sorted by path. */
export function reposBelow(state: RegistryState, globalPath?: string): RegistryRepo[] {
  return [...state.repos.values()]
    .filter((repo) => globalPath === undefined || isEqualOrBelow(repo.globalPath, globalPath))
    .sort((a, b) => (a.globalPath < b.globalPath ? -1 : 1));
}

export function repoAt(state: RegistryState, globalPath: string): RegistryRepo | undefined {
  for (const repo of state.repos.values()) if (repo.globalPath === globalPath) return repo;
  return undefined;
}

/** The deepest root that `globalPath` equals or lies below. */
export function rootOf(state: RegistryState, globalPath: string): FsoRootInfo | undefined {
  let best: FsoRootInfo | undefined;
  for (const root of state.roots.values()) {
    if (isEqualOrBelow(globalPath, root.globalRoot) && root.globalRoot.length > (best?.globalRoot.length ?? 0))
      best = root;
  }
  return best;
}
