import type { TaskRecord } from "../tasks/record.ts";
import type { Binding } from "./binding.ts";
import type { Limits } from "./ports.ts";

/** In what the engines differ. */
export interface EngineRules {
  /** Do signals wake a sleeping task? */
  readonly takesSignals: boolean;
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
