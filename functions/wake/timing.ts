import { createHash } from "node:crypto";
import { latestTime } from "../contract/outcome.ts";
import { taskName } from "../tasks/record.ts";
import type { TaskWake } from "./wake.ts";

/** How long the delay queue holds a message. */
export const delayQueueMs = 20_000;
/**
 * Waits up to this long go through the delay queue, if necessary more than once: Scheduler is only precise to a minute.
 */
export const maxDelayMs = 60_000;

/** The way of a wake that is due at `at`. */
export function alarmFor(at: number, now: number): "now" | "delayQueue" | "schedule" {
  if (at <= now) return "now";
  return at - now <= maxDelayMs ? "delayQueue" : "schedule";
}

/**
 * The time of a one-time schedule: rounded up to a whole second, plus two seconds, since `at()` drops milliseconds and
 * a wake before its `notBefore` is refused (protocol rule 17). A record of an earlier version may wait for a time that
 * no schedule can name.
 */
export function scheduleTime(at: number): number {
  return Math.ceil(Math.min(at, latestTime) / 1000) * 1000 + 2_000;
}

/** `at(yyyy-mm-ddThh:mm:ss)`, in UTC. */
export function scheduleExpression(time: number): string {
  return `at(${new Date(time).toISOString().slice(0, 19)})`;
}

/**
 * The name of a wake's schedule, at most 64 characters: 40 of a hash of its task, then the fence it was made under, so
 * that a repeated call makes the same schedule. A wake without a fence, or one that is postponed again, has its time
 * instead of the fence: its previous schedule may still exist, although it has fired.
 */
export function scheduleName(wake: TaskWake, at: number): string {
  const hash = createHash("sha256").update(taskName(wake.key)).digest("hex").slice(0, 40);
  const putOff = wake.fence === undefined || wake.notBefore !== undefined;
  return `${hash}-${putOff ? `at${Math.ceil(at / 1000)}` : wake.fence}`;
}
