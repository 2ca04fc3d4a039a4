import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { JobControl } from "../../functions/nog/gen/nogfso/job-control_pb.ts";
import {
  type SplitRoot,
  GetSplitRootO_StatusCode as StatusCode,
} from "../../functions/nog/gen/nogfso/split-root_pb.ts";
import type { Access, Action } from "./access.ts";
import type { Snapshot } from "./aggregate.ts";
import { burnWorkflowId, checkVid } from "./begin-workflow.ts";
import type { Calls } from "./calls.ts";
import type { Domain } from "./domain.ts";
import { splitRootDisabled, unknownRoot } from "./fault.ts";
import { cleanPath } from "./global-path.ts";
import { indexHistory, registryHistory } from "./ids.ts";
import { registryNamed, registryOf } from "./registry-lookup.ts";
import { checkRegistryName, parseCommandWorkflowId } from "./request-field.ts";
import { ofSplitRoot } from "./split-root.ts";
import { splitRootConfigMethods } from "./split-root-config-service.ts";
import { appendDecisions } from "./split-root-decisions.ts";
import type { SplitRootState } from "./split-root-state.ts";
import { parseVid } from "./vid.ts";
import { ofIndex } from "./workflow-fault.ts";
import { untilWorkflow } from "./workflow-wait.ts";

/**
 * Service `nogfso.SplitRoot` as in nog 4450389 (backend/internal/nogfsoregd/registryd/split-root.go): state conflicts are
 * FailedPrecondition, limits ResourceExhausted, other errors of a workflow Unknown.
 */
