import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { JobControl } from "../../functions/nog/gen/nogfso/job-control_pb.ts";
import { GetRegistryPingsO_StatusCode, type PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import type { Access, Action } from "./access.ts";
import { burnWorkflowId, checkVid } from "./begin-workflow.ts";
import type { Calls } from "./calls.ts";
import type { Domain } from "./domain.ts";
import { equalIds, indexHistory, registryHistory } from "./ids.ts";
import type { PingRegistryState, PingStatus } from "./ping-registry.ts";
import { registryNamed, registryOf } from "./registry-lookup.ts";
import { checkRegistryName, parseCommandWorkflowId } from "./request-field.ts";
import { noVersionCheck, parseVid, retryNoVersionCheck } from "./vid.ts";
import { ofIndex, ofWorkflow } from "./workflow-fault.ts";
import { untilWorkflow } from "./workflow-wait.ts";

const ofPing = ofWorkflow("ping-registry");

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
    field: Uint8Array,
  ): { id: Uint8Array; registry: string } {
    const id = parseCommandWorkflowId(field);
    const { state } = ofPing(() => pings.find(id));
    const { name } = registryOf(domain, state.registryId).state;
    access.checkName(context, action, name);
    return { id, registry: name };
  }

  return {
    beginPingRegistry(request, context) {
      checkRegistryName(request.registry);
      access.checkName(context, "fso/admin-registry", request.registry);
      const registry = registryNamed(domain, request.registry);
      checkVid(registry, request.vid);
      const id = burnWorkflowId(domain, request.workflow);
      const workflowVid = ofPing(() => pings.init(id, registryHistory(request.registry)));
      const index = indexHistory(request.registry);
      const workflowIndexVid = ofIndex(() => indexes.begin(index, "ping-registry", id, workflowVid));
      return { registryVid: registry.vid, workflowIndexVid, workflowVid };
    },

    serverPing(request, context) {
      const { id } = checkWorkflow(context, "fso/exec-ping-registry", request.workflow);
      // Servers ping at the same time: without a version, nog retries a call that conflicts.
      const asked = parseVid(request.workflowVid);
      const vid = equalIds(asked, noVersionCheck) ? retryNoVersionCheck : asked;
      return { workflowVid: ofPing(() => pings.appendPing(id, vid, request.statusCode, request.statusMessage)) };
    },

    postServerPingSummary(request, context) {
      const { id } = checkWorkflow(context, "fso/exec-ping-registry", request.workflow);
      const vid = parseVid(request.workflowVid);
      return { workflowVid: ofPing(() => pings.postSummary(id, vid, request.statusCode, request.statusMessage)) };
    },

    commitPingRegistry(request, context) {
      const { id, registry } = checkWorkflow(context, "fso/admin-registry", request.workflow);
      const vid = parseVid(request.workflowVid);
      const completed = ofPing(() => pings.commit(id, vid));
      const index = indexHistory(registry);
      const workflowIndexVid = ofIndex(() => indexes.commit(index, "ping-registry", id, completed));
      return { workflowIndexVid, workflowVid: ofPing(() => pings.end(id, completed)) };
    },

    async getRegistryPings(request, context) {
      const { id } = checkWorkflow(context, "fso/admin-registry", request.workflow);
      if (request.jobControl === JobControl.JC_WAIT) {
        // Wait for a summary, or for an abort without one.
        await untilWorkflow(domain, calls, context, id, () => !isOpen(ofPing(() => pings.find(id)).state));
      }
      const { state, vid } = ofPing(() => pings.find(id));
      return { workflowVid: vid, summary: summaryOf(state), serverPings: [...state.pings] };
    },
  };
}

function isOpen(state: PingRegistryState): boolean {
  return state.phase === "initialized" || state.phase === "appending";
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
