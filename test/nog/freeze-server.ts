import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { FreezeRepo, RegistryFreezeRepo, ReposFreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import { Registry, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEvent_Type, Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { type RegistryWorkflowEvent, ulidText, uuidText, vidBytes } from "../../functions/nog/index.ts";
import type { ScriptedHistory } from "../../functions/testing/index.ts";
import { eventIdText, registryEvent, repoEvent, repoId, ulid, uuid, workflowId } from "./messages.ts";

type Event = RegistryWorkflowEvent;
type Tier = "online" | "freezing" | "frozen" | "freezeFailed";

/** Version of registry and repo when the workflow began. */
export const startVid = eventIdText(1);

/** A registry, or a repo, as far as freezing goes: who holds the repo, and the version checks. */
class Held {
  readonly changes: { readonly type: "started" | "completed" | "other"; readonly statusCode: number }[] = [];
  tier: Tier = "online";
  /** Why no freeze can begin here. */
  refusal: string | undefined;
  readonly #name: string;
  readonly #conflict: string;

  constructor(name: string, conflict: string) {
    this.#name = name;
    this.#conflict = conflict;
  }

  get vid(): Uint8Array<ArrayBuffer> {
    return ulid(1 + this.changes.length);
  }

  /** Somebody else moves the version. */
  move(): void {
    this.changes.push({ type: "other", statusCode: 0 });
  }

  begin(vid: Uint8Array): void {
    this.#check(vid);
    if (this.tier === "freezing") return;
    if (this.refusal !== undefined) throw this.#error(this.refusal);
    if (this.tier === "frozen") throw this.#error(this.#conflict);
    this.tier = "freezing";
    this.changes.push({ type: "started", statusCode: 0 });
  }

  end(vid: Uint8Array, statusCode: number): void {
    this.#check(vid);
    const wanted: Tier = statusCode === 0 ? "frozen" : "freezeFailed";
    if (this.tier === wanted) return;
    if (this.tier !== "freezing") throw this.#error(this.#conflict);
    this.tier = wanted;
    this.changes.push({ type: "completed", statusCode });
  }

  after(
    vid: Uint8Array,
  ): { readonly id: Uint8Array<ArrayBuffer>; readonly type: string; readonly statusCode: number }[] {
    const all = this.changes.map((change, at) => ({ ...change, id: ulid(at + 2) }));
    return all.filter(({ id }) => Buffer.compare(id, vid) > 0);
  }

  #check(vid: Uint8Array): void {
    if (vid.length === 0 || Buffer.compare(vid, this.vid) === 0) return;
    const texts = `stored VID ${ulidText(this.vid, "vid")} != expected VID ${ulidText(vid, "vid")}`;
    throw this.#error(`version conflict: ${texts}`);
  }

  #error(text: string): ConnectError {
    return new ConnectError(`${this.#name} error: ${text}`, Code.Unknown);
  }
}

/** The servers around one freeze of one repo, with nog's version checks and texts. */
export class FreezeServer {
  readonly registry = new Held("registry", "workflow conflict");
  readonly repo = new Held("repos", "storage workflow conflict");
  readonly #history: ScriptedHistory<Event>;

  constructor(history: ScriptedHistory<Event>) {
    this.#history = history;
  }

