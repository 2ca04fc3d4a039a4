import type { RunContext } from "../contract/activity.ts";
import { Registry } from "./gen/nogfso/registry_pb.ts";
import { Repos } from "./gen/nogfso/repos_pb.ts";
import { toRegistryEvent } from "./registry-events.ts";
import type { registryWorkflow } from "./registry-workflow.ts";
import { toRepoEvent } from "./repo-events.ts";

/** The state of a freeze that was to begin at a version, by the events after that version. */
export type OwnBegin =
  /** It began there and still holds the repo. */
  | "held"
  /** It began there and has ended. */
  | "released"
  /** Another workflow moved the version. */
  | "moved";

/** The part of an event of a registry or a repo that matters here. */
interface Change {
  readonly type: "started" | "completed" | "other";
  readonly workflowId: string;
}

type Run = RunContext<typeof registryWorkflow>;

/**
 * Decides whether a version conflict comes from the workflow's own begin. A begin that names a version is the first
 * event after that version, or does not happen. So the first event decides; the others only show whether it has ended
 * since.
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

/** Reads the changes of a repo in its registry after a version. Yields the registry's other events as "other". */
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

/** Reads the changes of a repo after a version. */
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
