import { Code, ConnectError } from "@connectrpc/connect";
import { defineActivity, type RunContext } from "../contract/activity.ts";
import { caughtUp, completed, type Decision } from "../contract/outcome.ts";
import { errorCode, type DiskUsage as Measured, measureDiskUsage } from "./disk-usage.ts";
import { DiskUsage } from "./gen/nogfso/registry_pb.ts";
import { checkIdLength, uuidBytes, vidBytes } from "./ids.ts";
import { type RegistryWorkflowActivity, registryWorkflow } from "./registry-workflow.ts";
import { statusMessage } from "./status-message.ts";

interface DuRootView {
  state: "uninitialized" | "appending" | "completed" | "terminated";
  /** Id of the last event: the version that the next append builds on. */
  vid: string;
  hostRoot: string;
  /** The lines that the workflow has so far: bytes, in decimal, by path. Empty once it is completed. */
  appended: Record<string, string>;
}

type DuRun = RunContext<typeof registryWorkflow>;

/** Directories down to this many levels below the root get a line of their own. */
const depth = 2;
const pathsPerCall = 32;

/**
 * Measures the disk usage of a root on this machine: appends one line for each directory down to the depth, the root
 * with the total first, then commits.
 *
 * A run may be killed at any point, and the server may accept a part of a call. The accepted lines are in the stream,
 * so the next run measures again and appends the lines that are missing or have changed. Each call names the version
 * that it builds on, so two runs cannot mix their lines. The later line of a path counts.
 *
 * Source: nog 4450389, backend/internal/nogfsostad/workflowproc/du-root.go, which fails a workflow that it finds half
 * appended.
 */
export const duRoot: RegistryWorkflowActivity = defineActivity(registryWorkflow, {
  name: "du-root",
  view: {
    version: 1,
    initial: (): DuRootView => ({ state: "uninitialized", vid: "", hostRoot: "", appended: {} }),
  },

  apply(view, { id, event }) {
    view.vid = id;
    switch (event.type) {
      case "duRootStarted":
        view.state = "appending";
        view.hostRoot = event.hostRoot;
        break;
      case "duUpdated":
        view.appended[event.path] = event.usage.toString();
        break;
      case "duRootCompleted":
        view.state = "completed";
        view.appended = {};
        break;
      case "duRootCommitted":
        view.state = "terminated";
        break;
      default:
        break;
    }
  },

  async act(view, run) {
    switch (view.state) {
      case "uninitialized":
        return caughtUp();
      case "appending":
        return unlessAborted(run, () => measureAndCommit(view, run));
      case "completed":
        return unlessAborted(run, () => commitAgain(run));
      case "terminated":
        return completed();
    }
  },
});

/**
 * Does not catch a version conflict. It means that events followed this view: another run's lines, or those of an
 * earlier call of ours whose response was lost. There is work left to do. After `caughtUp`, another run would depend on
 * the signal of those events, which the server may have lost. After a throw, another run is certain.
 */
async function measureAndCommit(view: Readonly<DuRootView>, run: DuRun): Promise<Decision> {
  const client = run.client(DiskUsage);
  const workflow = uuidBytes(run.address.workflowId, "workflowId");
  let workflowVid = vidBytes(view.vid);

  const measured = await measure(view.hostRoot, run);
  if (typeof measured === "string") {
    await client.commitDuRoot({ workflow, workflowVid, statusCode: 1, statusMessage: measured });
    return caughtUp();
  }

  const lines = measured.directories
    .map(({ path, usage }) => ({ path: linePath(path), usage }))
    .filter(({ path, usage }) => view.appended[path] !== usage.toString());
  for (let at = 0; at < lines.length; at += pathsPerCall) {
    if (run.signal.aborted) return caughtUp();
    const answer = await client.appendDuRoot({ workflow, workflowVid, paths: lines.slice(at, at + pathsPerCall) });
    checkIdLength(answer.workflowVid, "AppendDuRootO.workflow_vid");
    workflowVid = new Uint8Array(answer.workflowVid);
  }
  if (run.signal.aborted) return caughtUp();
  await client.commitDuRoot({ workflow, workflowVid, statusCode: 0 });
  return caughtUp();
}

/**
 * The server completes a workflow in three steps, and has stopped in between. Another commit, without a version, takes
 * the missing steps. If the server refuses it, another caller has committed: the effect is the same.
 */
async function commitAgain(run: DuRun): Promise<Decision> {
  try {
    await run.client(DiskUsage).commitDuRoot({ workflow: uuidBytes(run.address.workflowId, "workflowId") });
    return caughtUp();
  } catch (error) {
    if (run.signal.aborted || !isRefused(ConnectError.from(error))) throw error;
    run.log.warn("the completed du-root workflow cannot be committed again", { ...run.address, err: error });
    return completed();
  }
}

/** True for a conflict. The server reports those of this workflow as Unknown, with the reason in the text. */
function isRefused(error: ConnectError): boolean {
  if (error.code === Code.FailedPrecondition) return true;
  return error.code === Code.Unknown && /conflict|uninitialized/.test(error.rawMessage);
}

/** Ends an aborted run without an error: the engine takes its `caughtUp` for `canceled` and hands over. */
async function unlessAborted(run: DuRun, act: () => Promise<Decision>): Promise<Decision> {
  try {
    return await act();
  } catch (error) {
    if (run.signal.aborted) return caughtUp();
    throw error;
  }
}

/** The errors that mean that the root cannot be read here, now or later. Any other is worth a retry. */
const unreadable: ReadonlySet<string | undefined> = new Set([
  "ENOENT",
  "ENOTDIR",
  "EACCES",
  "EPERM",
  "ELOOP",
  "ENAMETOOLONG",
]);

/** Resolves to the measurement, or to the reason why the root cannot be measured: at most 120 bytes of UTF-8. */
async function measure(hostRoot: string, run: DuRun): Promise<Measured | string> {
  try {
    const measured = await measureDiskUsage(hostRoot, { depth, signal: run.signal });
    if (measured.skipped > 0) {
      const { skipped, skippedExamples } = measured;
      run.log.warn("parts of the root could not be measured", { ...run.address, skipped, skippedExamples });
    }
    return measured;
  } catch (error) {
    const code = errorCode(error);
    if (run.signal.aborted || !unreadable.has(code)) throw error;
    return statusMessage(`du failed: ${code}: ${hostRoot}`);
  }
}

/** Paths are relative to the root; the root itself is ".", as in the output of `du`. */
const linePath = (path: string): string => (path === "" ? "." : path);
