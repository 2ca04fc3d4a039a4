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

/** A repo whose files are to be frozen, and who asked for it. */
export interface RepoToFreeze {
  readonly registry: string;
  readonly repoId: string;
  readonly globalPath: string;
  readonly authorName: string;
  readonly authorEmail: string;
}

/** A step on this machine. It happens at least once: do what is left to do, and nothing if nothing is. */
export type LocalStep = (repo: RepoToFreeze, run: RunContext<typeof registryWorkflow>) => Promise<void>;

export interface FreezeRepoFilesOptions {
  /**
   * Makes the files immutable. If it throws it is tried again, five times, then the freeze is aborted with the error's
   * text. To wait without an end, for a repo that is not ready yet, throw `SilentRetry` or `SilentRetryAfter`.
   */
  readonly freeze: LocalStep;
  /** Deletes what `freeze` left for a while, a working copy. Default: nothing is kept. */
  readonly collect?: LocalStep;
  /** How long after the files were frozen `collect` is called, in milliseconds: not before. Default 7 days. */
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
 * The storage side of a freeze: freezes the files when the workflow asks for it, and says how that went. With `collect`
 * it stays for a week, asleep, and cleans up; no event of the workflow shortens that wait.
 *
 * Throws a `TailwakeError` ("invalid-definition") for a `keepForMs` that is no whole number from 0.
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
          return freezeAndTell(view, run, freeze);
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

async function freezeAndTell(
  view: Readonly<FreezeRepoFilesView>,
  run: RunContext<typeof registryWorkflow>,
  freeze: LocalStep,
): Promise<Decision> {
  const versioned = { workflow: uuidBytes(run.address.workflowId, "workflowId"), workflowVid: vidBytes(view.vid) };
  try {
    await freeze(view.repo, run);
  } catch (error) {
    if (isSilentRetry(error) || isSilentRetryAfter(error)) throw error;
    // Our own deadline stopped it: that says nothing of the files, and the next run goes on.
    if (run.signal.aborted) throw run.signal.reason;
    // The attempts in the record are what survives a process; no event shows a failed try, so a view cannot count them.
    // They count since the task last caught up, when it began to wait for this step, and with it outages of the server:
    // so there may be fewer retries than five, and never more before it is told.
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
