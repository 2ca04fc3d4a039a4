import type { Clock } from "../contract/clock.ts";
import type { Logger } from "../contract/logger.ts";
import type { EngineName, TaskRecord } from "../tasks/record.ts";
import type { TaskStore } from "../tasks/store.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";
import type { Wakes } from "../wake/wakes.ts";
import type { Binding, Bindings } from "./binding.ts";
import { cronRules } from "./cron.ts";
import { lazyRules } from "./lazy.ts";

/** What the engines work with; a handler builds it once, a test builds it from in-memory twins. */
export interface Machinery {
  readonly bindings: Bindings;
  readonly store: TaskStore;
  readonly wakes: Wakes;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Limits;
  /** In [0, 1). */
  random(): number;
  /** A lease token that nobody else has. */
  newToken(): string;
  upstream(name: string): UpstreamConnection;
}

export interface Limits {
  /** Streams of one kind open at once in one invocation. */
  readonly runsPerKind: number;
  /** How long a sleeping lazy task is left without a look, since signals may be lost. */
  readonly probePeriodMs: number;
}

/** The time that an invocation gives its runs. Times are in milliseconds since 1970. */
export interface Invocation {
  /** Aborts when the runs are to commit and hand over. */
  readonly signal: AbortSignal;
  /** When `signal` aborts. */
  readonly deadline: number;
  /** An activity that has not returned by then is abandoned. */
  readonly abandonAt: number;
  /** When the platform kills the invocation. */
  readonly hardEnd: number;
  /** Called for an activity that ignored the abort: what it still does must not reach the next invocation (rule 20). */
  abandoned(task: string): void;
}

/** In what the engines differ. */
export interface EngineRules {
  /** Does the stream stay open at its head? */
  readonly watch: boolean;
  /** Do signals wake a sleeping task? */
  readonly takesSignals: boolean;
  /** What a tick does with a sleeping task whose time has come: look for news first, or run it. */
  readonly whenDue: "probe" | "run";
  /** What a run that caught up leaves behind; `due` undefined leaves the due time as it is. */
  sleep(
    record: TaskRecord,
    binding: Binding,
    now: number,
    limits: Limits,
  ): { readonly notBefore: number | undefined; readonly due: number | undefined };
}

const rules: { readonly [N in EngineName]: EngineRules } = { lazy: lazyRules, cron: cronRules };

export function rulesOf(engine: EngineName): EngineRules {
  return rules[engine];
}
