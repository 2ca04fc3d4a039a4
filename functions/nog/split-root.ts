import { Code, ConnectError } from "@connectrpc/connect";
import { defineActivity, type RunContext } from "../contract/activity.ts";
import { caughtUp, completed, type Decision } from "../contract/outcome.ts";
import { Registry } from "./gen/nogfso/registry_pb.ts";
import { FsoPathFlag_Flag, FsoSplitRootSuggestion_Suggestion } from "./gen/nogfso/root-info_pb.ts";
import { SplitRoot } from "./gen/nogfso/split-root_pb.ts";
import { checkIdLength, uuidBytes, vidBytes } from "./ids.ts";
import { type RegistryWorkflowActivity, registryWorkflow } from "./registry-workflow.ts";
import { type Suggestion, suggestSplit } from "./split-root-analysis.ts";
import { statusMessage } from "./status-message.ts";

interface SplitRootView {
  state:
    | "uninitialized"
    | "du"
    | "duCompleted"
    | "duFailed"
    | "suggestionsAppended"
    | "analysisCompleted"
    | "analysisFailed"
    | "completed"
    | "failed"
    | "terminated";
  /** Id of the last event: the version that the next call builds on. */
  vid: string;
  globalRoot: string;
  /** Bytes, in decimal. */
  minDiskUsage: string;
  maxDiskUsage: string;
  /** Paths relative to the root, with bytes in decimal. The later line of a path counts. Empty once analysed. */
  du: [path: string, usage: string][];
  /** The workflow has more lines than the view keeps. */
  isTooLarge: boolean;
  /** Du or the analysis failed, so this activity aborts the workflow, not an admin. */
  isOursToAbort: boolean;
  /** The status of a workflow that failed. */
  statusCode: number;
  message: string;
}

/** The server's limit, for the lines of du and for suggestions. */
const maxPaths = 300;
const failed = 1;

/**
 * Analyses the disk usage that the storage side has measured below a root, and suggests how to split the root into
 * repos. Admins then decide and commit the workflow. If du or the analysis failed, this activity aborts it.
 *
 * The server ignores the version in the calls that append and commit suggestions. The view prevents that suggestions
 * are appended twice: a call appends all or none, and the next run commits what a killed run has appended.
 *
 * Source: nog 4450389, backend/internal/nogfsoregd/workflowproc/split-root.go, which aborts an analysis that was
 * interrupted there, and posts suggestions again after a restart.
 */
export const splitRoot: RegistryWorkflowActivity = defineActivity(registryWorkflow, {
  name: "split-root",
  view: {
    version: 1,
    initial: (): SplitRootView => ({
      state: "uninitialized",
      vid: "",
      globalRoot: "",
      minDiskUsage: "0",
      maxDiskUsage: "0",
      du: [],
      isTooLarge: false,
      isOursToAbort: false,
      statusCode: 0,
      message: "",
    }),
  },

  apply(view, { id, event }) {
    view.vid = id;
    switch (event.type) {
      case "splitRootStarted":
        view.state = "du";
        view.globalRoot = event.globalRoot;
        view.minDiskUsage = event.minDiskUsage.toString();
        view.maxDiskUsage = event.maxDiskUsage.toString();
        break;
      case "splitRootDuAppended":
        if (view.du.length === maxPaths) view.isTooLarge = true;
        else view.du.push([event.path, event.usage.toString()]);
        break;
      case "splitRootDuCompleted":
        view.state = event.statusCode === 0 ? "duCompleted" : "duFailed";
        view.isOursToAbort = event.statusCode !== 0;
        break;
      case "splitRootSuggestionAppended":
        view.state = "suggestionsAppended";
        break;
      case "splitRootAnalysisCompleted":
        view.state = event.statusCode === 0 ? "analysisCompleted" : "analysisFailed";
        view.isOursToAbort = event.statusCode !== 0;
        view.du = [];
        break;
      case "splitRootCompleted":
        view.state = event.statusCode === 0 ? "completed" : "failed";
        view.statusCode = event.statusCode;
        view.message = event.message;
        break;
      case "splitRootCommitted":
        view.state = "terminated";
        break;
      default:
        break;
    }
  },

  async act(view, run) {
    switch (view.state) {
      case "uninitialized":
      case "du":
      case "analysisCompleted":
      // If the server stops in the middle of a commit, the admin repeats it.
      case "completed":
        return caughtUp();
      case "duCompleted":
        return analyse(view, run);
      case "suggestionsAppended":
        return commitAnalysis(run, vidBytes(view.vid));
      case "duFailed":
        return abortWorkflow(view, run, failed, "du failed");
      case "analysisFailed":
        return abortWorkflow(view, run, failed, "analysis failed");
      case "failed":
        // The server aborts in three steps, and may have stopped in between: a repeated call takes the missing ones.
        return view.isOursToAbort ? abortWorkflow(view, run, view.statusCode, view.message) : caughtUp();
      case "terminated":
        return completed();
    }
  },
});

