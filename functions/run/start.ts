import type { Activity, TaskStatus } from "../contract/activity.ts";
import { isTailwakeError, TailwakeError } from "../contract/error.ts";
import { type Address, checkAddress } from "../contract/stream.ts";
import { taskKey } from "../engines/binding.ts";
import type { Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { eagerBucketOf, type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import { start } from "../tasks/transitions.ts";
import type { TaskWake, WakeMessage } from "../wake/wake.ts";

/**
 * Starts the task of an activity for an aggregate. An existing task stays as it is, in any status. Resolves after the
 * record is written. `runBy`: who runs the new task. A caller that does so itself needs no wake; if it cannot, the due
 * scan finds the task (T6).
 */
export async function startTask(
  ports: Pick<Ports, "bindings" | "store" | "clock" | "alarms" | "log">,
  activity: Activity,
  given: Address,
  runBy: "wake" | "caller" = "wake",
): Promise<{ readonly key: TaskKey; readonly record: TaskRecord; readonly started: boolean }> {
  const binding = ports.bindings.of(activity);
  const address = checkAddress(binding.stream, given);
  const key = taskKey(binding, address);
  const existing = await ports.store.get(key);
  if (existing) return { key, record: existing, started: false };
  const { engine } = binding;
  const bucket = eagerBucketOf(engine, key);
  const written = await ports.store.update(key, start(address, engine, ports.clock.now(), bucket));
  if (written.applied) {
    if (runBy === "wake" && rulesOf(engine).setsAlarms)
      await sendOrLeaveToScan(ports, [{ class: "start", key, fence: 0 }]);
    return { key, record: written.record, started: true };
  }
  // Another process has started it meanwhile.
  if (written.record) return { key, record: written.record, started: false };
  throw new TailwakeError({
    code: "store-refused",
    subject: `start of ${taskName(key)}`,
    expected: "the record that refused it",
    received: "none",
  });
}

/** The status as authors and operators see it: "paused" for a paused task. */
export function statusOf(record: Pick<TaskRecord, "status" | "paused">): TaskStatus {
  return record.paused && record.status !== "completed" ? "paused" : record.status;
}

/** Sends wakes whose records are written. Logs those that cannot be sent: the due scan wakes their tasks. */
export async function sendOrLeaveToScan(
  ports: Pick<Ports, "alarms" | "log">,
  messages: readonly WakeMessage[],
): Promise<void> {
  if (messages.length === 0) return;
  await orLeaveToScan(ports, () => ports.alarms.send(messages));
}

export async function sendAtOrLeaveToScan(
  ports: Pick<Ports, "alarms" | "log">,
  wake: TaskWake,
  at: number,
): Promise<void> {
  await orLeaveToScan(ports, () => ports.alarms.sendAt(wake, at));
}

async function orLeaveToScan(ports: Pick<Ports, "alarms" | "log">, send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch (error) {
    const code = isTailwakeError(error) ? error.code : "wake-failed";
    ports.log.warn("wake not sent, left to the due scan", { code, err: error });
  }
}
