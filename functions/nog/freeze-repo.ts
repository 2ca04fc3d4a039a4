import { defineActivity, type RunContext } from "../contract/activity.ts";
import { caughtUp, completed, type Decision } from "../contract/outcome.ts";
import type { Status } from "./event-fields.ts";
import { type OwnBegin, ownBeginOf, readRegistryChanges, readRepoChanges } from "./freeze-begin.ts";
import { isAlreadyTerminated, isNotPending, isRefusal, isVersionConflict } from "./freeze-errors.ts";
import { FreezeRepo, RegistryFreezeRepo, ReposFreezeRepo } from "./gen/nogfso/freeze-repo_pb.ts";
import { StatusCode } from "./gen/nogfso/status_pb.ts";
import { uuidBytes, vidBytes } from "./ids.ts";
import { type RegistryWorkflowActivity, registryWorkflow } from "./registry-workflow.ts";
import { statusMessage } from "./status-message.ts";

interface FreezeRepoView {
  state:
    | "uninitialized"
    | "initialized"
    | "files"
    | "filesCompleted"
    | "filesFailed"
    | "completed"
    | "failed"
    | "terminated";
  /** Id of the last event: the version that the next call builds on. */
  vid: string;
  registry: string;
  repoId: string;
  /** The versions at which the freeze must begin in the registry and in the repo; undefined: any. */
  registryVid?: string | undefined;
  repoVid?: string | undefined;
  /** The status of the files, or of the whole freeze, if it failed. */
  statusCode: number;
  message: string;
}

/**
 * Freezes a repo in three aggregates that share no transaction: begins in its registry, in the repo and in the
 * workflow, so that the storage side freezes the files (`freezeRepoFiles`); then commits in all three, or releases all
 * three.
 *
 * A run may be killed between any two calls; the next run repeats all of them. The server accepts a repeated call of
 * the workflow that holds the repo, without an event. It refuses only a repeated begin that names a version, because
 * the first one moved that version. Then the run reads the events since, which show whose begin it was. If a begin is
 * refused for good, or the files could not be frozen, the run releases the repo. A release names no versions and can be
 * repeated.
 *
 * Source: nog 4450389, backend/internal/nogfsoregd/workflowproc/freeze-repo.go. There a freeze that was interrupted
 * after its first begin conflicts with itself and is aborted, and a repo with an error is retried without end.
 */
export const freezeRepo: RegistryWorkflowActivity = defineActivity(registryWorkflow, {
  name: "freeze-repo",
  view: {
    version: 1,
    initial: (): FreezeRepoView => ({
      state: "uninitialized",
      vid: "",
      registry: "",
      repoId: "",
      statusCode: 0,
      message: "",
    }),
  },

  apply(view, { id, event }) {
    view.vid = id;
    switch (event.type) {
      case "freezeRepoStarted":
        view.state = "initialized";
        view.registry = event.registryName;
        view.repoId = event.repoId;
        view.registryVid = event.registryEventId;
        view.repoVid = event.repoEventId;
        break;
      case "freezeRepoFilesStarted":
        view.state = "files";
        break;
      case "freezeRepoFilesCompleted":
        view.state = event.statusCode === 0 ? "filesCompleted" : "filesFailed";
        view.statusCode = event.statusCode;
        view.message = event.message;
        break;
      case "freezeRepoCompleted":
        view.state = event.statusCode === 0 ? "completed" : "failed";
        view.statusCode = event.statusCode;
        view.message = event.message;
        break;
      case "freezeRepoCommitted":
        view.state = "terminated";
        break;
      default:
        break;
    }
  },

  async act(view, run) {
    const saga = new FreezeSaga(view, run);
    switch (view.state) {
      case "uninitialized":
      case "files":
        return caughtUp();
      case "initialized":
        return saga.begin();
      case "filesCompleted":
        return saga.commit();
      case "filesFailed":
        return saga.release(view);
      // The server ends a workflow in three steps, and has stopped in between: a repeated call takes the missing ones.
      case "completed":
        return saga.commitWorkflow();
      case "failed":
        return saga.abortWorkflow(view);
      case "terminated":
        return completed();
    }
  },
});

const registryFailed: Status = {
  statusCode: StatusCode.SC_REGISTRY_BEGIN_FREEZE_REPO_FAILED,
  message: "registry begin failed",
};
const repoFailed: Status = { statusCode: StatusCode.SC_REPOS_BEGIN_FREEZE_REPO_FAILED, message: "repo begin failed" };

/** The calls of one run, in their order. */
class FreezeSaga {
  readonly #view: Readonly<FreezeRepoView>;
  readonly #run: RunContext<typeof registryWorkflow>;
  readonly #workflow: Uint8Array<ArrayBuffer>;
  readonly #repo: Uint8Array<ArrayBuffer>;

