import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { FreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import { JobControl } from "../../functions/nog/gen/nogfso/job-control_pb.ts";
import { StatusCode } from "../../functions/nog/gen/nogfso/status_pb.ts";
import type { Access, Action } from "./access.ts";
import type { Snapshot } from "./aggregate.ts";
import { burnWorkflowId, checkVid } from "./begin-workflow.ts";
import type { Calls } from "./calls.ts";
import type { Domain } from "./domain.ts";
import { wrapping } from "./fault.ts";
import type { FreezeRepoState } from "./freeze-repo.ts";
import { indexHistory, registryHistory } from "./ids.ts";
import { reasonNotToFreeze } from "./registry-freeze.ts";
import { registryOf } from "./registry-lookup.ts";
import { checkedRegistryRepo } from "./repo-access.ts";
import { parseCommandWorkflowId } from "./request-field.ts";
import { parseVid } from "./vid.ts";
import { ofIndex, ofWorkflow } from "./workflow-fault.ts";
import { untilWorkflow } from "./workflow-wait.ts";

const ofFreeze = ofWorkflow("freeze-repo");

/**
 * Service `nogfso.FreezeRepo` as in nog 4450389 (backend/internal/nogfsoregd/registryd/freeze-repo.go): state conflicts
 * are FailedPrecondition, other errors of a workflow Unknown.
 */
export function freezeRepoService(
  domain: Domain,
  access: Access,
  calls: Calls,
): Partial<ServiceImpl<typeof FreezeRepo>> {
  const { freezes, indexes } = domain;

  function checkWorkflow(
    context: HandlerContext,
    action: Action,
    field: Uint8Array,
  ): { id: Uint8Array; workflow: Snapshot<FreezeRepoState> } {
    access.authenticate(context);
    const id = parseCommandWorkflowId(field);
    const { state, vid } = ofFreeze(() => freezes.find(id));
    access.authorize({ action, path: state.globalPath });
    return { id, workflow: { state, vid } };
  }

  /** The completed workflow's index event and final event. */
  function end(id: Uint8Array, registry: string, completed: Uint8Array) {
    const workflowIndexVid = ofIndex(() => indexes.commit(indexHistory(registry), "freeze-repo", id, completed));
    return { workflowIndexVid, workflowVid: ofFreeze(() => freezes.end(id, completed)) };
  }

  return {
    beginFreezeRepo(request, context) {
      const { registry, repo } = checkedRegistryRepo(domain, access, context, "fso/freeze-repo", request);
      const registryVid = checkVid(registry, request.registryVid);
      const found = wrapping("repos error: ", () => domain.repos.find(repo.id));
      const repoVid = checkVid(found, request.repoVid);
      const id = burnWorkflowId(domain, request.workflow);

      // An early check only: the workflow checks registry and repo itself.
      const reason = reasonNotToFreeze(registry.state, repo);
      if (reason !== undefined) throw new ConnectError(`registry: ${reason}`, Code.FailedPrecondition);
      if (found.state.errorMessage !== "") throw new ConnectError("repo has stored error", Code.FailedPrecondition);

      const { globalPath } = found.state.info;
      const { authorName, authorEmail } = request;
      const workflowVid = ofFreeze(() =>
        freezes.init(id, {
          registryId: registryHistory(request.registry),
          registryName: request.registry,
          repoId: repo.id,
          globalPath,
          authorName,
          authorEmail,
          registryVid,
          repoVid,
        }),
      );
      const index = indexHistory(request.registry);
      const workflowIndexVid = ofIndex(() => indexes.begin(index, "freeze-repo", id, workflowVid, { globalPath }));
      return { registryVid: registry.vid, repoVid: found.vid, workflowIndexVid, workflowVid };
    },

    beginFreezeRepoFiles(request, context) {
      const { id } = checkWorkflow(context, "fso/exec-freeze-repo", request.workflow);
      const vid = parseVid(request.workflowVid);
      return { workflowVid: ofFreeze(() => freezes.beginFiles(id, vid)) };
    },

    commitFreezeRepoFiles(request, context) {
      const { id } = checkWorkflow(context, "fso/exec-freeze-repo", request.workflow);
      const vid = parseVid(request.workflowVid);
      return { workflowVid: ofFreeze(() => freezes.commitFiles(id, vid)) };
    },

    abortFreezeRepoFiles(request, context) {
      const { id } = checkWorkflow(context, "fso/exec-freeze-repo", request.workflow);
      const vid = parseVid(request.workflowVid);
      return { workflowVid: ofFreeze(() => freezes.abortFiles(id, vid, request)) };
    },

    commitFreezeRepo(request, context) {
      const { id, workflow } = checkWorkflow(context, "fso/exec-freeze-repo", request.workflow);
      const { name } = registryOf(domain, workflow.state.registryId).state;
      const vid = parseVid(request.workflowVid);
      const completed = ofFreeze(() => freezes.commit(id, vid));
      return end(id, name, completed);
    },

    abortFreezeRepo(request, context) {
      const { id, workflow } = checkWorkflow(context, "fso/exec-freeze-repo", request.workflow);
      const { name } = registryOf(domain, workflow.state.registryId).state;
      const vid = parseVid(request.workflowVid);
      const completed = ofFreeze(() => freezes.abort(id, vid, request));
      return end(id, name, completed);
    },

    async getFreezeRepo(request, context) {
      const { id } = checkWorkflow(context, "fso/freeze-repo", request.workflow);
      const find = () => ofFreeze(() => freezes.find(id));
      if (request.jobControl === JobControl.JC_WAIT) {
        await untilWorkflow(domain, calls, context, id, () => isCompleted(find().state));
      }
      const { state, vid } = find();
      return { workflowVid: vid, registry: state.registryName, repoId: state.repoId, ...statusOf(state) };
    },
  };
}

function isCompleted({ phase }: FreezeRepoState): boolean {
  return phase === "completed" || phase === "failed" || phase === "terminated";
}

function statusOf(state: FreezeRepoState): { statusCode: number; statusMessage: string } {
  const { statusCode, statusMessage } = state;
  switch (state.phase) {
    case "uninitialized":
    case "initialized":
      return { statusCode: StatusCode.SC_RUNNING, statusMessage: "initializing" };
    case "files":
      return { statusCode: StatusCode.SC_RUNNING, statusMessage: "freezing files" };
    case "filesCompleted":
      return { statusCode: StatusCode.SC_RUNNING, statusMessage: "freezing files completed" };
    case "filesFailed":
      return { statusCode: StatusCode.SC_FAILED, statusMessage: "freezing files failed" };
    default:
      return { statusCode, statusMessage };
  }
}
