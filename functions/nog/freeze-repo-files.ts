import { ConnectError } from "@connectrpc/connect";
import { defineActivity, type RunContext } from "../contract/activity.ts";
import { describeValue, TailwakeError } from "../contract/error.ts";
import {
  caughtUp,
  completed,
  type Decision,
  isSilentRetry,
  isSilentRetryAfter,
  silentRetryAfter,
} from "../contract/outcome.ts";
import { FreezeRepo } from "./gen/nogfso/freeze-repo_pb.ts";
import { StatusCode } from "./gen/nogfso/status_pb.ts";
import { ulidTime, uuidBytes, vidBytes } from "./ids.ts";
import { type RegistryWorkflowActivity, registryWorkflow } from "./registry-workflow.ts";
import { statusMessage } from "./status-message.ts";

/** A repo whose files are to be frozen, and the author of the request. */
export interface RepoToFreeze {
  readonly registry: string;
  readonly repoId: string;
  readonly globalPath: string;
  readonly authorName: string;
  readonly authorEmail: string;
}

/** A step on this machine. It is called at least once: it must do only the work that is left. */
export type LocalStep = (repo: RepoToFreeze, run: RunContext<typeof registryWorkflow>) => Promise<void>;

export interface FreezeRepoFilesOptions {
  /**
   * Makes the files immutable. After a throw it is retried, at most five times; then the freeze is aborted with the
   * error's text. To wait without a limit, for a repo that is not ready, throw `SilentRetry` or `SilentRetryAfter`.
   */
  readonly freeze: LocalStep;
  /** Deletes what `freeze` has kept for a time, for instance a working copy. Default: `freeze` keeps nothing. */
  readonly collect?: LocalStep;
  /** `collect` is called no earlier than this long after the files were frozen, in milliseconds. Default 7 days. */
  readonly keepForMs?: number;
}

interface FreezeRepoFilesView {
  state: "uninitialized" | "initialized" | "files" | "done";
  /** Id of the last event: the version that the next call builds on. */
  vid: string;
  repo: RepoToFreeze;
  /** When the files were frozen, in milliseconds since 1970-01-01T00:00:00Z; undefined unless they were. */
  frozenAt?: number | undefined;
}

const maxRetries = 5;
const sevenDaysMs = 7 * 86_400_000;

/**
 * Defines the storage side of a freeze: the activity freezes the files when the workflow asks for it, and reports the
 * result. With `collect` it sleeps for `keepForMs` and then cleans up; no event of the workflow shortens that wait.
 *
 * Throws a `TailwakeError` ("invalid-definition") for a `keepForMs` that is not a whole number from 0.
 *
 * Source: nog 4450389, backend/internal/nogfsostad/workflowproc/freeze-repo.go, and archive-repo.go for the wait.
 */
export function freezeRepoFiles(options: FreezeRepoFilesOptions): RegistryWorkflowActivity {
  const { freeze, collect, keepForMs = sevenDaysMs } = options;
  if (!Number.isSafeInteger(keepForMs) || keepForMs < 0) {
    throw new TailwakeError({
      code: "invalid-definition",
      subject: "keepForMs of freezeRepoFiles",
      expected: "a whole number of milliseconds from 0",
      received: describeValue(keepForMs),
    });
  }

  return defineActivity(registryWorkflow, {
    name: "freeze-repo-files",
    view: {
      version: 1,
      initial: (): FreezeRepoFilesView => ({
        state: "uninitialized",
        vid: "",
        repo: { registry: "", repoId: "", globalPath: "", authorName: "", authorEmail: "" },
      }),
    },

    apply(view, { id, event }) {
      view.vid = id;
      switch (event.type) {
        case "freezeRepoStarted": {
          const { registryName, repoId, globalPath, authorName, authorEmail } = event;
          view.state = "initialized";
          view.repo = { registry: registryName, repoId, globalPath, authorName, authorEmail };
          break;
        }
        case "freezeRepoFilesStarted":
          view.state = "files";
          break;
        case "freezeRepoFilesCompleted":
          view.state = "done";
          if (event.statusCode === 0) view.frozenAt = ulidTime(id);
          break;
        case "freezeRepoCompleted":
        case "freezeRepoCommitted":
          view.state = "done";
          break;
        default:
          break;
      }
    },

    async act(view, run) {
      switch (view.state) {
        case "uninitialized":
        case "initialized":
          return caughtUp();
        case "files":
          return freezeAndReport(view, run, freeze);
        case "done": {
          if (view.frozenAt === undefined || collect === undefined) return completed();
          const collectAt = view.frozenAt + keepForMs;
          if (run.now().getTime() < collectAt) return silentRetryAfter(new Date(collectAt));
          await collect(view.repo, run);
          return completed();
        }
      }
    },
  });
}

async function freezeAndReport(
  view: Readonly<FreezeRepoFilesView>,
  run: RunContext<typeof registryWorkflow>,
  freeze: LocalStep,
): Promise<Decision> {
  const versioned = { workflow: uuidBytes(run.address.workflowId, "workflowId"), workflowVid: vidBytes(view.vid) };
  try {
    await freeze(view.repo, run);
  } catch (error) {
    if (isSilentRetry(error) || isSilentRetryAfter(error)) throw error;
    // Our own deadline stopped it, not an error of the files: the next run goes on.
    if (run.signal.aborted) throw run.signal.reason;
    // No event shows a failed attempt, so the view cannot count them; the record's attempts survive the process. They
    // count from the last time the task caught up, which was before this step, and they include outages of the server.
    // So there may be fewer than five retries, but never more, before it reports the failure.
    if (run.attempt <= maxRetries) throw error;
    run.log.error("freezing the files failed for good", { ...view.repo, err: error });
    await run.client(FreezeRepo).abortFreezeRepoFiles({
      ...versioned,
      statusCode: StatusCode.SC_STAD_FREEZE_REPO_FAILED,
      statusMessage: statusMessage(textOf(error)),
    });
    return caughtUp();
  }
  await run.client(FreezeRepo).commitFreezeRepoFiles(versioned);
  return caughtUp();
}

function textOf(error: unknown): string {
  if (error instanceof ConnectError) return error.rawMessage;
  return error instanceof Error ? error.message : describeValue(error);
}
