import type { Attribute } from "../../../functions/tasks/record.ts";
import { any, type Changes, type Operation, type Update } from "../../../functions/tasks/update.ts";
import type { Mutation } from "../../../functions/testing/simulation/table.ts";

/** The operations by which a task is taken. */
export const acquires = ["acquire", "acquire over a dead lease", "acquire from an earlier leader"] as const;

/** The operations that end a run. */
export const commits = [
  "caughtUp",
  "canceled, tail advanced",
  "retry",
  "attempt limit reached",
  "silentRetryAfter",
  "completed, no waiters",
  "completed, waiters",
] as const satisfies readonly Operation[];

/** The operations that store how far a run got. */
export const storing = [...commits, "checkpoint", "caughtUp, wakes moved", "caughtUp, watching"] as const;

/** The attributes stay as they are. */
export function leaving(...attributes: readonly Attribute[]): Mutation {
  return (update) => ({
    ...update,
    changes: Object.fromEntries(
      Object.entries(update.changes).filter(([attribute]) => !attributes.includes(attribute as Attribute)),
    ),
  });
}

/** These changes are written, too, or instead. */
export function writing(changes: Changes): Mutation {
  return (update) => ({ ...update, changes: { ...update.changes, ...changes } });
}

/** These counters rise, and no other. */
export function counting(...increment: Update["increment"] & {}): Mutation {
  return (update) => ({ ...update, increment });
}

/** The write is refused, whatever is stored. */
export const refusing: Mutation = (update) => ({ ...update, guard: any() });

/** A write that was made twice counts as refused the second time. */
export const notRecognising: Mutation = (update) => ({ ...update, appliedIf: () => false });
