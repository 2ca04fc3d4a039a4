import { describeError } from "../contract/error.ts";
import { statusOf } from "../run/start.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { checkNote, type Note, recordAction } from "./actions.ts";
import type { Desk } from "./desk.ts";
import type { Filter } from "./filter.ts";
import { createOperators } from "./operators.ts";

/** An action on many tasks: `retry` resumes parked tasks, and wakes those that wait for another attempt. */
export type BulkAction = "retry" | "pause" | "resume";

export interface BulkOptions {
  /** Tasks per second. */
  readonly rate: number;
  readonly note: Note;
  /** When it aborts, the current task is the last. */
  readonly signal: AbortSignal;
  /** Called after each task; `error` if the action was refused, for instance because the task has changed since. */
  onTask?(task: TaskRecord, error: string | undefined): void;
}

export interface BulkReport {
  readonly done: number;
  readonly refused: number;
}

/** The tasks that match a filter and that are in a state for the action. */
export async function tasksFor(desk: Desk, action: BulkAction, filter: Filter): Promise<TaskRecord[]> {
  const found: TaskRecord[] = [];
  for await (const record of desk.list(filter)) if (isFor[action](record)) found.push(record);
  return found;
}

const isFor: Readonly<Record<BulkAction, (record: TaskRecord) => boolean>> = {
  retry: (record) => ["parked", "retrying"].includes(statusOf(record)),
  pause: (record) => !["paused", "completed"].includes(statusOf(record)),
  resume: (record) => statusOf(record) === "paused",
};

/** Acts on one task after another, at a rate. Adds one entry to the list of last actions. Throws for an invalid note. */
export async function inBulk(
  desk: Desk,
  action: BulkAction,
  tasks: readonly TaskRecord[],
  what: string,
  { rate, note, signal, onTask }: BulkOptions,
): Promise<BulkReport> {
  checkNote(note);
  const { clock, control } = desk.ports;
  const operators = createOperators({ ...desk.ports, list: async () => {} });
  let [done, refused] = [0, 0];
  for (const [index, task] of tasks.entries()) {
    if (index > 0) await clock.sleep(1000 / rate, signal);
    if (signal.aborted) break;
    let refusal: string | undefined;
    try {
      if (action === "retry" && statusOf(task) === "retrying") await operators.wake(task);
      else await operators[action === "retry" ? "resume" : action](task, note);
      done++;
    } catch (error) {
      refusal = describeError(error);
      refused++;
    }
    onTask?.(task, refusal);
  }
  if (done > 0) await recordAction(control, { action, target: `${what}: ${done}`, ...note, at: clock.now() });
  return { done, refused };
}

/** A filter in words, for the list of actions. */
export function filterWords(filter: Filter): string {
  const words = Object.entries(filter).flatMap(([name, value]) => (value === undefined ? [] : `${name} ${value}`));
  return words.length === 0 ? "all tasks" : `tasks of ${words.join(", ")}`;
}
