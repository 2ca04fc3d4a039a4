import {
  type FsoRootInfo,
  type FsoSplitRootDecision,
  type FsoSplitRootSuggestion,
  FsoSplitRootSuggestion_Suggestion,
  type PathDiskUsage,
} from "../../functions/nog/gen/nogfso/root-info_pb.ts";
import { WorkflowEvent_Type as Type, type WorkflowEvent } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { zeroId } from "./ids.ts";
import type { SplitRootParams } from "./split-root-config.ts";

type Phase =
  | "uninitialized"
  | "initialized"
  | "duAppending"
  | "duCompleted"
  | "duFailed"
  | "suggestionsAppending"
  | "analysisCompleted"
  | "analysisFailed"
  | "decisionsAppending"
  | "completed"
  | "failed"
  | "terminated";

export interface SplitRootState {
  phase: Phase;
  registryId: Uint8Array;
  root: FsoRootInfo | undefined;
  params: SplitRootParams | undefined;
  readonly du: PathDiskUsage[];
  readonly suggestions: FsoSplitRootSuggestion[];
  readonly decisions: FsoSplitRootDecision[];
  /** Suggested repos that are not decided yet; paths relative to the root. */
  readonly candidates: Set<string>;
  /** The status of the completion. */
  statusCode: number;
  statusMessage: string;
}

/** Folds the events of a workflow into its state. */
export const splitRootBehavior = {
  initial: (): SplitRootState => ({
    phase: "uninitialized",
    registryId: zeroId,
    root: undefined,
    params: undefined,
    du: [],
    suggestions: [],
    decisions: [],
    candidates: new Set(),
    statusCode: 0,
    statusMessage: "",
  }),
  advance(state: SplitRootState, event: WorkflowEvent): boolean {
    const { statusCode, pathDiskUsage, fsoSplitRootSuggestion, fsoSplitRootDecision } = event;
    switch (event.event) {
      case Type.EV_FSO_SPLIT_ROOT_STARTED:
        state.phase = "initialized";
        state.registryId = event.registryId;
        state.root = event.fsoRootInfo;
        state.params = event.fsoSplitRootParams;
        return true;
      case Type.EV_FSO_SPLIT_ROOT_DU_APPENDED:
        state.phase = "duAppending";
        if (pathDiskUsage) state.du.push(pathDiskUsage);
        return true;
      case Type.EV_FSO_SPLIT_ROOT_DU_COMPLETED:
        state.phase = statusCode === 0 ? "duCompleted" : "duFailed";
        return true;
      case Type.EV_FSO_SPLIT_ROOT_SUGGESTION_APPENDED:
        state.phase = "suggestionsAppending";
        if (fsoSplitRootSuggestion) addSuggestion(state, fsoSplitRootSuggestion);
        return true;
      case Type.EV_FSO_SPLIT_ROOT_ANALYSIS_COMPLETED:
        state.phase = statusCode === 0 ? "analysisCompleted" : "analysisFailed";
        return true;
      case Type.EV_FSO_SPLIT_ROOT_DECISION_APPENDED:
        state.phase = "decisionsAppending";
        if (fsoSplitRootDecision) {
          state.decisions.push(fsoSplitRootDecision);
          state.candidates.delete(fsoSplitRootDecision.path);
        }
        return true;
      case Type.EV_FSO_SPLIT_ROOT_COMPLETED:
        state.phase = statusCode === 0 ? "completed" : "failed";
        state.statusCode = statusCode;
        state.statusMessage = event.statusMessage;
        return true;
      case Type.EV_FSO_SPLIT_ROOT_COMMITTED:
        state.phase = "terminated";
        return true;
      default:
        return false;
    }
  },
};

function addSuggestion(state: SplitRootState, suggestion: FsoSplitRootSuggestion): void {
  state.suggestions.push(suggestion);
  if (suggestion.suggestion === FsoSplitRootSuggestion_Suggestion.S_REPO_CANDIDATE) {
    state.candidates.add(suggestion.path);
  }
}
