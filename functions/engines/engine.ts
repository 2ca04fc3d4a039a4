import type { TaskRecord } from "../tasks/record.ts";
import type { Binding } from "./binding.ts";
import type { Limits } from "./ports.ts";

/** In what the engines differ. */
export interface EngineRules {
  /** Who runs a task: whoever gets its wake from the queue, or the leader of its shard, which needs no wake. */
  readonly runBy: "queue" | "leader";
  /** What a signal does to a sleeping task: have it run, be kept for its leader, or nothing. */
  readonly onSignal: "run" | "keep" | "ignore";
  /** Does a run set the alarm clock for the next one? A leader of eager tasks looks at them itself. */
  readonly setsAlarms: boolean;
  /** What a tick does with a sleeping task whose time has come: look for news first, run it, or leave it to a leader. */
  readonly whenDue: "probe" | "run" | "leave";
  /** What a run that caught up leaves behind; `due` undefined leaves the due time as it is. */
  sleep(
    record: TaskRecord,
    binding: Binding,
    now: number,
    limits: Limits,
  ): { readonly notBefore: number | undefined; readonly due: number | undefined };
}
