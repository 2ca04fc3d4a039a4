import { type TaskKey, taskName } from "../../tasks/record.ts";

/** A call of its activity that a task was promised. */
export interface OwedRun {
  readonly task: string;
  /** The call has to begin after this time, in milliseconds since 1970. */
  readonly since: number;
  /** The rule that promises it. */
  readonly rule: string;
  readonly why: string;
}

/**
 * The calls of activities that are owed: to a task whose child has completed (rule 13), and to one that an operator has
 * woken (rule 14). Knows them from what activities are told and from messages, not from the records of the table.
 */
export class OwedRuns {
  /** The children that a task has asked to be woken by, by the task's name. */
  readonly #awaited = new Map<string, Set<string>>();
  readonly #completed = new Set<string>();
  readonly #owed = new Map<string, OwedRun>();
  /** When the last call of the activity began. */
  readonly #began = new Map<string, number>();

  /** A run was told that it is woken when the child completes. */
  awaits(parent: TaskKey, child: TaskKey, now: number): void {
    const name = taskName(child);
    const children = this.#awaited.get(taskName(parent)) ?? new Set();
    this.#awaited.set(taskName(parent), children.add(name));
    if (this.#completed.has(name)) this.#owe(taskName(parent), now, "rule 13", `its child ${name} has completed`);
  }

  /** A task has completed: nothing is owed to it, but to those that await it. */
  completed(task: TaskKey, now: number): void {
    const name = taskName(task);
    this.#completed.add(name);
    this.#owed.delete(name);
    for (const [parent, children] of this.#awaited) {
      if (children.has(name)) this.#owe(parent, now, "rule 13", `its child ${name} has completed`);
    }
  }

  /** The wake of an operator was handled, and its message deleted. */
  wokenByOperator(task: TaskKey, sentAt: number): void {
    this.#owe(taskName(task), sentAt, "rule 14", "an operator has woken it");
  }

  /** Nobody owes the task an operator's wake any more: it was lost on its way, or the task may not run. */
  forgiveOperator(task: TaskKey): void {
    const name = taskName(task);
    if (this.#owed.get(name)?.rule === "rule 14") this.#owed.delete(name);
  }

  /** An activity is called. */
  began(task: TaskKey, now: number): void {
    const name = taskName(task);
    this.#began.set(name, now);
    const owed = this.#owed.get(name);
    if (owed && owed.since <= now) this.#owed.delete(name);
  }

  owedTo(task: TaskKey): OwedRun | undefined {
    return this.#owed.get(taskName(task));
  }

  /** The tasks that await each other in a circle with the given one, itself included; undefined if it is in none. */
  circleOf(task: TaskKey, isWaiting: (name: string) => boolean): readonly string[] | undefined {
    const start = taskName(task);
    const seen = new Set<string>();
    const search = (name: string, way: readonly string[]): readonly string[] | undefined => {
      for (const child of this.#awaited.get(name) ?? []) {
        if (child === start) return way;
        if (seen.has(child) || !isWaiting(child)) continue;
        seen.add(child);
        const found = search(child, [...way, child]);
        if (found) return found;
      }
      return undefined;
    };
    return isWaiting(start) ? search(start, [start]) : undefined;
  }

  #owe(task: string, since: number, rule: string, why: string): void {
    // A message may be deleted long after the run that it has led to.
    if (this.#completed.has(task) || (this.#began.get(task) ?? 0) > since) return;
    // The first that is not paid yet counts; a call after a later one pays both.
    const before = this.#owed.get(task);
    this.#owed.set(task, before && before.since < since ? { ...before, since } : { task, since, rule, why });
  }
}
