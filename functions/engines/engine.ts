import type { TaskRecord } from "../tasks/record.ts";
import { recheckMs } from "../tasks/times.ts";
import type { Binding } from "./binding.ts";
import type { Limits } from "./ports.ts";

/** The rules in which the engines differ. */
export interface EngineRules {
  /** Who runs a task: the function that receives its wake from the queue, or the leader of its shard, without a wake. */
  readonly runBy: "queue" | "leader";
  /** What a signal does with a sleeping task: run it, make it ready for its leader, or nothing. */
  readonly onSignal: "run" | "keep" | "ignore";
  /** Whether a run sends the wake of the next one. A leader of eager tasks needs none. */
  readonly setsAlarms: boolean;
  /** What a tick does with a sleeping task that is due: probe it for news, run it, or leave it to a leader. */
  readonly whenDue: "probe" | "run" | "leave";
  /** The times that a run which caught up stores; `due` undefined leaves the due time unchanged. */
  sleep(
    record: TaskRecord,
    binding: Binding,
    now: number,
    limits: Limits,
    wait: ChildWait,
  ): { readonly notBefore: number | undefined; readonly due: number | undefined };
}

/** Whether a task awaits a child (rule 13): not, as this run's call of the activity asked, or as an earlier run's did. */
export type ChildWait = "none" | "asked" | "kept";

/**
 * The due time of a task that sleeps, to be checked `checkMs` from now at the latest; undefined to keep the stored one.
 * To move the due time costs two index writes. So a run keeps an earlier one (rule 6), unless its activity has just
 * looked at the children that it awaits.
 */
export function dueAsleep({ due }: TaskRecord, now: number, checkMs: number, wait: ChildWait): number | undefined {
  if (wait === "asked") return now + recheckMs;
  const latest = now + (wait === "kept" ? recheckMs : checkMs);
  return due !== undefined && due <= latest ? undefined : latest;
}
