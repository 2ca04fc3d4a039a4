import { isTail, type Tail } from "./tail.ts";

/**
 * THE ERROR CONTRACT: how a run of an activity ends, and what the engine then does.
 *
 * | outcome                      | in Go               | the engine                   | log line                |
 * |------------------------------|---------------------|------------------------------|-------------------------|
 * | `completed(tail)`            | `nil`               | never runs the task again    | info                    |
 * | `caughtUp(tail)`             | `io.EOF`            | waits for news               | info, if the tail moved |
 * | `canceled(tail)`             | `context.Canceled`  | hands over to another run    | none                    |
 * | `silentRetry(tail)`          | `SilentRetry`       | runs again after the backoff | none                    |
 * | `silentRetryAfter(tail, at)` | `*SilentRetryAfter` | runs again, not before `at`  | none                    |
 * | `retry(tail, error)`         | any other error     | runs again after the backoff | error                   |
 *
 * The engine stores the tail of every outcome as it is, even if the tail moves back.
 *
 * - `completed`: The engine also wakes the tasks that wait for this one.
 * - `caughtUp`: The lazy engine lets the task sleep until a signal, or runs it again at once if a signal came during
 *   the run. The cron engine waits for the next interval. The eager engine goes on watching the stream.
 * - `canceled`: The next run starts at once if the run made progress, else after the backoff.
 * - `silentRetryAfter`: A signal does not end the wait early, unless the activity has `signalsCutWaits`. A time that no
 *   schedule can name, later than 9999-12-31T00:00:00Z, is an error of the activity, and means `retry`.
 * - A throw: {@link SilentRetry} means `silentRetry`, {@link SilentRetryAfter} means `silentRetryAfter`, anything else
 *   means `retry`. The tail is the last one that the activity advanced or checkpointed to.
 * - A gRPC `Canceled` means `canceled` only if the run's own signal was aborted: a server that dies sends the same
 *   code.
 *
 * The backoff is 20 s after the first failed attempt, twice as long after each further one in a row, and at most
 * 15 min. The wait is drawn at random from the upper half of the backoff. A run that made progress before it failed
 * starts the row again: its tail moved, but not to epoch and not by events folded before a failed `act` (rule 9).
 *
 * Source: nog's Go packages, backend/internal/process/grpcentities/grpcentities.go:12-55 at commit 4450389. The three
 * engines there differ from that text and from one another. Here all three keep this contract.
 */
export type Outcome =
  | Tailed<Completed>
  | Tailed<CaughtUp>
  | Tailed<Canceled>
  | Tailed<SilentlyRetry>
  | Tailed<SilentlyRetryAfter>
  | Tailed<Retry>;

/** The result of the `act` of a `defineActivity`: an outcome without a tail, which the engine keeps. To fail, throw. */
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
/** The text is the compiler's error for an outcome with a tail at level 2, or without one at level 1. */
type Tailless<T> = T & {
  readonly tail?: "a defineProcessor passes the tail, a defineActivity does not";
};

/** The work is done. The task never runs again. */
export function completed(): Tailless<Completed>;
export function completed(tail: Tail): Tailed<Completed>;
export function completed(tail?: Tail): Tailless<Completed> | Tailed<Completed> {
  return tail === undefined ? { type: "completed" } : { type: "completed", tail };
}

/** Every event up to `tail` is processed, and the stream has no more for now. */
export function caughtUp(): Tailless<CaughtUp>;
export function caughtUp(tail: Tail): Tailed<CaughtUp>;
export function caughtUp(tail?: Tail): Tailless<CaughtUp> | Tailed<CaughtUp> {
  return tail === undefined ? { type: "caughtUp" } : { type: "caughtUp", tail };
}

/** Run again after the backoff, without a log line. */
export function silentRetry(): Tailless<SilentlyRetry>;
export function silentRetry(tail: Tail): Tailed<SilentlyRetry>;
export function silentRetry(tail?: Tail): Tailless<SilentlyRetry> | Tailed<SilentlyRetry> {
  return tail === undefined ? { type: "silentRetry" } : { type: "silentRetry", tail };
}

