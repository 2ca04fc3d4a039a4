import type {
  FsoRootInfo,
  FsoSplitRootDecision_Decision,
  FsoSplitRootSuggestion,
  PathDiskUsage,
} from "../../functions/nog/gen/nogfso/root-info_pb.ts";
import { WorkflowEvent_Type as Type, type WorkflowEvent } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { Aggregate, type Snapshot } from "./aggregate.ts";
import type { EventInit, EventLog } from "./event-log.ts";
import { aggregateConflict, ResourceExhaustedError, UninitializedError } from "./fault.ts";
import { equalIds } from "./ids.ts";
import type { SplitRootParams } from "./split-root-config.ts";
import { type SplitRootState, splitRootBehavior } from "./split-root-state.ts";
import { noVersionCheck } from "./vid.ts";
import { type Failure, ofWorkflow } from "./workflow-fault.ts";

/** Runs a command or query of a split-root workflow; converts its errors to those of the service. */
export const ofSplitRoot = ofWorkflow("split-root");

/** A limit of nog: the maximum number of paths with disk usage, and of suggestions, of one workflow. */
const maxPaths = 300;

/**
 * The workflow that analyses how to split a root into repos; texts and state rules of nog 4450389,
 * backend/internal/workflows/splitrootwf. Commits and aborts are idempotent until the next step.
 *
 * As in nog, only aborts and the final commands check a version; commands that append, or that commit du or analysis,
 * do not. Repeating such a command is a state conflict only after the step has been committed.
 */
export class SplitRootWorkflows {
  readonly #workflows: Aggregate<SplitRootState, WorkflowEvent>;

  constructor(log: EventLog<WorkflowEvent>) {
    this.#workflows = new Aggregate(log, splitRootBehavior);
  }

  /** Throws an `UninitializedError` if the workflow has no events. */
  find(id: Uint8Array): Snapshot<SplitRootState> {
    const found = this.#workflows.find(id);
    if (found.state.phase === "uninitialized") throw new UninitializedError("uninitialized");
    return found;
  }

