import { createHash } from "node:crypto";
import { taskName } from "../tasks/record.ts";
import type { TaskWake } from "./wake.ts";

/** How long the delay queue holds a message. */
export const delayQueueMs = 20_000;
/** Waits up to this long go through the delay queue, more than once if need be; Scheduler is only precise to a minute. */
export const maxDelayMs = 60_000;

/** Which alarm clock a wake at `at` needs. */
export function alarmFor(at: number, now: number): "now" | "delayQueue" | "schedule" {
  if (at <= now) return "now";
  return at - now <= maxDelayMs ? "delayQueue" : "schedule";
}

/**
 * The time of a one-time schedule: rounded up to a whole second, and two seconds more, since `at()` drops milliseconds
 * and a wake that fires before `notBefore` is refused (protocol rule 17).
 */
export function scheduleTime(at: number): number {
  return Math.ceil(at / 1000) * 1000 + 2_000;
}

/** `at(yyyy-mm-ddThh:mm:ss)`, in UTC. */
export function scheduleExpression(time: number): string {
  return `at(${new Date(time).toISOString().slice(0, 19)})`;
}

/**
 * The name of a wake's schedule: 40 characters of a hash of its task, then the fence it was made under, so that made
 * again it is the same schedule. A wake that has no fence, or is put off once more, is named by its time: its last
 * schedule may still be there, though it has fired. At most 64 characters.
 */
export function scheduleName(wake: TaskWake, at: number): string {
  const hash = createHash("sha256").update(taskName(wake.key)).digest("hex").slice(0, 40);
  const putOff = wake.fence === undefined || wake.notBefore !== undefined;
  return `${hash}-${putOff ? `at${Math.ceil(at / 1000)}` : wake.fence}`;
}
