import { isTail, type Tail } from "./tail.ts";

/**
 * THE ERROR CONTRACT. How a run of an activity ends, and what every engine then does:
 *
 * | outcome                      | the seed's form          | what the engine does                                       | log   |
 * |------------------------------|--------------------------|------------------------------------------------------------|-------|
 * | `completed(tail)`            | `nil`                    | stores the tail; never runs again; wakes whoever waits     | info  |
 * | `caughtUp(tail)`             | `io.EOF`                 | stores the tail; lazy sleeps until a signal, or runs again | info, |
 * |                              |                          | at once if one came meanwhile; cron: its next interval;    | if the tail moved |
 * |                              |                          | eager goes on watching                                     |       |
 * | `canceled(tail)`             | `context.Canceled`       | stores the tail; hands over: another run now, or after the | none  |
 * |                              |                          | backoff if the tail did not move                           |       |
 * | `silentRetry(tail)`          | `SilentRetry`            | stores the tail; another run after the backoff             | none  |
 * | `silentRetryAfter(tail, at)` | `*SilentRetryAfter`      | stores the tail; another run not before `at`; signals do   | none  |
 * |                              |                          | not cut it short unless `signalsCutWaits`                  |       |
 * | `retry(tail, error)`         | any other error          | stores the tail; another run after the backoff             | error |
 *
 * A thrown {@link SilentRetry} or {@link SilentRetryAfter} is the silent form, any other throw is `retry`, both at the
 * last tail the activity advanced or checkpointed to. gRPC `Canceled` is a cancellation only if our own signal was
 * aborted: a dying server looks the same. The returned tail is adopted as it is, also when it moves back.
 *
 * Source: nog 4450389, backend/internal/process/grpcentities/grpcentities.go:12-55; the seed's engines differ from it
 * and from one another, here all three keep it.
 */
export type Outcome =
  | Tailed<Completed>
  | Tailed<CaughtUp>
  | Tailed<Canceled>
  | Tailed<SilentlyRetry>
  | Tailed<SilentlyRetryAfter>
  | Tailed<Retry>;

/** What the `act` of a `defineActivity` decided. The engine owns the tail; to fail, throw. */
export type Decision =
  | Tailless<Completed>
  | Tailless<CaughtUp>
  | Tailless<SilentlyRetry>
  | Tailless<SilentlyRetryAfter>;

interface Completed {
  readonly type: "completed";
}
interface CaughtUp {
  readonly type: "caughtUp";
}
interface Canceled {
  readonly type: "canceled";
}
interface SilentlyRetry {
  readonly type: "silentRetry";
}
interface SilentlyRetryAfter {
  readonly type: "silentRetryAfter";
  readonly at: Date;
}
interface Retry {
  readonly type: "retry";
  readonly error: unknown;
}

type Tailed<T> = T & { readonly tail: Tail };
/** The text is what the compiler says of an outcome with a tail at level 2, or without one at level 1. */
type Tailless<T> = T & {
  readonly tail?: "a defineProcessor says its tail, a defineActivity does not";
};

/** The work is done: this task never runs again. */
export function completed(): Tailless<Completed>;
export function completed(tail: Tail): Tailed<Completed>;
export function completed(tail?: Tail): Tailless<Completed> | Tailed<Completed> {
  return tail === undefined ? { type: "completed" } : { type: "completed", tail };
}

/** Everything up to `tail` is processed and there is nothing more for now. */
export function caughtUp(): Tailless<CaughtUp>;
export function caughtUp(tail: Tail): Tailed<CaughtUp>;
export function caughtUp(tail?: Tail): Tailless<CaughtUp> | Tailed<CaughtUp> {
  return tail === undefined ? { type: "caughtUp" } : { type: "caughtUp", tail };
}

/** Run again after the backoff, without a word in the log. */
export function silentRetry(): Tailless<SilentlyRetry>;
export function silentRetry(tail: Tail): Tailed<SilentlyRetry>;
export function silentRetry(tail?: Tail): Tailless<SilentlyRetry> | Tailed<SilentlyRetry> {
  return tail === undefined ? { type: "silentRetry" } : { type: "silentRetry", tail };
}

/** Run again, not before `at`; a time that is past or not a time means {@link silentRetry}. */
export function silentRetryAfter(at: Date): Tailless<SilentlyRetryAfter>;
export function silentRetryAfter(tail: Tail, at: Date): Tailed<SilentlyRetryAfter>;
export function silentRetryAfter(
  tailOrAt: Tail | Date,
  at?: Date,
): Tailless<SilentlyRetryAfter> | Tailed<SilentlyRetryAfter> {
  if (tailOrAt instanceof Date) return { type: "silentRetryAfter", at: tailOrAt };
  return { type: "silentRetryAfter", tail: tailOrAt, at: at ?? new Date(Number.NaN) };
}

/** The run was aborted: whoever comes next goes on from `tail`. */
export function canceled(tail: Tail): Tailed<Canceled> {
  return { type: "canceled", tail };
}

/** A temporary error: logged, and tried again after the backoff. */
export function retry(tail: Tail, error: unknown): Tailed<Retry> {
  return { type: "retry", tail, error };
}

/** Thrown form of `silentRetry`, for use deep inside an activity. */
export class SilentRetry extends Error {
  override readonly name = "SilentRetry";
  constructor() {
    super("retry silently");
  }
}

/** Thrown form of `silentRetryAfter`. */
export class SilentRetryAfter extends Error {
  override readonly name = "SilentRetryAfter";
  readonly after: Date;
  constructor(after: Date) {
    super(`retry after ${Number.isNaN(after.getTime()) ? "an invalid time" : after.toISOString()}`);
    this.after = after;
  }
}

/** Tests the shape, not the class: an activity may be bundled with its own copy of this package. */
export function isSilentRetry(error: unknown): error is SilentRetry {
  return error instanceof Error && error.name === "SilentRetry";
}

export function isSilentRetryAfter(error: unknown): error is SilentRetryAfter {
  return error instanceof Error && error.name === "SilentRetryAfter" && "after" in error && error.after instanceof Date;
}

/** The outcome that a throw stands for, at the tail that the activity had reached. */
export function thrownOutcome(error: unknown, tail: Tail): Outcome {
  if (isSilentRetry(error)) return silentRetry(tail);
  if (isSilentRetryAfter(error)) return silentRetryAfter(tail, error.after);
  return retry(tail, error);
}

const types: ReadonlySet<unknown> = new Set<Outcome["type"]>([
  "completed",
  "caughtUp",
  "canceled",
  "silentRetry",
  "silentRetryAfter",
  "retry",
]);

/** Checks what an activity returned: JavaScript authors have no compiler to hold them to the contract. */
export function isOutcome(value: unknown): value is Outcome {
  return isDecision(value) && "tail" in value && isTail(value.tail);
}

/** As {@link isOutcome}, for what `act` returned: an outcome without its tail. */
export function isDecision(value: unknown): value is Decision {
  if (typeof value !== "object" || value === null || !("type" in value) || !types.has(value.type)) return false;
  return value.type !== "silentRetryAfter" || ("at" in value && value.at instanceof Date);
}
