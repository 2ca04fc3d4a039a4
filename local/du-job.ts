import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { DiskUsage, EphemeralRegistry } from "../functions/nog/gen/nogfso/registry_pb.ts";
import { WorkflowEvent_Type as Event } from "../functions/nog/gen/nogfso/workflows_pb.ts";
import { uuidBytes, uuidText } from "../functions/nog/index.ts";
import type { UpstreamConnection } from "../functions/upstream/connection.ts";

export interface Job {
  readonly workflowId: string;
  /** The workflow was begun by an earlier start. */
  readonly continued: boolean;
}

/** Begins a workflow for the root. */
export async function beginJob(nog: UpstreamConnection, registry: string, globalRoot: string): Promise<Job> {
  const workflowId = randomUUID();
  const workflow = uuidBytes(workflowId, "workflowId");
  await createClient(DiskUsage, nog.transport).beginDuRoot({ registry, globalRoot, workflow });
  return { workflowId, continued: false };
}

/** The root's workflow that is not completed, if there is one. */
export async function activeJob(nog: UpstreamConnection, registry: string, root: string): Promise<Job | undefined> {
  const active = new Set<string>();
  const client = createClient(EphemeralRegistry, nog.transport);
  for await (const { events } of client.registryWorkflowIndexEvents({ registry })) {
    for (const { event, workflowId, fsoRootInfo } of events) {
      if (event === Event.EV_FSO_DU_ROOT_STARTED && fsoRootInfo?.globalRoot === root)
        active.add(uuidText(workflowId, "id"));
      if (event === Event.EV_FSO_DU_ROOT_COMPLETED) active.delete(uuidText(workflowId, "id"));
    }
  }
  const workflowId = [...active].at(-1);
  return workflowId === undefined ? undefined : { workflowId, continued: true };
}

export interface JobProgress {
  /** Bytes by path; a later message of a path replaces an earlier one. */
  readonly usage: ReadonlyMap<string, bigint>;
  readonly state: "measuring" | "completed" | "committed";
  /** Not 0 if the root could not be measured; `message` then gives the reason. */
  readonly statusCode: number;
  readonly message: string;
}

/** Follows a workflow's events from the first one until it is committed or the signal aborts. */
export async function* followJob(
  nog: UpstreamConnection,
  registry: string,
  workflowId: string,
  signal: AbortSignal,
): AsyncGenerator<JobProgress> {
  const workflow = uuidBytes(workflowId, "workflowId");
  const usage = new Map<string, bigint>();
  let state: JobProgress["state"] = "measuring";
  let [statusCode, message] = [0, ""];
  // Breaking out of the loop does not end the call.
  const ending = new AbortController();
  const client = createClient(EphemeralRegistry, nog.transport);
  const stream = client.registryWorkflowEvents(
    { registry, workflow, watch: true },
    { signal: AbortSignal.any([signal, ending.signal]) },
  );
  try {
    for await (const { events } of stream) {
      for (const event of events) {
        if (event.pathDiskUsage) usage.set(event.pathDiskUsage.path, event.pathDiskUsage.usage);
        if (event.event === Event.EV_FSO_DU_ROOT_COMPLETED) {
          state = "completed";
          ({ statusCode, statusMessage: message } = event);
        }
        if (event.event === Event.EV_FSO_DU_ROOT_COMMITTED) state = "committed";
      }
      if (events.length > 0) yield { usage, state, statusCode, message };
      if (state === "committed") return;
    }
  } finally {
    ending.abort();
  }
}