type SplitRootRun = RunContext<typeof registryWorkflow>;

async function analyse(view: Readonly<SplitRootView>, run: SplitRootRun): Promise<Decision> {
  if (view.isTooLarge) return abortAnalysis(view, run, `more than ${maxPaths} paths with disk usage`);
  const repos = await listRepos(view, run);
  const dontSplit = await listDontSplit(view, run);
  const suggestions = suggestSplit({
    usage: new Map(view.du.map(([path, usage]) => [path, BigInt(usage)])),
    repos,
    dontSplit,
    minDiskUsage: BigInt(view.minDiskUsage),
    maxDiskUsage: BigInt(view.maxDiskUsage),
  });
  if (suggestions.length === 0) return abortAnalysis(view, run, "no disk usage of the root itself");
  let workflowVid: Uint8Array<ArrayBuffer>;
  try {
    workflowVid = await appendSuggestions(view, run, suggestions);
  } catch (error) {
    // A retry would need as many.
    if (ConnectError.from(error).code !== Code.ResourceExhausted) throw error;
    run.log.error("split-root suggestions refused", { err: error });
    return abortAnalysis(view, run, `failed to append suggestions: ${ConnectError.from(error).rawMessage}`);
  }
  return commitAnalysis(run, workflowVid);
}

/** Resolves to the workflow's new version. */
async function appendSuggestions(
  view: Readonly<SplitRootView>,
  run: SplitRootRun,
  suggestions: readonly Suggestion[],
): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await run.client(SplitRoot).appendSplitRootSuggestions({
    workflow: workflowOf(run),
    workflowVid: vidBytes(view.vid),
    paths: suggestions.map(({ path, suggestion }) => ({ path, suggestion: suggestionCodes[suggestion] })),
  });
  checkIdLength(answer.workflowVid, "AppendSplitRootSuggestionsO.workflow_vid");
  return new Uint8Array(answer.workflowVid);
}

async function commitAnalysis(run: SplitRootRun, workflowVid: Uint8Array<ArrayBuffer>): Promise<Decision> {
  await run.client(SplitRoot).commitSplitRootAnalysis({ workflow: workflowOf(run), workflowVid });
  return caughtUp();
}

async function abortAnalysis(view: Readonly<SplitRootView>, run: SplitRootRun, message: string): Promise<Decision> {
  await run.client(SplitRoot).abortSplitRootAnalysis({
    workflow: workflowOf(run),
    workflowVid: vidBytes(view.vid),
    statusCode: failed,
    statusMessage: statusMessage(message),
  });
  return caughtUp();
}

async function abortWorkflow(
  view: Readonly<SplitRootView>,
  run: SplitRootRun,
  statusCode: number,
  message: string,
): Promise<Decision> {
  await run.client(SplitRoot).abortSplitRoot({
    workflow: workflowOf(run),
    workflowVid: vidBytes(view.vid),
    statusCode,
    statusMessage: statusMessage(message),
  });
  return caughtUp();
}

/** The repos of the root, as paths relative to it. */
async function listRepos({ globalRoot }: Readonly<SplitRootView>, run: SplitRootRun): Promise<Set<string>> {
  const { registry } = run.address;
  const { repos } = await run.client(Registry).getRepos({ registry, globalPathPrefix: globalRoot });
  return new Set(repos.map(({ globalPath }) => relativePath(globalRoot, globalPath)));
}

async function listDontSplit({ globalRoot }: Readonly<SplitRootView>, run: SplitRootRun): Promise<Set<string>> {
  const { registry } = run.address;
  const { paths } = await run.client(SplitRoot).listSplitRootPathFlags({ registry, globalRoot });
  const flagged = paths.filter(({ flags }) => (flags & FsoPathFlag_Flag.PF_DONT_SPLIT) !== 0);
  return new Set(flagged.map(({ path }) => relativePath(globalRoot, path)));
}

/** The server lists only the root and paths below it. */
function relativePath(root: string, path: string): string {
  if (path === root) return ".";
  return path.slice(root.endsWith("/") ? root.length : root.length + 1);
}

const workflowOf = (run: SplitRootRun) => uuidBytes(run.address.workflowId, "workflowId");

const suggestionCodes: Readonly<Record<Suggestion["suggestion"], FsoSplitRootSuggestion_Suggestion>> = {
  smallDir: FsoSplitRootSuggestion_Suggestion.S_SMALL_DIR,
  repo: FsoSplitRootSuggestion_Suggestion.S_REPO,
  smallRepo: FsoSplitRootSuggestion_Suggestion.S_SMALL_REPO,
  dontSplit: FsoSplitRootSuggestion_Suggestion.S_DONT_SPLIT,
  repoCandidate: FsoSplitRootSuggestion_Suggestion.S_REPO_CANDIDATE,
};