  readonly routes = (router: ConnectRouter): void => {
    const { registry, repo } = this;
    router.service(Registry, {
      async *events({ after }) {
        for (const { id, type, statusCode } of registry.after(after)) {
          const event =
            type === "other"
              ? { event: RegistryEvent_Type.EV_FSO_PATH_FLAG_SET, fsoPathFlag: { path: "/ex/a", flags: 1 } }
              : { event: freezeType(type), repoId: uuid(repoId), workflowId: uuid(workflowId), statusCode };
          yield { events: [registryEvent({ id, ...event })] };
        }
      },
    });
    router.service(Repos, {
      async *events({ after }) {
        for (const { id, type, statusCode } of repo.after(after)) {
          const event =
            type === "other"
              ? { event: RepoEvent_Type.EV_FSO_REPO_ERROR_CLEARED }
              : { event: freezeType(type), workflowId: uuid(workflowId), statusCode };
          yield { events: [repoEvent({ id, ...event })] };
        }
      },
    });
    router.service(RegistryFreezeRepo, {
      registryBeginFreezeRepo: (i) => this.#at(i, () => registry.begin(i.registryVid)),
      registryCommitFreezeRepo: (i) => this.#at(i, () => registry.end(i.registryVid, 0)),
      registryAbortFreezeRepo: (i) => this.#at(i, () => registry.end(i.registryVid, i.statusCode)),
    });
    router.service(ReposFreezeRepo, {
      reposBeginFreezeRepo: (i) => this.#at(i, () => repo.begin(i.repoVid)),
      reposCommitFreezeRepo: (i) => this.#at(i, () => repo.end(i.repoVid, 0)),
      reposAbortFreezeRepo: (i) =>
        this.#at(i, () => {
          if (i.statusCode === 0 || i.statusMessage === "")
            throw new ConnectError("invalid error status", Code.Unknown);
          repo.end(i.repoVid, i.statusCode);
        }),
    });
    const status = ({ statusCode, statusMessage: message }: { statusCode: number; statusMessage: string }) => ({
      statusCode,
      message,
    });
    router.service(FreezeRepo, {
      beginFreezeRepoFiles: (i) =>
        this.#tell(i, "freezeRepoFilesStarted", ["freezeRepoStarted"], [{ type: "freezeRepoFilesStarted" }]),
      commitFreezeRepoFiles: (i) =>
        this.#tell(
          i,
          "freezeRepoFilesCompleted",
          ["freezeRepoFilesStarted"],
          [{ type: "freezeRepoFilesCompleted", statusCode: 0, message: "" }],
        ),
      abortFreezeRepoFiles: (i) =>
        this.#tell(
          i,
          "freezeRepoFilesCompleted",
          ["freezeRepoFilesStarted"],
          [{ type: "freezeRepoFilesCompleted", ...status(i) }],
        ),
      commitFreezeRepo: (i) =>
        this.#end(i, ["freezeRepoFilesCompleted"], { type: "freezeRepoCompleted", statusCode: 0, message: "" }),
      abortFreezeRepo: (i) => {
        if (this.#phase === "freezeRepoCommitted") {
          throw new ConnectError("freeze-repo workflow: already terminated", Code.Unknown);
        }
        return this.#end(i, ["freezeRepoStarted", "freezeRepoFilesCompleted"], {
          type: "freezeRepoCompleted",
          ...status(i),
        });
      },
    });
  };

  get #phase(): Event["type"] | undefined {
    return this.#history.events.at(-1)?.event.type;
  }

  get #vid(): Uint8Array<ArrayBuffer> {
    return vidBytes(this.#history.events.at(-1)?.id ?? startVid);
  }

  #at({ repo, workflow }: { repo: Uint8Array; workflow: Uint8Array }, act: () => void) {
    if (uuidText(repo, "repo") !== repoId || uuidText(workflow, "workflow") !== workflowId) {
      throw new ConnectError("unknown repo", Code.NotFound);
    }
    act();
    return {};
  }

  #tell(
    { workflowVid }: { workflowVid: Uint8Array },
    reached: Event["type"],
    from: readonly Event["type"][],
    events: readonly Event[],
  ) {
    if (workflowVid.length > 0 && Buffer.compare(workflowVid, this.#vid) !== 0) {
      throw new ConnectError("freeze-repo workflow: event journal: version conflict: stored VID x", Code.Unknown);
    }
    if (this.#phase !== reached) {
      if (this.#phase === undefined || !from.includes(this.#phase)) {
        throw new ConnectError("freeze-repo workflow: command conflicts with aggregate state", Code.FailedPrecondition);
      }
      for (const event of events) this.#history.append(event);
    }
    return { workflowVid: this.#vid };
  }

  #end(request: { workflowVid: Uint8Array }, from: readonly Event["type"][], completed: Event) {
    this.#tell(request, "freezeRepoCompleted", from, [completed]);
    this.#history.append({ type: "freezeRepoCommitted" });
    return { workflowVid: this.#vid };
  }
}

/** The numbers are the same in registry and repo. */
const freezeType = (type: string) =>
  type === "started" ? RepoEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2 : RepoEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2;

/** The first event of the workflow; with the versions it was begun at, or with none. */
export function freezeStarted(
  vids: { registry?: string; repo?: string } = { registry: startVid, repo: startVid },
): Event {
  return {
    type: "freezeRepoStarted",
    registryId: "a85e477e-e5d3-5d2d-b4a8-ec32cfe3254f",
    registryName: "exreg",
    repoId,
    globalPath: "/ex/repo",
    authorName: "A U Thor",
    authorEmail: "author@example.org",
    registryEventId: vids.registry,
    repoEventId: vids.repo,
  };
}
