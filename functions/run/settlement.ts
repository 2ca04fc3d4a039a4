import { describeError } from "../contract/error.ts";
import type { Outcome } from "../contract/outcome.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import type { ChildWait, EngineRules } from "../engines/engine.ts";
import type { LogFields, LogLevel } from "../foundation/logger.ts";
import { backoffMs } from "../tasks/backoff.ts";
import type { TaskKey, TaskRecord } from "../tasks/record.ts";
import {
  complete,
  completeForWaiters,
  handOver,
  keepWatching,
  type Progress,
  park,
  rerun,
  retryAt,
  sleep,
  storedError,
  waitUntil,
} from "../tasks/transitions.ts";
import type { Update } from "../tasks/update.ts";
import type { TaskWake } from "../wake/wake.ts";

/** What a run does next: it is over, it makes another pass for wakes that arrived meanwhile, or it watches for more. */
export type Next = "over" | "again" | "watching";

/** Makes a transition, given the progress to store and the time of the write in milliseconds since 1970. */
type Write = (progress: Progress, now: number) => Update;

/**
 * What to do about an outcome, as data: the write, another write if that is refused although the run has its lease, and
 * what to log, count and send afterwards. `carryOut` does it.
 */
export interface Settlement {
  /** The tail that the run has reached. */
  readonly tail: Tail;
  /** Absent if nothing needs to be written yet. */
  readonly write?: Write;
  readonly next: Next;
  /** What to write instead, if a wake or a waiter was recorded since the run read its record. */
  readonly otherwise?: { readonly write: Write; readonly next: Next };
  /** The error that the run failed with. Logged even if the lease is lost. */
  readonly failure?: { readonly error: unknown };
  readonly log: readonly Line[];
  readonly isParked?: boolean;
  /** Completed: notify the waiters. */
  readonly tellsWaiters?: boolean;
  /** The wake to send after the write; `at` in milliseconds since 1970, absent for at once. */
  readonly wake?: { readonly wake: TaskWake; readonly at?: number };
  /** Watching: a later write has to store the progress. */
  readonly unwritten?: boolean;
}

interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Everything that a settlement depends on, besides the outcome. */
export interface RunFacts {
  readonly key: TaskKey;
  readonly token: string;
  readonly fence: number;
  /** The record as the run last read or wrote it. */
  readonly record: TaskRecord;
  /** The tail at acquire. */
  readonly firstTail: Tail;
  readonly seenWakeCount: number;
  readonly wait: ChildWait;
  readonly watches: boolean;
  /** A pass of the run has caught up, and that is stored if it had to be. */
  readonly hasCaughtUp: boolean;
  /** The run has started a child that was not there before. */
  readonly hasStarted: boolean;
  /** Level 2: `act` was called, and did not end as caught up. */
  readonly acting: boolean;
  /** Watching: progress is not written yet. */
  readonly unwritten: boolean;
  /** When the run last wrote, in milliseconds since 1970. */
  readonly writtenAt: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** In [0, 1): the jitter of a backoff. */
  readonly random: () => number;
  readonly parkAfterAttempts: number | undefined;
  /** The times that a run which caught up stores, by the rules of its engine. */
  readonly sleepUntil: ReturnType<EngineRules["sleep"]>;
  /** Whether a run of this engine sends the wake of the next one. */
  readonly setsAlarms: boolean;
}

/** How long the progress of a watching run may stay unwritten, so that a busy stream costs one write per second. */
export const maxUnwrittenMs = 1_000;

type Settle<T extends Outcome["type"]> = (outcome: Outcome & { readonly type: T }, facts: RunFacts) => Settlement;

/** The second column of the error contract, for every engine. */
const settlements: { readonly [T in Outcome["type"]]: Settle<T> } = {
  completed: ({ tail }, { token }) => ({
    tail,
    write: ({ runs }) => complete(token, tail, runs),
    otherwise: { write: ({ runs }, now) => completeForWaiters(token, tail, now, runs), next: "over" },
    next: "over",
    log: [line("info", "completed")],
    tellsWaiters: true,
  }),
  caughtUp: ({ tail }, facts) =>
    facts.watches && facts.wait === "none" ? watching(tail, facts) : sleeping(tail, facts),
  // A run with more children to start than it had time for goes on where it stopped: it finds the others by a read.
  canceled: ({ tail }, facts) =>
    gotFurther(tail, facts) || facts.hasStarted ? handingOver(tail, facts) : retrying(tail, facts),
  silentRetry: ({ tail }, facts) => retrying(tail, facts),
  silentRetryAfter: ({ tail, at }, facts) =>
    // A time in the past, or an invalid one, counts as silentRetry (rule 17); NaN compares false.
    at.getTime() > facts.now ? waiting(tail, at.getTime(), facts) : retrying(tail, facts),
  retry: ({ tail, error }, facts) => retrying(tail, facts, { error }),
};