  init(id: Uint8Array, registryId: Uint8Array, root: FsoRootInfo, params: SplitRootParams): Uint8Array {
    return this.#tell(id, noVersionCheck, (state) => {
      if (state.phase === "initialized") {
        if (isSameStart(state, registryId, root, params)) return [];
        throw new Error("command not idempotent");
      }
      if (state.phase !== "uninitialized") throw aggregateConflict();
      const { globalRoot, host, hostRoot } = root;
      const { maxDepth, minDiskUsage, maxDiskUsage } = params;
      return [
        {
          event: Type.EV_FSO_SPLIT_ROOT_STARTED,
          registryId,
          fsoRootInfo: { globalRoot, host, hostRoot },
          fsoSplitRootParams: { maxDepth, minDiskUsage, maxDiskUsage },
        },
      ];
    });
  }

  /** All paths or none. Throws a `ResourceExhaustedError` beyond 300 paths in all. */
  appendDu(id: Uint8Array, paths: readonly Pick<PathDiskUsage, "path" | "usage">[]): Uint8Array {
    return this.#tell(id, noVersionCheck, (state) => {
      if (state.phase !== "initialized" && state.phase !== "duAppending") throw aggregateConflict();
      if (state.du.length + paths.length > maxPaths) throw new ResourceExhaustedError(`more than ${maxPaths} du paths`);
      return paths.map(({ path, usage }) => ({
        event: Type.EV_FSO_SPLIT_ROOT_DU_APPENDED,
        pathDiskUsage: { path, usage },
      }));
    });
  }

  /** Needs the disk usage of at least one path. */
  commitDu(id: Uint8Array): Uint8Array {
    return this.#tell(id, noVersionCheck, (state) => {
      if (state.phase === "duCompleted") return [];
      if (state.phase !== "duAppending") throw aggregateConflict();
      return [{ event: Type.EV_FSO_SPLIT_ROOT_DU_COMPLETED }];
    });
  }

  abortDu(id: Uint8Array, vid: Uint8Array, { statusCode, statusMessage }: Failure): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "duFailed") return [];
      if (state.phase !== "initialized" && state.phase !== "duAppending") throw aggregateConflict();
      return [{ event: Type.EV_FSO_SPLIT_ROOT_DU_COMPLETED, statusCode, statusMessage }];
    });
  }

  /** All suggestions or none. Throws a `ResourceExhaustedError` beyond 300 in all. */
  appendSuggestions(
    id: Uint8Array,
    suggestions: readonly Pick<FsoSplitRootSuggestion, "path" | "suggestion">[],
  ): Uint8Array {
    return this.#tell(id, noVersionCheck, (state) => {
      if (state.phase !== "duCompleted" && state.phase !== "suggestionsAppending") throw aggregateConflict();
      if (state.suggestions.length + suggestions.length > maxPaths) {
        throw new ResourceExhaustedError(`more than ${maxPaths} suggestions`);
      }
      return suggestions.map(({ path, suggestion }) => ({
        event: Type.EV_FSO_SPLIT_ROOT_SUGGESTION_APPENDED,
        fsoSplitRootSuggestion: { path, suggestion },
      }));
    });
  }

  /** Needs at least one suggestion. */
  commitAnalysis(id: Uint8Array): Uint8Array {
    return this.#tell(id, noVersionCheck, (state) => {
      if (state.phase === "analysisCompleted") return [];
      if (state.phase !== "suggestionsAppending") throw aggregateConflict();
      return [{ event: Type.EV_FSO_SPLIT_ROOT_ANALYSIS_COMPLETED }];
    });
  }

  abortAnalysis(id: Uint8Array, vid: Uint8Array, { statusCode, statusMessage }: Failure): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "analysisFailed") return [];
      if (state.phase !== "duCompleted" && state.phase !== "suggestionsAppending") throw aggregateConflict();
      return [{ event: Type.EV_FSO_SPLIT_ROOT_ANALYSIS_COMPLETED, statusCode, statusMessage }];
    });
  }

  /** Records the decision on a candidate, once. */
  appendDecision(id: Uint8Array, path: string, decision: FsoSplitRootDecision_Decision): Uint8Array {
    return this.#tell(id, noVersionCheck, (state) => {
      if (state.phase !== "analysisCompleted" && state.phase !== "decisionsAppending") throw aggregateConflict();
      if (!state.candidates.has(path)) throw new Error(`path \`${path}\` is not a candidate`);
      return [{ event: Type.EV_FSO_SPLIT_ROOT_DECISION_APPENDED, fsoSplitRootDecision: { path, decision } }];
    });
  }

  /** Needs a decision on every candidate. */
  commit(id: Uint8Array, vid: Uint8Array): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "completed") return [];
      if (state.phase !== "analysisCompleted" && state.phase !== "decisionsAppending") throw aggregateConflict();
      if (state.candidates.size > 0) throw new Error("undecided candidates");
      return [{ event: Type.EV_FSO_SPLIT_ROOT_COMPLETED }];
    });
  }

  /** Possible if du or the analysis failed, or if the analysis completed and nothing was decided. */
  abort(id: Uint8Array, vid: Uint8Array, { statusCode, statusMessage }: Failure): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "failed") return [];
      const { phase } = state;
      if (phase !== "duFailed" && phase !== "analysisFailed" && phase !== "analysisCompleted") {
        throw aggregateConflict();
      }
      return [{ event: Type.EV_FSO_SPLIT_ROOT_COMPLETED, statusCode, statusMessage }];
    });
  }

  end(id: Uint8Array, vid: Uint8Array): Uint8Array {
    return this.#tell(id, vid, (state) => {
      if (state.phase === "terminated") return [];
      if (state.phase !== "completed" && state.phase !== "failed") throw aggregateConflict();
      return [{ event: Type.EV_FSO_SPLIT_ROOT_COMMITTED }];
    });
  }

  #tell(
    id: Uint8Array,
    vid: Uint8Array,
    decide: (state: SplitRootState) => readonly EventInit<WorkflowEvent>[],
  ): Uint8Array {
    return this.#workflows.tell(id, vid, decide);
  }
}

function isSameStart(
  state: SplitRootState,
  registryId: Uint8Array,
  root: FsoRootInfo,
  params: SplitRootParams,
): boolean {
  return (
    equalIds(state.registryId, registryId) &&
    state.root?.globalRoot === root.globalRoot &&
    state.root.host === root.host &&
    state.root.hostRoot === root.hostRoot &&
    state.params?.maxDepth === params.maxDepth &&
    state.params.minDiskUsage === params.minDiskUsage &&
    state.params.maxDiskUsage === params.maxDiskUsage
  );
}
