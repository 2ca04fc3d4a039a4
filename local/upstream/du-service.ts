import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { JobControl } from "../../functions/nog/gen/nogfso/job-control_pb.ts";
import { type DiskUsage, type GetDuRootO, GetDuRootOSchema } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import type { Access } from "./access.ts";
import { burnWorkflowId, checkVid } from "./begin-workflow.ts";
import type { Calls } from "./calls.ts";
import type { Domain } from "./domain.ts";
import type { DuRootState } from "./du-root.ts";
import { malformedJobControl, partialResult, unknownRoot, wrapping } from "./fault.ts";
import { cleanPath } from "./global-path.ts";
import { Heartbeat } from "./heartbeat.ts";
import { indexHistory, registryHistory, zeroId } from "./ids.ts";
import { registryNamed, registryOf } from "./registry-lookup.ts";
import { checkRegistryName, parseCommandWorkflowId } from "./request-field.ts";
import { parseVid } from "./vid.ts";
import { ofIndex } from "./workflow-fault.ts";

/**
 * Service `nogfso.DiskUsage` as in nog 4450389 (backend/internal/nogfsoregd/registryd/du-root.go): its state and
 * version conflicts are Unknown, with a bare text. One difference: `GetDuRoot` implements JC_WAIT.
 */
export function diskUsageService(domain: Domain, access: Access, calls: Calls): Partial<ServiceImpl<typeof DiskUsage>> {
  const { duRoots, indexes } = domain;

  return {
    beginDuRoot(request, context) {
      checkRegistryName(request.registry);
      const rootPath = cleanPath(request.globalRoot);
      access.authenticate(context);
      access.authorize(
        { action: "fso/read-registry", name: request.registry },
        { action: "fso/read-root", path: rootPath },
      );
      const registry = registryNamed(domain, request.registry);
      checkVid(registry, request.vid);
      const root = registry.state.roots.get(rootPath);
      if (!root) throw unknownRoot();
      const id = burnWorkflowId(domain, request.workflow);
      const workflowVid = wrapping("workflow error: ", () => duRoots.init(id, registryHistory(request.registry), root));
      const index = indexHistory(request.registry);
      const workflowIndexVid = ofIndex(() => indexes.begin(index, "du-root", id, workflowVid, { root }));
      return { registryVid: registry.vid, workflowIndexVid, workflowVid };
    },

    appendDuRoot(request, context) {
      const id = parseCommandWorkflowId(request.workflow);
      access.checkPath(context, "fso/exec-du", rootPathOf(find(domain, id)));
      let vid = parseVid(request.workflowVid);
      for (const { path, usage } of request.paths) {
        vid = wrapping("", () => duRoots.append(id, vid, path, usage));
      }
      return { workflowVid: vid };
    },

    commitDuRoot(request, context) {
      const id = parseCommandWorkflowId(request.workflow);
      const state = find(domain, id);
      access.checkPath(context, "fso/exec-du", rootPathOf(state));
      const { name } = registryOf(domain, state.registryId).state;
      const vid = parseVid(request.workflowVid);
      return wrapping("", () => {
        const completed = duRoots.complete(id, vid, request.statusCode, request.statusMessage);
        const workflowIndexVid = indexes.commit(indexHistory(name), "du-root", id, completed);
        return { workflowIndexVid, workflowVid: duRoots.end(id, completed) };
      });
    },

    getDuRoot(request, context) {
      const id = parseCommandWorkflowId(request.workflow);
      const state = find(domain, id);
      const { name } = registryOf(domain, state.registryId).state;
      access.authenticate(context);
      access.authorize({ action: "fso/read-registry", name }, { action: "fso/read-root", path: rootPathOf(state) });
      switch (request.jobControl) {
        case JobControl.JC_WAIT:
          return diskUsage(domain, calls, context, id, true);
        case JobControl.JC_BACKGROUND:
          return diskUsage(domain, calls, context, id, false);
        default:
          throw malformedJobControl();
      }
    },
  };
}

/**
 * One message per path, then one without paths. If the workflow is incomplete, waits, or throws Unknown "partial
 * result".
 */
async function* diskUsage(
  domain: Domain,
  calls: Calls,
  context: HandlerContext,
  id: Uint8Array,
  wait: boolean,
): AsyncGenerator<GetDuRootO> {
  const call = calls.begin(context);
  try {
    const news = new Heartbeat(domain.clock, call);
    if (wait) call.onEnd(domain.journal.onCommit(id, news.notify));
    let after = zeroId;
    for (;;) {
      call.check();
      for (const event of domain.logs.ephemeral.read(id, after)) {
        after = event.id;
        if (event.event === WorkflowEvent_Type.EV_FSO_DU_UPDATED && event.pathDiskUsage) {
          yield create(GetDuRootOSchema, { workflowVid: event.id, paths: [event.pathDiskUsage] });
          call.check();
        }
        if (event.event === WorkflowEvent_Type.EV_FSO_DU_ROOT_COMPLETED) {
          if (event.statusCode !== 0) throw new ConnectError(event.statusMessage, Code.Unknown);
          yield create(GetDuRootOSchema, { workflowVid: event.id });
          return;
        }
      }
      if (!wait) throw partialResult();
      await news.wait();
    }
  } finally {
    call.end();
  }
}

function find(domain: Domain, id: Uint8Array): DuRootState {
  return wrapping("", () => domain.duRoots.find(id));
}

function rootPathOf(state: DuRootState): string {
  return state.root?.globalRoot ?? "";
}