/**
 * The last time that a task can wait for, in milliseconds since 1970: the last day that the four-digit year of a
 * schedule can name.
 */
export const latestTime: number = Date.UTC(9999, 11, 31);

/**
 * Run again, not before `at`, without a log line. A time in the past, or an invalid one, means {@link silentRetry}. One
 * later than 9999-12-31T00:00:00Z is refused: the run has failed.
 */
export function silentRetryAfter(at: Date): Tailless<SilentlyRetryAfter>;
export function silentRetryAfter(tail: Tail, at: Date): Tailed<SilentlyRetryAfter>;
export function silentRetryAfter(
  tailOrAt: Tail | Date,
  at?: Date,
): Tailless<SilentlyRetryAfter> | Tailed<SilentlyRetryAfter> {
  if (tailOrAt instanceof Date) return { type: "silentRetryAfter", at: tailOrAt };
  return { type: "silentRetryAfter", tail: tailOrAt, at: at ?? new Date(Number.NaN) };
}

/** The run was aborted. The next run goes on from `tail`. */
export function canceled(tail: Tail): Tailed<Canceled> {
  return { type: "canceled", tail };
}

/** A temporary error: log it and run again after the backoff. */
export function retry(tail: Tail, error: unknown): Tailed<Retry> {
  return { type: "retry", tail, error };
}

/** The thrown form of `silentRetry`, for code deep inside an activity. */
export class SilentRetry extends Error {
  override readonly name = "SilentRetry";
  constructor() {
    super("retry silently");
  }
}

/** The thrown form of `silentRetryAfter`: run again, not before `after`. */
export class SilentRetryAfter extends Error {
  override readonly name = "SilentRetryAfter";
  readonly after: Date;
  constructor(after: Date) {
    super(`retry after ${Number.isNaN(after.getTime()) ? "an invalid time" : after.toISOString()}`);
    this.after = after;
  }
}

/** True for a {@link SilentRetry}. Tests the shape, not the class: an activity may bundle its own copy of Tailwake. */
export function isSilentRetry(error: unknown): error is SilentRetry {
  return error instanceof Error && error.name === "SilentRetry";
}

/** True for a {@link SilentRetryAfter}. Tests the shape, as {@link isSilentRetry}. */
export function isSilentRetryAfter(error: unknown): error is SilentRetryAfter {
  return error instanceof Error && error.name === "SilentRetryAfter" && "after" in error && error.after instanceof Date;
}

/** The outcome of a run whose activity threw `error` when it had reached `tail`. */
export function thrownOutcome(error: unknown, tail: Tail): Outcome {
  if (isSilentRetry(error)) return silentRetry(tail);
  if (isSilentRetryAfter(error)) return silentRetryAfter(tail, error.after);
  return retry(tail, error);
}

/** True for a wait until a time later than {@link latestTime}, which is refused (protocol rule 17). */
export function isOutOfReach(outcome: Outcome): outcome is Tailed<SilentlyRetryAfter> {
  return outcome.type === "silentRetryAfter" && outcome.at.getTime() > latestTime;
}

const types: ReadonlySet<unknown> = new Set<Outcome["type"]>([
  "completed",
  "caughtUp",
  "canceled",
  "silentRetry",
  "silentRetryAfter",
  "retry",
]);

/** Checks the value that an activity returned: JavaScript authors have no compiler that does. */
export function isOutcome(value: unknown): value is Outcome {
  return isDecision(value) && "tail" in value && isTail(value.tail);
}

/** Checks the value that `act` returned: an outcome without its tail. */
export function isDecision(value: unknown): value is Decision {
  if (typeof value !== "object" || value === null || !("type" in value) || !types.has(value.type)) return false;
  return value.type !== "silentRetryAfter" || ("at" in value && value.at instanceof Date);
}
