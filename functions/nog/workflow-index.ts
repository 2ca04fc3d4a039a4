import { defineProcessor } from "../contract/activity.ts";
import { caughtUp } from "../contract/outcome.ts";
import type { Tail } from "../contract/tail.ts";
import { forEachBounded } from "./bounded.ts";
import { duRoot } from "./du-root.ts";
import { freezeRepo } from "./freeze-repo.ts";
import { pingRegistry } from "./ping-registry.ts";
import type { RegistryWorkflowActivity } from "./registry-workflow.ts";
import { type RegistryWorkflowIndexActivity, registryWorkflowIndex } from "./registry-workflow-index.ts";
import { splitRoot } from "./split-root.ts";
import type { RegistryWorkflowIndexEvent, WorkflowName } from "./workflow-index-events.ts";

/** The activities for each kind of workflow. Each gets a task of its own. Workflows of other kinds are ignored. */
export type WorkflowActivities = { readonly [W in WorkflowName]?: readonly RegistryWorkflowActivity[] };

const startsAtOnce = 16;

/**
 * Defines the activity that starts the activities of each workflow of a registry that is active at the head of the
 * index. A repeated start changes nothing, so the tail moves only after all starts have succeeded.
 *
 * Source: nog 4450389, the index activities of nogfsoregd and nogfsostad (`workflowproc/index.go`). After an error,
 * those start the same activities again; here a task exists once.
 */
export function workflowIndexOf(activities: WorkflowActivities): RegistryWorkflowIndexActivity {
  return defineProcessor(registryWorkflowIndex, {
    name: "workflow-index",
    async processEvents(run, stream) {
      const active = new Map<string, WorkflowName>();
      let tail: Tail = run.tail;
      for await (const { id, event } of stream) {
        follow(active, event);
        tail = id;
      }
      const { registry } = run.address;
      const starts = [...active].flatMap(([workflowId, workflow]) =>
        (activities[workflow] ?? []).map((child) => ({ child, workflowId })),
      );
      await forEachBounded(starts, startsAtOnce, ({ child, workflowId }) => run.start(child, { registry, workflowId }));
      run.advance(tail);
      return caughtUp(tail);
    },
  });
}

/** Has all activities that run without access to the files: not `freezeRepoFiles`. */
export const workflowIndex: RegistryWorkflowIndexActivity = workflowIndexOf({
  duRoot: [duRoot],
  ping: [pingRegistry],
  splitRoot: [splitRoot],
  freezeRepo: [freezeRepo],
});

function follow(active: Map<string, WorkflowName>, event: RegistryWorkflowIndexEvent): void {
  switch (event.type) {
    case "duRootStarted":
    case "pingStarted":
    case "splitRootStarted":
    case "freezeRepoStarted":
    case "unfreezeRepoStarted":
    case "archiveRepoStarted":
    case "unarchiveRepoStarted":
      active.set(event.workflowId, startedWorkflow(event.type));
      break;
    case "duRootCompleted":
    case "duRootDeleted":
    case "pingCompleted":
    case "pingDeleted":
    case "splitRootCompleted":
    case "splitRootDeleted":
    case "freezeRepoCompleted":
    case "freezeRepoDeleted":
    case "unfreezeRepoCompleted":
    case "unfreezeRepoDeleted":
    case "archiveRepoCompleted":
    case "archiveRepoDeleted":
    case "unarchiveRepoCompleted":
    case "unarchiveRepoDeleted":
      active.delete(event.workflowId);
      break;
    case "snapshotBegin":
      active.clear();
      break;
    case "snapshotState":
      for (const { workflow, workflowId, completedEventId } of event.workflows) {
        if (completedEventId === undefined) active.set(workflowId, workflow);
      }
      break;
    default:
      break;
  }
}

function startedWorkflow(type: `${WorkflowName}Started`): WorkflowName {
  return type.slice(0, -"Started".length) as WorkflowName;
}
