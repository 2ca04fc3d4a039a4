import { describeError, isTailwakeError } from "../contract/error.ts";
import type { Ports } from "../engines/ports.ts";
import { stillMoving } from "../tasks/compare-and-swap.ts";
import { parseTaskName, type TaskKey, taskName } from "../tasks/record.ts";
import { markWaiter, notified } from "../tasks/transitions.ts";
import type { TaskWake } from "../wake/wake.ts";
import { sendOrLeaveToScan } from "./start.ts";
import { tell } from "./tell.ts";

/**
 * Notifies the waiters of a completed task: makes a sleeping one ready and wakes it, and records the wake for a running
 * one; any other runs anyway. The completed record keeps its due time until all are notified, so that a tick repairs a
 * kill in between. A waiter whose record cannot be read stays in the record, and a tick tries again.
 */
export async function notifyWaiters(
  ports: Pick<Ports, "store" | "clock" | "alarms" | "log">,
  child: TaskKey,
  waiters: readonly string[],
): Promise<void> {
  if (waiters.length === 0) return;
  const wakes: TaskWake[] = [];
  const untold: string[] = [];
  for (const name of waiters) {
    const key = parseTaskName(name);
    try {
      const told = key && (await tell(ports, key, "child", () => markWaiter(ports.clock.now())));
      if (key && told === "ready") wakes.push({ class: "child", key });
      if (told === stillMoving) ports.log.warn("waiter not told, left to its next probe", { task: name });
    } catch (error) {
      if (!isTailwakeError(error, "malformed-record")) throw error;
      untold.push(name);
      ports.log.error("waiter not told", { task: name, child: taskName(child), err: describeError(error) });
    }
  }
  await sendOrLeaveToScan(ports, wakes);
  await ports.store.update(child, notified(waiters, untold));
}
