import { describeError, isTailwakeError } from "../contract/error.ts";
import type { Ports } from "../engines/ports.ts";
import { parseTaskName, type TaskKey, taskName } from "../tasks/record.ts";
import { markWaiter, notified, recordWake } from "../tasks/transitions.ts";
import type { TaskWake } from "../wake/wake.ts";
import { sendOrLeaveToScan } from "./start.ts";

const maxTriesPerWaiter = 3;

/**
 * Tells the waiters of a completed task: a sleeping one becomes ready and is woken, a running one goes on, and any
 * other runs anyway. The completed record keeps its due time until all are told, so a kill in between is repaired. A
 * waiter that cannot be told stays a waiter; the ticks come back to it.
 */
export async function notifyWaiters(ports: Ports, child: TaskKey, waiters: readonly string[]): Promise<void> {
  if (waiters.length === 0) return;
  const wakes: TaskWake[] = [];
  const untold: string[] = [];
  for (const name of waiters) {
    const key = parseTaskName(name);
    try {
      if (key && (await mark(ports, key))) wakes.push({ class: "child", key });
    } catch (error) {
      if (!isTailwakeError(error, "malformed-record")) throw error;
      untold.push(name);
      ports.log.error("waiter not told", { task: name, child: taskName(child), err: describeError(error) });
    }
  }
  await sendOrLeaveToScan(ports, wakes);
  await ports.store.update(child, notified(waiters, untold));
}

/** True if the waiter is now ready and has to be woken. */
async function mark(ports: Ports, key: TaskKey): Promise<boolean> {
  const { store, clock, log } = ports;
  for (let round = 1; round <= maxTriesPerWaiter; round++) {
    const marked = await store.update(key, markWaiter(clock.now()));
    if (marked.applied) return true;
    const { record } = marked;
    if (record?.status === "sleeping" && !record.paused) continue;
    if (record?.status !== "running" || record.token === undefined) return false;
    if ((await store.update(key, recordWake(record.token, "child"))).applied) return false;
  }
  log.warn("waiter not told, left to its next probe", { task: taskName(key) });
  return false;
}