  constructor(view: Readonly<FreezeRepoView>, run: RunContext<typeof registryWorkflow>) {
    this.#view = view;
    this.#run = run;
    this.#workflow = uuidBytes(run.address.workflowId, "workflowId");
    this.#repo = view.repoId === "" ? new Uint8Array() : uuidBytes(view.repoId, "repoId");
  }

  async begin(): Promise<Decision> {
    const atRegistry = await this.#tryToBegin("registry", this.#view.registryVid);
    // An earlier run has released the registry, so the repo had refused.
    if (atRegistry !== "held") return this.release(atRegistry === "released" ? repoFailed : registryFailed);
    const atRepo = await this.#tryToBegin("repos", this.#view.repoVid);
    if (atRepo !== "held") return this.release(repoFailed);
    await this.#run.client(FreezeRepo).beginFreezeRepoFiles(this.#versioned());
    return caughtUp();
  }

  async commit(): Promise<Decision> {
    await this.#run.client(ReposFreezeRepo).reposCommitFreezeRepo(this.#atRepo());
    await this.#run.client(RegistryFreezeRepo).registryCommitFreezeRepo(this.#atRegistry());
    return this.commitWorkflow();
  }

  async commitWorkflow(): Promise<Decision> {
    await this.#run.client(FreezeRepo).commitFreezeRepo(this.#versioned());
    return caughtUp();
  }

  /**
   * Releases the repo in all three aggregates. A response may have been lost, so it is not certain what an earlier run
   * has begun: the run calls each aggregate, and one without a pending begin refuses. The workflow is the last.
   */
  async release(status: Status): Promise<Decision> {
    const { statusCode } = status;
    const message = messageOf(status);
    await this.#unless(isNotPending.repos, () =>
      this.#run.client(ReposFreezeRepo).reposAbortFreezeRepo({ ...this.#atRepo(), statusCode, statusMessage: message }),
    );
    await this.#unless(isNotPending.registry, () =>
      this.#run.client(RegistryFreezeRepo).registryAbortFreezeRepo({ ...this.#atRegistry(), statusCode }),
    );
    return this.abortWorkflow(status);
  }

  async abortWorkflow(status: Status): Promise<Decision> {
    const { statusCode } = status;
    const request = { workflow: this.#workflow, statusCode, statusMessage: messageOf(status) };
    await this.#unless(isAlreadyTerminated, () => this.#run.client(FreezeRepo).abortFreezeRepo(request));
    return caughtUp();
  }

  /** "held" if this workflow holds the repo there; any other result is final. Throws an error that is worth a retry. */
  async #tryToBegin(where: "registry" | "repos", vid: string | undefined): Promise<OwnBegin | "refused"> {
    try {
      await this.#beginAt(where, vid);
      return "held";
    } catch (error) {
      const found = await this.#whyNot(where, vid, error);
      if (found !== "held") this.#run.log.warn("freeze refused", { ...this.#run.address, where, err: error });
      return found;
    }
  }

  async #whyNot(where: "registry" | "repos", vid: string | undefined, error: unknown): Promise<OwnBegin | "refused"> {
    if (isRefusal[where](error)) return "refused";
    if (vid === undefined || !isVersionConflict(error)) throw error;
    const changes =
      where === "registry"
        ? readRegistryChanges(this.#run, this.#view.registry, this.#view.repoId, vidBytes(vid))
        : readRepoChanges(this.#run, this.#repo, vidBytes(vid));
    return ownBeginOf(this.#run.address.workflowId, changes);
  }

  #beginAt(where: "registry" | "repos", vid: string | undefined): Promise<unknown> {
    return where === "registry"
      ? this.#run.client(RegistryFreezeRepo).registryBeginFreezeRepo({
          ...this.#atRegistry(),
          ...(vid !== undefined && { registryVid: vidBytes(vid) }),
        })
      : this.#run.client(ReposFreezeRepo).reposBeginFreezeRepo({
          ...this.#atRepo(),
          ...(vid !== undefined && { repoVid: vidBytes(vid) }),
        });
  }

  async #unless(isHarmless: (error: unknown) => boolean, call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!isHarmless(error)) throw error;
      this.#run.log.info("nothing to release", { ...this.#run.address, err: error });
    }
  }

  #atRegistry() {
    return { registry: this.#view.registry, repo: this.#repo, workflow: this.#workflow };
  }

  #atRepo() {
    return { repo: this.#repo, workflow: this.#workflow };
  }

  #versioned() {
    return { workflow: this.#workflow, workflowVid: vidBytes(this.#view.vid) };
  }
}

/** A repo refuses an empty message, and the storage side may have sent none. */
const messageOf = ({ message }: Status) => statusMessage(message === "" ? "freezing the files failed" : message);
