import { all, any, type Guard, type Operation, type Update } from "../../functions/tasks/update.ts";
import type { Mutation } from "../../functions/testing/simulation/table.ts";

/** A condition of an operation, by what it looks at. */
export interface Condition {
  readonly operation: Operation;
  /** As `is token`, or `is status sleeping`. */
  readonly condition: string;
}

/** Names the mutant that does not ask for a condition. */
export type ConditionName = `${Operation}: not asked for: ${string}`;

export const nameOfCondition = ({ operation, condition }: Condition): ConditionName =>
  `${operation}: not asked for: ${condition}`;

/** The conditions of a write. */
export function conditionsOf({ operation, guard }: Update): Condition[] {
  return leavesOf(guard).map((condition) => ({ operation, condition }));
}

/** Takes one condition of one operation away. */
export function without({ operation, condition }: Condition): Mutation {
  return (update) => {
    if (update.operation !== operation) return update;
    return { ...update, guard: prune(update.guard, condition) ?? all() };
  };
}

function leavesOf(guard: Guard): string[] {
  return guard.op === "all" || guard.op === "any" ? guard.guards.flatMap(leavesOf) : [nameOf(guard)];
}

/** The guard without a condition, which counts as fulfilled; undefined if nothing is left of it. */
function prune(guard: Guard, condition: string): Guard | undefined {
  switch (guard.op) {
    case "all":
      return all(...guard.guards.flatMap((one) => prune(one, condition) ?? []));
    case "any": {
      const left = guard.guards.map((one) => prune(one, condition));
      return left.includes(undefined) ? undefined : any(...(left as Guard[]));
    }
    default:
      return nameOf(guard) === condition ? undefined : guard;
  }
}

/** Statuses are few, and each is a condition of its own; other values differ from write to write. */
function nameOf(guard: Exclude<Guard, { readonly op: "all" | "any" }>): string {
  if (guard.op === "absent") return "absent";
  if (guard.attribute !== "status") return `${guard.op} ${guard.attribute}`;
  if (guard.op === "is") return `is status ${guard.value}`;
  return guard.op === "oneOf" ? `status is one of ${guard.values.join(", ")}` : `${guard.op} status`;
}
