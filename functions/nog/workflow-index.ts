import { defineProcessor } from "../contract/activity.ts";
import { caughtUp } from "../contract/outcome.ts";
import type { Tail } from "../contract/tail.ts";
import { forEachBounded } from "./bounded.ts";
import { duRoot } from "./du-root.ts";
import { pingRegistry } from "./ping-registry.ts";
import type { RegistryWorkflowActivity } from "./registry-workflow.ts";
import { type RegistryWorkflowIndexActivity, registryWorkflowIndex } from "./registry-workflow-index.ts";
import type { RegistryWorkflowIndexEvent, WorkflowName } from "./workflow-index-events.ts";

/** The activity for each kind of workflow; the others are somebody else's. */
const children: Partial<Record<WorkflowName, RegistryWorkflowActivity>> = { duRoot, ping: pingRegistry };

const startsAtOnce = 16;

/**
 * Starts the activity of each workflow of a registry that is active at the end of what it read. A start that is
 * repeated changes nothing, so the tail moves when all of them have succeeded and not before.
 *
 * Source: nog 4450389, the index activities of nogfsoregd and nogfsostad (`workflowproc/index.go`). Those also start
 * again what they had started before an error; here a task exists once.
 */
export const workflowIndex: RegistryWorkflowIndexActivity = defineProcessor(registryWorkflowIndex, {
  name: "workflow-index",
  async processEvents(run, stream) {
    const active = new Map<string, RegistryWorkflowActivity>();
    let tail: Tail = run.tail;
    for await (const { id, event } of stream) {
      follow(active, event);
      tail = id;
    }
    const { registry } = run.address;
    await forEachBounded(active, startsAtOnce, ([workflowId, child]) => run.start(child, { registry, workflowId }));
    run.advance(tail);
    return caughtUp(tail);
  },
});

function follow(active: Map<string, RegistryWorkflowActivity>, event: RegistryWorkflowIndexEvent): void {
  switch (event.type) {
    case "duRootStarted":
      active.set(event.workflowId, duRoot);
      break;
    case "pingStarted":
      active.set(event.workflowId, pingRegistry);
      break;
    case "duRootCompleted":
    case "duRootDeleted":
    case "pingCompleted":
    case "pingDeleted":
      active.delete(event.workflowId);
      break;
    case "snapshotBegin":
      active.clear();
      break;
    case "snapshotState":
      for (const { workflow, workflowId, completedEventId } of event.workflows) {
        const child = children[workflow];
        if (child !== undefined && completedEventId === undefined) active.set(workflowId, child);
      }
      break;
    default:
      break;
  }
}
