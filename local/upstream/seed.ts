import { type RegistryEvent, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { type RepoEvent, RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { type WorkflowEvent, WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import type { Domain } from "./domain.ts";
import type { EventInit } from "./event-log.ts";
import { indexHistory, registryHistory, zeroId } from "./ids.ts";
import { initRepo, type RepoInit } from "./init-repo.ts";
import { beginMoveRepo, type MoveRepo } from "./move-repo.ts";
import { noVersionCheck } from "./vid.ts";

export interface RootInit {
  readonly globalRoot: string;
  readonly host: string;
  readonly hostRoot: string;
}

/**
 * Fills the journal in process, for data that no RPC of this server writes. The init methods do nothing for data that
 * exists, so they can run at every start; they finish the work of a killed process. Ids and versions are 16 bytes (16
 * zero bytes: no events). All methods are synchronous and throw an `Error` that names the missing item.
 */
export class Seed {
  readonly #domain: Domain;

  constructor(domain: Domain) {
    this.#domain = domain;
  }

  /** Returns the registry's id. */
  initRegistry(name: string): Uint8Array {
    const id = registryHistory(name);
    this.#domain.registries.tell(id, noVersionCheck, (state): EventInit<RegistryEvent>[] => {
      if (state.name !== "") return [];
      return [{ event: RegistryEvent_Type.EV_FSO_REGISTRY_ADDED, fsoRegistryInfo: { name } }];
    });
    return id;
  }

  /** Throws if the root exists on another host or host path. */
  initRoot(registry: string, init: RootInit): void {
    const { globalRoot, host, hostRoot } = init;
    this.#domain.registries.find(registryHistory(registry));
    this.#domain.registries.tell(registryHistory(registry), noVersionCheck, (state): EventInit<RegistryEvent>[] => {
      const known = state.roots.get(globalRoot);
      if (!known) return [{ event: RegistryEvent_Type.EV_FSO_ROOT_ADDED, fsoRootInfo: { globalRoot, host, hostRoot } }];
      if (known.host === host && known.hostRoot === hostRoot) return [];
      throw new Error(
        `root ${globalRoot} of ${registry}: expected ${known.host}:${known.hostRoot}, received ${host}:${hostRoot}`,
      );
    });
  }

  /** Accepts the repo, begins its history and confirms it, in three commits. Returns the repo's id. */
  initRepo(registry: string, init: RepoInit): Uint8Array {
    return initRepo(this.#domain, registry, init);
  }

  /** Confirms that the repo's shadow repo exists: the repo is then online. Default path "/shadow/<global path>.fso". */
  confirmShadow(repoId: Uint8Array, shadowPath?: string): void {
    const { repos } = this.#domain;
    const { globalPath } = repos.find(repoId).state.info;
    repos.tell(repoId, noVersionCheck, ({ shadow }): EventInit<RepoEvent>[] => {
      if (shadow) return [];
      const fsoShadowRepoInfo = { shadowPath: shadowPath ?? `/shadow${globalPath}.fso` };
      return [{ event: RepoEvent_Type.EV_FSO_SHADOW_REPO_CREATED, fsoShadowRepoInfo }];
    });
  }

  /** Appends in one commit. Returns the version. Throws a `VersionConflictError` if `expected` is not the version. */
  appendRegistryEvents(
    registry: string,
    events: readonly EventInit<RegistryEvent>[],
    expected?: Uint8Array,
  ): Uint8Array {
    return this.#domain.logs.registry.append(registryHistory(registry), events, expected);
  }

  /** As {@link appendRegistryEvents}. */
  appendRepoEvents(repoId: Uint8Array, events: readonly EventInit<RepoEvent>[], expected?: Uint8Array): Uint8Array {
    return this.#domain.logs.repo.append(repoId, events, expected);
  }

  /** Begins to move a repo: an event in its registry, in the repo and in the new workflow. Returns the workflow's id. */
  beginRepoWorkflow(repoId: Uint8Array, move: MoveRepo): Uint8Array {
    return beginMoveRepo(this.#domain, repoId, move);
  }

  /** As {@link appendRegistryEvents}, to a workflow of a repo. */
  appendRepoWorkflowEvents(
    workflowId: Uint8Array,
    events: readonly EventInit<WorkflowEvent>[],
    expected?: Uint8Array,
  ): Uint8Array {
    return this.#domain.logs.workflow.append(workflowId, events, expected);
  }

  /** As {@link appendRegistryEvents}, to a workflow of a registry. */
  appendRegistryWorkflowEvents(
    workflowId: Uint8Array,
    events: readonly EventInit<WorkflowEvent>[],
    expected?: Uint8Array,
  ): Uint8Array {
    return this.#domain.logs.ephemeral.append(workflowId, events, expected);
  }

  /** As {@link appendRegistryEvents}, to the workflow index of a registry. */
  appendIndexEvents(registry: string, events: readonly EventInit<WorkflowEvent>[], expected?: Uint8Array): Uint8Array {
    return this.#domain.logs.ephemeral.append(indexHistory(registry), events, expected);
  }

  /** Commits a snapshot to the workflow index. Returns the version. */
  snapshotIndex(registry: string): Uint8Array {
    return this.#domain.indexes.snapshot(indexHistory(registry));
  }

  /** Moves the index's epoch to the event before its latest snapshot. */
  trimIndex(registry: string): void {
    const history = indexHistory(registry);
    const begin = this.#domain.logs.ephemeral
      .read(history)
      .findLast((event) => event.event === WorkflowEvent_Type.EV_SNAPSHOT_BEGIN);
    if (!begin) throw new Error(`workflow index of ${registry}: expected a snapshot, received none`);
    if (Buffer.compare(begin.parent, zeroId) !== 0) this.#domain.journal.trim(history, begin.parent);
  }

  /** Deletes the events before the index's epoch; their tails are then unknown. */
  collectIndex(registry: string): void {
    this.#domain.journal.collect(indexHistory(registry));
  }

  /** Deletes a completed workflow of a registry, then removes it from the index. */
  deleteWorkflow(registry: string, workflowId: Uint8Array): void {
    this.#domain.journal.delete(workflowId);
    this.#domain.indexes.delete(indexHistory(registry), workflowId);
  }

  /** Deletes any history, without a signal. */
  deleteHistory(history: Uint8Array): void {
    this.#domain.journal.delete(history);
  }
}
