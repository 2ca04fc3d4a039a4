import { type WorkflowEvent, WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import type { EventInit } from "./event-log.ts";
import type { IndexEntry, IndexedWorkflow } from "./workflow-index.ts";

/**
 * A snapshot: BEGIN, one STATE per kind that has workflows, END. Within a kind, entries are sorted by the bytes of the
 * started event id; an active workflow has no completed id (nog 4450389,
 * backend/internal/workflows/wfindexes/snapshot.go).
 */
export function snapshotEvents(entries: readonly IndexEntry[]): EventInit<WorkflowEvent>[] {
  const sorted = [...entries].sort((a, b) => Buffer.compare(a.startedEventId, b.startedEventId));
  const of = (kind: IndexedWorkflow) => sorted.filter((entry) => entry.kind === kind);
  const duRoot = of("du-root").map((entry) => ({ ...ids(entry), ...root(entry) }));
  const pingRegistry = of("ping-registry").map(ids);
  const splitRoot = of("split-root").map((entry) => ({ ...ids(entry), ...root(entry) }));
  const freezeRepo = of("freeze-repo").map((entry) => ({ ...ids(entry), globalPath: entry.globalPath ?? "" }));
  const event = WorkflowEvent_Type.EV_WORKFLOW_INDEX_SNAPSHOT_STATE;
  return [
    { event: WorkflowEvent_Type.EV_SNAPSHOT_BEGIN },
    ...(duRoot.length > 0 ? [{ event, workflowIndexState: { duRoot } }] : []),
    ...(pingRegistry.length > 0 ? [{ event, workflowIndexState: { pingRegistry } }] : []),
    ...(splitRoot.length > 0 ? [{ event, workflowIndexState: { splitRoot } }] : []),
    ...(freezeRepo.length > 0 ? [{ event, workflowIndexState: { freezeRepo } }] : []),
    { event: WorkflowEvent_Type.EV_SNAPSHOT_END },
  ];
}

function ids(entry: IndexEntry) {
  return {
    workflowId: entry.workflowId,
    startedWorkflowEventId: entry.startedEventId,
    ...(entry.completedEventId && { completedWorkflowEventId: entry.completedEventId }),
  };
}

function root(entry: IndexEntry) {
  if (!entry.root) return {};
  const { globalRoot, host, hostRoot } = entry.root;
  return { globalRoot, host, hostRoot };
}
