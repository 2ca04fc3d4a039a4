import { type RegistryEvent, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import type { FsoRootInfo } from "../../functions/nog/gen/nogfso/root-info_pb.ts";
import { Aggregate, type Snapshot } from "./aggregate.ts";
import type { EventInit, EventLog } from "./event-log.ts";
import { UninitializedError } from "./fault.ts";
import { isEqualOrBelow } from "./global-path.ts";
import { idKey } from "./ids.ts";

export interface RegistryRepo {
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
}

const behavior = {
  initial: (): RegistryState => ({ name: "", roots: new Map(), repos: new Map() }),
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
        if (root) state.roots.delete(root.globalRoot);
        break;
      case RegistryEvent_Type.EV_FSO_REPO_ACCEPTED:
        if (repo) state.repos.set(idKey(repo.id), { id: repo.id, globalPath: repo.globalPath, added: false });
        break;
      case RegistryEvent_Type.EV_FSO_REPO_ADDED:
        if (repo) state.repos.set(idKey(repo.id), { id: repo.id, globalPath: repo.globalPath, added: true });
        break;
      case RegistryEvent_Type.EV_FSO_REPO_MOVED: {
        const moved = repo && state.repos.get(idKey(repo.id));
        if (moved) moved.globalPath = repo.globalPath;
        break;
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

/** The root that `globalPath` equals or lies below; the deepest one. */
export function rootOf(state: RegistryState, globalPath: string): FsoRootInfo | undefined {
  let best: FsoRootInfo | undefined;
  for (const root of state.roots.values()) {
    if (isEqualOrBelow(globalPath, root.globalRoot) && root.globalRoot.length > (best?.globalRoot.length ?? 0))
      best = root;
  }
  return best;
}
