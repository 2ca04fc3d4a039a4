import { Code, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { JobControl } from "../../functions/nog/gen/nogfso/job-control_pb.ts";
import { GetRegistryPingsO_StatusCode, type PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import type { Access, Action } from "./access.ts";
import { burnWorkflowId, checkRegistryVid } from "./begin-workflow.ts";
import type { Calls } from "./calls.ts";
import type { Domain } from "./domain.ts";
import { malformedWorkflowId, StateConflictError, wrapping } from "./fault.ts";
import { Heartbeat } from "./heartbeat.ts";
import { equalIds, indexHistory, registryHistory } from "./ids.ts";
import { JournalCommitError, JournalReadError, VersionConflictError } from "./journal-error.ts";
import type { PingRegistryState, PingStatus } from "./ping-registry.ts";
import { registryNamed, registryOf } from "./registry-lookup.ts";
import { checkRegistryName } from "./request-field.ts";
import { noVersionCheck, parseVid, retryNoVersionCheck } from "./vid.ts";

/**
 * Service `nogfso.PingRegistry` as in nog 4450389 (backend/internal/nogfsoregd/registryd/ping-registry.go): state
 * conflicts are FailedPrecondition, other errors of a workflow Unknown.
 */
export function pingRegistryService(
  domain: Domain,
  access: Access,
  calls: Calls,
): Partial<ServiceImpl<typeof PingRegistry>> {
  const { pings, indexes } = domain;

  /** Returns the workflow's id and the name of its registry. */
  function checkWorkflow(
    context: HandlerContext,
    action: Action,
    id: Uint8Array,
  ): { id: Uint8Array; registry: string } {
    if (id.length !== 16) throw malformedWorkflowId();
    const { state } = ofWorkflow(() => pings.find(id));
    const { name } = registryOf(domain, state.registryId).state;
    access.checkName(context, action, name);
    return { id, registry: name };
  }

  return {
    beginPingRegistry(request, context) {
      checkRegistryName(request.registry);
      access.checkName(context, "fso/admin-registry", request.registry);
      const registry = registryNamed(domain, request.registry);
      checkRegistryVid(registry, request.vid);
      const id = burnWorkflowId(domain, request.workflow);
      const workflowVid = ofWorkflow(() => pings.init(id, registryHistory(request.registry)));
      const index = indexHistory(request.registry);
      const workflowIndexVid = ofIndex(() => indexes.begin(index, "ping-registry", id, workflowVid));
      return { registryVid: registry.vid, workflowIndexVid, workflowVid };
    },

    serverPing(request, context) {
      const { id } = checkWorkflow(context, "fso/exec-ping-registry", request.workflow);
      // Servers ping at the same time: without a version the original repeats a call that collides.
      const asked = parseVid(request.workflowVid);
      const vid = equalIds(asked, noVersionCheck) ? retryNoVersionCheck : asked;
      return { workflowVid: ofWorkflow(() => pings.appendPing(id, vid, request.statusCode, request.statusMessage)) };
    },

    postServerPingSummary(request, context) {
      const { id } = checkWorkflow(context, "fso/exec-ping-registry", request.workflow);
      const vid = parseVid(request.workflowVid);
      return { workflowVid: ofWorkflow(() => pings.postSummary(id, vid, request.statusCode, request.statusMessage)) };
    },

    commitPingRegistry(request, context) {
      const { id, registry } = checkWorkflow(context, "fso/admin-registry", request.workflow);
      const vid = parseVid(request.workflowVid);
      const completed = ofWorkflow(() => pings.commit(id, vid));
      const index = indexHistory(registry);
      const workflowIndexVid = ofIndex(() => indexes.commit(index, "ping-registry", id, completed));
      return { workflowIndexVid, workflowVid: ofWorkflow(() => pings.end(id, completed)) };
    },

    async getRegistryPings(request, context) {
      const { id } = checkWorkflow(context, "fso/admin-registry", request.workflow);
      if (request.jobControl === JobControl.JC_WAIT) await summarized(domain, calls, context, id);
      const { state, vid } = ofWorkflow(() => pings.find(id));
      return { workflowVid: vid, summary: summaryOf(state), serverPings: [...state.pings] };
    },
  };
}

/** Waits until the workflow has a summary, or was aborted without. */
async function summarized(domain: Domain, calls: Calls, context: HandlerContext, id: Uint8Array): Promise<void> {
  const call = calls.begin(context);
  try {
    const news = new Heartbeat(domain.clock, call);
    call.onEnd(domain.journal.onCommit(id, news.notify));
    for (;;) {
      call.check();
      const { phase } = ofWorkflow(() => domain.pings.find(id)).state;
      if (phase !== "initialized" && phase !== "appending") return;
      await news.wait();
    }
  } finally {
    call.end();
  }
}

function summaryOf(state: PingRegistryState): Partial<PingStatus> {
  switch (state.phase) {
    case "uninitialized":
    case "initialized":
    case "appending":
      return { statusCode: GetRegistryPingsO_StatusCode.SC_ACTIVE, statusMessage: state.phase };
    case "summarized":
      return { ...state.summary, statusCode: GetRegistryPingsO_StatusCode.SC_SUMMARIZED };
    default:
      return { ...state.summary };
  }
}

function ofIndex<T>(action: () => T): T {
  return wrapping("workflow index error: ", action);
}

function ofWorkflow<T>(action: () => T): T {
  const code = (error: unknown) => (error instanceof StateConflictError ? Code.FailedPrecondition : Code.Unknown);
  return wrapping("ping-registry workflow: ", () => wrappingJournal(action), code);
}

/** The original names the journal in what comes from it. */
function wrappingJournal<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (
      error instanceof VersionConflictError ||
      error instanceof JournalReadError ||
      error instanceof JournalCommitError
    ) {
      throw new Error(`event journal: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
