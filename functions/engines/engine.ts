import type { TaskRecord } from "../tasks/record.ts";
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
  ): { readonly notBefore: number | undefined; readonly due: number | undefined };
}