export function settlementOf(outcome: Outcome, facts: RunFacts): Settlement {
  return (settlements[outcome.type] as Settle<Outcome["type"]>)(outcome, facts);
}

/** Writes the progress that a watching run has not written yet. */
export function flushed(tail: Tail, facts: RunFacts): Settlement {
  return stored(tail, facts, "watching", (progress) => keepWatching(stepOf(facts), progress, facts.seenWakeCount));
}

/** Writes the progress of a run because wakes were recorded, and reads the new `wakeCount`. */
export function continued(tail: Tail, facts: RunFacts): Settlement {
  return stored(tail, facts, "again", (progress) => rerun(stepOf(facts), progress));
}

function sleeping(tail: Tail, facts: RunFacts): Settlement {
  const { token, seenWakeCount, wait, sleepUntil } = facts;
  const awaiting = wait !== "none";
  return stored(tail, facts, "over", (progress) => sleep(token, progress, { seenWakeCount, awaiting, ...sleepUntil }));
}

/** Caught up in a run that watches: writes the progress, unless nothing changed or the last write was just before. */
function watching(tail: Tail, facts: RunFacts): Settlement {
  const { record, unwritten, writtenAt, now } = facts;
  const inTrouble = record.attempts > 0 || record.strikes > 0 || record.error !== undefined;
  const asked = record.childDone === true || record.actAsked === true;
  const hasToWrite = inTrouble || asked || record.awaiting === true;
  if (!hasToWrite && (!unwritten || now - writtenAt < maxUnwrittenMs)) {
    return { tail, next: "watching", log: [], unwritten };
  }
  return flushed(tail, facts);
}

/** The write of a run that caught up. If it is refused and the token is still there, a wake was recorded (T3). */
function stored(tail: Tail, facts: RunFacts, next: Next, write: Write): Settlement {
  const moved = tail !== facts.record.tail;
  return {
    tail,
    write,
    next,
    otherwise: { write: (progress) => rerun(stepOf(facts), progress), next: "again" },
    log: moved ? [line("info", "progressed", { vid: tailText(tail) })] : [],
  };
}

/**
 * Whether a run has made progress (rule 9): a pass of it caught up, even at the same tail, or it ends at another tail.
 * Epoch is a step back. So is an earlier tail, but tails have no order: only a second run that ends there shows it.
 */
function gotFurther(tail: Tail, { firstTail, hasCaughtUp }: RunFacts): boolean {
  return hasCaughtUp || (tail !== firstTail && tail !== epoch);
}

function handingOver(tail: Tail, { key, token, fence, setsAlarms }: RunFacts): Settlement {
  return {
    tail,
    write: (progress, now) => handOver(token, progress, now),
    next: "over",
    log: [],
    ...(setsAlarms && { wake: { wake: { class: "handOver", key, fence } } }),
  };
}

/** `failure` is absent for a silent retry. Its error may be any value, including undefined. */
function retrying(tail: Tail, facts: RunFacts, failure?: { readonly error: unknown }): Settlement {
  const { token, record, now, random, parkAfterAttempts: limit } = facts;
  // Events that were folded before an `act` failed are no progress: else one that always fails would never be parked.
  const startsAgain = gotFurther(tail, facts) && (facts.hasCaughtUp || !facts.acting);
  const attempts = startsAgain ? 1 : record.attempts + 1;
  const isParked = limit !== undefined && attempts >= limit;
  const notBefore = now + backoffMs(attempts, random());
  const error = failure && storedError(failure.error, now, tail);
  const afterEvent = tailText(tail);
  const log = [];
  if (failure) {
    const retryInMs = isParked ? undefined : notBefore - now;
    log.push(line("error", "failed", { err: describeError(failure.error), afterEvent, attempt: attempts, retryInMs }));
  }
  if (isParked) log.push(line("error", "parked", { afterEvent, attempts }));
  return {
    tail,
    write: (progress) =>
      isParked ? park(token, progress, attempts, error) : retryAt(token, progress, attempts, notBefore, error),
    next: "over",
    ...(failure && { failure }),
    log,
    isParked,
    ...(!isParked && timer(facts, notBefore)),
  };
}

function waiting(tail: Tail, at: number, facts: RunFacts): Settlement {
  return {
    tail,
    write: (progress) => waitUntil(facts.token, progress, at, facts.wait === "asked"),
    next: "over",
    log: [],
    ...timer(facts, at),
  };
}

function timer({ key, fence, setsAlarms }: RunFacts, at: number): Pick<Settlement, "wake"> {
  return setsAlarms ? { wake: { wake: { class: "timer", key, fence }, at } } : {};
}

const stepOf = ({ token, record: { step } }: RunFacts) => ({ token, step });

const line = (level: LogLevel, message: string, fields: LogFields = {}): Line => ({ level, message, fields });

const tailText = (tail: Tail): string => (tail === epoch ? "Epoch" : tail);
