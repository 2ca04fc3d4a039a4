import { create } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  type EphemeralRegistry,
  type Registry,
  RegistryEventsOSchema,
  RegistryWorkflowEventsOSchema,
  RegistryWorkflowIndexEventsOSchema,
} from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { type WorkflowEvent, WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import type { Access } from "./access.ts";
import { type StreamSettings, streamEvents } from "./event-stream.ts";
import { registryDoesNotOwn, unknownWorkflowType, unparsable } from "./fault.ts";
import { equalIds, indexHistory, registryHistory } from "./ids.ts";
import { checkRegistryName, parseAfter, parseWorkflowId } from "./request-field.ts";

/** The event stream of service `nogfso.Registry`. */
export function registryStreams(
  settings: StreamSettings,
  access: Access,
): Pick<ServiceImpl<typeof Registry>, "events"> {
  return {
    events(request, context) {
      const { registry } = request;
      checkRegistryName(registry);
      access.checkName(context, "fso/read-registry", registry);
      return streamEvents(settings, context, {
        log: settings.domain.logs.registry,
        history: registryHistory(registry),
        after: parseAfter(request.after),
        watch: request.watch,
        start: "loud",
        errorPrefix: "journal error: ",
        message: (events) => create(RegistryEventsOSchema, { registry, events }),
        willBlock: () => create(RegistryEventsOSchema, { registry, willBlock: true }),
      });
    },
  };
}

/** Service `nogfso.EphemeralRegistry`. */
export function ephemeralRegistryService(
  settings: StreamSettings,
  access: Access,
): Partial<ServiceImpl<typeof EphemeralRegistry>> {
  const log = settings.domain.logs.ephemeral;
  return {
    registryWorkflowIndexEvents(request, context) {
      const { registry } = request;
      checkRegistryName(registry);
      access.checkName(context, "fso/read-registry", registry);
      return streamEvents(settings, context, {
        log,
        history: indexHistory(registry),
        after: parseAfter(request.after),
        watch: request.watch,
        start: "loud",
        errorPrefix: "journal error: ",
        message: (events) => create(RegistryWorkflowIndexEventsOSchema, { registry, events }),
        willBlock: () => create(RegistryWorkflowIndexEventsOSchema, { registry, willBlock: true }),
      });
    },

    registryWorkflowEvents(request, context) {
      const { registry, workflow } = request;
      checkRegistryName(registry);
      access.checkName(context, "fso/read-registry", registry);
      return streamEvents(settings, context, {
        log,
        history: parseWorkflowId(workflow),
        after: parseAfter(request.after),
        watch: request.watch,
        start: { checkFirst: (event) => checkWorkflow(access, context, registry, event) },
        errorPrefix: "workflow journal error: ",
        message: (events) => create(RegistryWorkflowEventsOSchema, { registry, workflow, events }),
        willBlock: () => create(RegistryWorkflowEventsOSchema, { registry, workflow, willBlock: true }),
      });
    },
  };
}

/**
 * A workflow belongs to the registry of its first event, and reading its stream needs its own scope. An index is
 * refused too: its events name no registry.
 */
function checkWorkflow(access: Access, context: HandlerContext, registry: string, event: WorkflowEvent): void {
  if (!equalIds(event.registryId, registryHistory(registry))) throw registryDoesNotOwn();
  switch (event.event) {
    case WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED:
      return;
    case WorkflowEvent_Type.EV_FSO_DU_ROOT_STARTED:
    case WorkflowEvent_Type.EV_FSO_SPLIT_ROOT_STARTED:
      if (!event.fsoRootInfo) throw unparsable();
      access.checkPath(context, "fso/read-root", event.fsoRootInfo.globalRoot);
      return;
    case WorkflowEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2:
    case WorkflowEvent_Type.EV_FSO_UNFREEZE_REPO_STARTED_2:
    case WorkflowEvent_Type.EV_FSO_ARCHIVE_REPO_STARTED:
    case WorkflowEvent_Type.EV_FSO_UNARCHIVE_REPO_STARTED:
      if (!event.fsoRepoInitInfo) throw unparsable();
      access.checkPath(context, "fso/read-repo", event.fsoRepoInitInfo.globalPath);
      return;
    default:
      throw unknownWorkflowType();
  }
}
