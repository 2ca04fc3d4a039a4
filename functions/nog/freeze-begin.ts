import type { RunContext } from "../contract/activity.ts";
import { Registry } from "./gen/nogfso/registry_pb.ts";
import { Repos } from "./gen/nogfso/repos_pb.ts";
import { toRegistryEvent } from "./registry-events.ts";
import type { registryWorkflow } from "./registry-workflow.ts";
import { toRepoEvent } from "./repo-events.ts";

/** What the events after a version say of a freeze that was to begin at it. */
export type OwnBegin =
  /** It began there, and still holds the repo. */
  | "held"
  /** It began there, and has ended. */
  | "released"
  /** Somebody else moved the version. */
  | "moved";

/** An event of a registry or a repo, as far as it matters here. */
interface Change {
  readonly type: "started" | "completed" | "other";
  readonly workflowId: string;
}

type Run = RunContext<typeof registryWorkflow>;

/**
 * Whose begin a version conflict is about. A begin that names a version is the first event after it or does not happen,
 * so one event decides; the others only show whether it has ended since.
 */
export async function ownBeginOf(workflowId: string, changes: AsyncIterable<Change>): Promise<OwnBegin> {
  let found: OwnBegin | undefined;
  for await (const change of changes) {
    const isOwn = change.workflowId.toLowerCase() === workflowId.toLowerCase();
    if (found === undefined) found = isOwn && change.type === "started" ? "held" : "moved";
    if (found === "moved") break;
    if (isOwn && change.type === "completed") found = "released";
  }
  return found ?? "moved";
}

/** The changes of a repo in its registry after a version; the registry's other events are there as "other". */
export async function* readRegistryChanges(
  run: Run,
  registry: string,
  repoId: string,
  after: Uint8Array<ArrayBuffer>,
): AsyncGenerator<Change> {
  for await (const { events } of run.client(Registry).events({ registry, after })) {
    for (const event of events.map(toRegistryEvent)) {
      const isFreeze = event.type === "freezeRepoStarted" || event.type === "freezeRepoCompleted";
      yield isFreeze && event.repoId === repoId ? changeOf(event) : other;
    }
  }
}

/** The changes of a repo after a version. */
export async function* readRepoChanges(
  run: Run,
  repo: Uint8Array<ArrayBuffer>,
  after: Uint8Array<ArrayBuffer>,
): AsyncGenerator<Change> {
  for await (const { events } of run.client(Repos).events({ repo, after })) {
    for (const event of events.map(toRepoEvent)) {
      yield event.type === "freezeStarted" || event.type === "freezeCompleted" ? changeOf(event) : other;
    }
  }
}

const other: Change = { type: "other", workflowId: "" };

function changeOf({ type, workflowId }: { readonly type: string; readonly workflowId: string }): Change {
  return { type: type.endsWith("Started") ? "started" : "completed", workflowId };
}