export function splitRootService(domain: Domain, access: Access, calls: Calls): Partial<ServiceImpl<typeof SplitRoot>> {
  const { splitRoots, indexes } = domain;

  /** One of the actions, on the root's path, is enough. */
  function checkWorkflow(
    context: HandlerContext,
    actions: readonly [Action, ...Action[]],
    field: Uint8Array,
  ): { id: Uint8Array; workflow: Snapshot<SplitRootState> } {
    access.authenticate(context);
    const id = parseCommandWorkflowId(field);
    const { state, vid } = ofSplitRoot(() => splitRoots.find(id));
    access.authorizeAny(...actions.map((action) => ({ action, path: rootPathOf(state) })));
    return { id, workflow: { state, vid } };
  }

  /** The completed workflow's index event and final event. */
  function end(id: Uint8Array, registry: string, completed: Uint8Array) {
    const workflowIndexVid = ofIndex(() => indexes.commit(indexHistory(registry), "split-root", id, completed));
    return { workflowIndexVid, workflowVid: ofSplitRoot(() => splitRoots.end(id, completed)) };
  }

  return {
    ...splitRootConfigMethods(domain, access),

    beginSplitRoot(request, context) {
      const globalRoot = cleanPath(request.globalRoot);
      access.checkPath(context, "fso/admin-root", globalRoot);
      checkRegistryName(request.registry);
      const registry = registryNamed(domain, request.registry);
      checkVid(registry, request.registryVid);
      const root = registry.state.roots.get(globalRoot);
      if (!root) throw unknownRoot();
      const params = registry.state.splitRootConfigs.get(globalRoot);
      if (!params) throw splitRootDisabled();
      const id = burnWorkflowId(domain, request.workflow);
      const workflowVid = ofSplitRoot(() => splitRoots.init(id, registryHistory(request.registry), root, params));
      const index = indexHistory(request.registry);
      const workflowIndexVid = ofIndex(() => indexes.begin(index, "split-root", id, workflowVid, { root }));
      return { registryVid: registry.vid, workflowIndexVid, workflowVid };
    },

    appendSplitRootDu(request, context) {
      const { id } = checkWorkflow(context, ["fso/exec-du"], request.workflow);
      parseVid(request.workflowVid);
      return { workflowVid: ofSplitRoot(() => splitRoots.appendDu(id, request.paths)) };
    },

    commitSplitRootDu(request, context) {
      const { id } = checkWorkflow(context, ["fso/exec-du"], request.workflow);
      parseVid(request.workflowVid);
      return { workflowVid: ofSplitRoot(() => splitRoots.commitDu(id)) };
    },

    abortSplitRootDu(request, context) {
      const { id } = checkWorkflow(context, ["fso/exec-du"], request.workflow);
      const vid = parseVid(request.workflowVid);
      return { workflowVid: ofSplitRoot(() => splitRoots.abortDu(id, vid, request)) };
    },

    appendSplitRootSuggestions(request, context) {
      const { id } = checkWorkflow(context, ["fso/exec-split-root"], request.workflow);
      parseVid(request.workflowVid);
      return { workflowVid: ofSplitRoot(() => splitRoots.appendSuggestions(id, request.paths)) };
    },

    commitSplitRootAnalysis(request, context) {
      const { id } = checkWorkflow(context, ["fso/exec-split-root"], request.workflow);
      parseVid(request.workflowVid);
      return { workflowVid: ofSplitRoot(() => splitRoots.commitAnalysis(id)) };
    },

    abortSplitRootAnalysis(request, context) {
      const { id } = checkWorkflow(context, ["fso/exec-split-root"], request.workflow);
      const vid = parseVid(request.workflowVid);
      return { workflowVid: ofSplitRoot(() => splitRoots.abortAnalysis(id, vid, request)) };
    },

    appendSplitRootDecisions(request, context) {
      const { id, workflow } = checkWorkflow(context, ["fso/admin-root"], request.workflow);
      return appendDecisions(domain, access, id, workflow, request);
    },

    commitSplitRoot(request, context) {
      const { id, workflow } = checkWorkflow(context, ["fso/admin-root"], request.workflow);
      const { name } = registryOf(domain, workflow.state.registryId).state;
      const vid = parseVid(request.workflowVid);
      const completed = ofSplitRoot(() => splitRoots.commit(id, vid));
      return end(id, name, completed);
    },

    abortSplitRoot(request, context) {
      const { id, workflow } = checkWorkflow(context, ["fso/exec-split-root", "fso/admin-root"], request.workflow);
      const { name } = registryOf(domain, workflow.state.registryId).state;
      const vid = parseVid(request.workflowVid);
      const completed = ofSplitRoot(() => splitRoots.abort(id, vid, request));
      return end(id, name, completed);
    },

    async getSplitRoot(request, context) {
      const { id } = checkWorkflow(context, ["fso/admin-root"], request.workflow);
      const find = () => ofSplitRoot(() => splitRoots.find(id));
      if (request.jobControl === JobControl.JC_WAIT) {
        await untilWorkflow(domain, calls, context, id, () => !isAnalysing(find().state));
      }
      const { state, vid } = find();
      return {
        workflowVid: vid,
        globalRoot: rootPathOf(state),
        ...statusOf(state),
        du: [...state.du],
        suggestions: [...state.suggestions],
        decisions: [...state.decisions],
      };
    },
  };
}

function rootPathOf(state: SplitRootState): string {
  return state.root?.globalRoot ?? "";
}

/** True until the analysis has ended or du has failed. */
function isAnalysing({ phase }: SplitRootState): boolean {
  return (
    phase === "initialized" || phase === "duAppending" || phase === "duCompleted" || phase === "suggestionsAppending"
  );
}

function statusOf(state: SplitRootState): { statusCode: number; statusMessage: string } {
  const { statusMessage } = state;
  switch (state.phase) {
    case "uninitialized":
    case "initialized":
    case "duAppending":
      return { statusCode: StatusCode.SC_RUNNING, statusMessage: "du running" };
    case "duCompleted":
    case "suggestionsAppending":
      return { statusCode: StatusCode.SC_RUNNING, statusMessage: "analysis running" };
    case "analysisCompleted":
    case "decisionsAppending":
      return { statusCode: StatusCode.SC_ANALYSIS_COMPLETED, statusMessage: "analysis completed" };
    case "duFailed":
      return { statusCode: StatusCode.SC_FAILED, statusMessage: "du failed" };
    case "analysisFailed":
      return { statusCode: StatusCode.SC_FAILED, statusMessage: "analysis failed" };
    case "completed":
      return { statusCode: StatusCode.SC_COMPLETED, statusMessage };
    case "failed":
      return { statusCode: StatusCode.SC_FAILED, statusMessage };
    case "terminated":
      return { statusCode: state.statusCode, statusMessage };
  }
}
