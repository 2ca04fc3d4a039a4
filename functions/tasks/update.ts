import type { Attribute, AttributeValue, TaskRecord } from "./record.ts";

/**
 * A condition on the stored record, as data: the transitions build it, and each adapter evaluates it. A comparison with
 * an absent attribute is false.
 */
export type Guard =
  | { readonly op: "absent" }
  | { readonly op: "is"; readonly attribute: Attribute; readonly value: unknown }
  | { readonly op: "oneOf"; readonly attribute: Attribute; readonly values: readonly unknown[] }
  | { readonly op: "missing"; readonly attribute: Attribute }
  | { readonly op: "atMost"; readonly attribute: Attribute; readonly value: number }
  | { readonly op: "atLeast"; readonly attribute: Attribute; readonly value: number }
  | { readonly op: "all"; readonly guards: readonly Guard[] }
  | { readonly op: "any"; readonly guards: readonly Guard[] };

/** The record does not exist. */
export const absent: Guard = { op: "absent" };
export const is = <A extends Attribute>(attribute: A, value: AttributeValue<A>): Guard => ({
  op: "is",
  attribute,
  value,
});
export const oneOf = <A extends Attribute>(attribute: A, values: readonly AttributeValue<A>[]): Guard => ({
  op: "oneOf",
  attribute,
  values,
});
export const missing = (attribute: Attribute): Guard => ({ op: "missing", attribute });
export const atMost = (attribute: Attribute, value: number): Guard => ({ op: "atMost", attribute, value });
export const atLeast = (attribute: Attribute, value: number): Guard => ({ op: "atLeast", attribute, value });
export const all = (...guards: readonly Guard[]): Guard => ({ op: "all", guards });
export const any = (...guards: readonly Guard[]): Guard => ({ op: "any", guards });

type Counter = "wakeCount" | "step" | "fence" | "attempts" | "strikes" | "rescues";

/** The attributes to write; `remove` deletes one. */
export type Changes = { readonly [A in Attribute]?: AttributeValue<A> | typeof remove };
export const remove = Symbol("remove");

/** The operations of the protocol. The table in docs/design.md lists them. */
export type Operation =
  | "start"
  | "acquire"
  | "acquire over a dead lease"
  | "acquire from an earlier leader"
  | "acquire a lease given back"
  | "quarantine"
  | "signal to a running task"
  | "act asked"
  | "mark ready"
  | "checkpoint"
  | "caughtUp"
  | "caughtUp, wakes moved"
  | "caughtUp, watching"
  | "canceled, tail advanced"
  | "retry"
  | "attempt limit reached"
  | "silentRetryAfter"
  | "completed, no waiters"
  | "completed, waiters"
  | "add waiter"
  | "mark a waiter"
  | "child completed"
  | "notified"
  | "rescue"
  | "check a sleeping task"
  | "recheck a waiting task"
  | "check a running task"
  | "postpone"
  | "bring forward"
  | "move the slot"
  | "adopt"
  | "park on strikes"
  | "pause"
  | "resume"
  | "resume while running"
  | "rewind";

/** One transition of a record: one conditional write. */
export interface Update {
  /** For errors, traces and tests. */
  readonly operation: Operation;
  readonly guard: Guard;
  readonly changes: Changes;
  /** Counters to raise by 1. */
  readonly increment?: readonly Counter[];
  /**
   * Tells from the stored record that a refused write had been applied before: its response was lost, and it was sent
   * again (protocol rule 5). Without a token it may take the same write of another process for its own, in the same
   * millisecond: then a wake is doubled.
   */
  readonly appliedIf: (stored: TaskRecord) => boolean;
}

/**
 * `appliedIf` of a write whose condition still holds after it, or whose caller reads again and decides again: sent again,
 * it is applied again, or the caller finds what it has done.
 */
export const appliedAgain = (): boolean => false;

/** The result of an update, with the record after it. A refused write is a value, not an exception. */
export type Written =
  | { readonly applied: true; readonly record: TaskRecord }
  | { readonly applied: false; readonly record: TaskRecord | undefined };

/**
 * The result of a write whose condition failed, given the stored record. `sentAgain`: the request was sent more than
 * once. A write with a token, or a step of a run, may also have been made by an earlier call.
 */
export function refused(update: Update, stored: TaskRecord | undefined, sentAgain: boolean): Written {
  const { token, lastToken } = update.changes;
  const isOfOneRun = typeof token === "string" || typeof lastToken === "string" || update.increment?.includes("step");
  const mayBeOurs = sentAgain || isOfOneRun;
  if (stored !== undefined && mayBeOurs && update.appliedIf(stored)) return { applied: true, record: stored };
  return { applied: false, record: stored };
}
