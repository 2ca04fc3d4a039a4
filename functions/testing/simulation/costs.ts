import type { Binding } from "../../engines/binding.ts";
import { type TaskKey, taskName } from "../../tasks/record.ts";
import type { TaskWake } from "../../wake/wake.ts";
import type { SimulatedProcess } from "./process.ts";
import type { TableWrite } from "./table.ts";

/** The largest view in a record has 4 KB. Beside it there are the tail, an error and what else is small. */
const maxUnits = 8;
/** In the quiet, a task that another run holds is read every 15 s, and each tick may read it. */
const maxReadsAMinute = 10;
const minuteMs = 60_000;
/** Rule 13: how often a task that awaits a child runs. */
const recheckMs = 60 * minuteMs;

/** Checks that nothing is done that costs without need: "no amplification". */
export class Costs {
  readonly #bindingOf: (process: SimulatedProcess, task: TaskKey) => Binding;
  /** The tasks to which a process has sent their `start` wakes, by the invocation that did. */
  readonly #started = new WeakMap<SimulatedProcess, Map<string, number>>();
  /** When a task that awaits a child was last acquired in the quiet. */
  readonly #checkedAt = new Map<string, number>();
  /** When a task was read in the quiet, by process, within the last minute. */
  readonly #reads = new WeakMap<SimulatedProcess, Map<string, number[]>>();

  constructor(bindingOf: (process: SimulatedProcess, task: TaskKey) => Binding) {
    this.#bindingOf = bindingOf;
  }

  sent(process: SimulatedProcess, wake: TaskWake): void {
    if (wake.class !== "start") return;
    const started = this.#started.get(process) ?? new Map<string, number>();
    this.#started.set(process, started.set(taskName(wake.key), process.invocation));
  }

  wrongWith({ by, operation, before, after, cost }: TableWrite, now: number, isQuiet: boolean): string | undefined {
    const name = taskName(after);
    if (cost > maxUnits) return `no amplification: the write costs ${cost} units`;
    if (!operation.startsWith("acquire")) return undefined;
    const { startOnSignal } = this.#bindingOf(by, after);
    if (startOnSignal && before?.fence === 0 && this.#started.get(by)?.get(name) === by.invocation)
      return "no amplification: the invocation that runs it had sent a wake for it";
    if (!isQuiet || !before?.awaiting) return undefined;
    const last = this.#checkedAt.get(name);
    this.#checkedAt.set(name, now);
    return last !== undefined && now - last < recheckMs - minuteMs
      ? `rule 13: it awaits a child, and ran ${Math.round((now - last) / minuteMs)} minutes after its last check`
      : undefined;
  }

  /** A process reads a record in the quiet, in which nothing changes. */
  wrongWithRead(by: SimulatedProcess, key: TaskKey, now: number): string | undefined {
    const name = taskName(key);
    const byTask = this.#reads.get(by) ?? new Map<string, number[]>();
    this.#reads.set(by, byTask);
    const recent = [...(byTask.get(name) ?? []).filter((at) => at > now - minuteMs), now];
    byTask.set(name, recent);
    return recent.length > maxReadsAMinute ? `its record was read ${recent.length} times in a minute` : undefined;
  }
}
