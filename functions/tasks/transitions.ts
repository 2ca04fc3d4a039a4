import { describeError } from "../contract/error.ts";
import type { Address } from "../contract/stream.ts";
import type { Tail } from "../contract/tail.ts";
import { strikeDelayMs } from "./backoff.ts";
import type { EngineName, Intervention, RecordStatus, StoredError, TaskKey, TaskRecord } from "./record.ts";
import { taskName } from "./record.ts";
import { leaseOverAt } from "./standing.ts";
import { clockSkewMs, graceMs, maxRescueMs, strikesToQuarantine, timerSlackMs } from "./times.ts";
import {
  absent,
  all,
  any,
  atLeast,
  atMost,
  type Changes,
  type Guard,
  is,
  missing,
  type Operation,
  oneOf,
  remove,
  type Update,
} from "./update.ts";

/**
 * Every transition of a task, as a pure function to one conditional write. The table in docs/design.md lists them; the
 * numbers of the rules are those of that page.
 *
 *     ready ──acquire──▶ running ──caughtUp──▶ sleeping
 *       ▲                  │ ├──canceled, advanced──▶ ready
 *       │                  │ ├──retry, silentRetry(After)──▶ retrying ──acquire──▶ running
 *       │                  │ └──completed──▶ completed
 *       └─resume, rewind── parked ◀── limit of attempts or strikes
 */

const notPaused = missing("paused");
const live: readonly RecordStatus[] = ["ready", "running", "sleeping", "retrying", "parked"];

/** Condition of everything that a run writes: the token is still its own (T2). */
const mine = (token: string): Guard => is("token", token);

/** Every commit gives the token and the lease up; without it a thawed run would still write (rule 1). */
const released = (token: string) => ({ token: remove, leaseUntil: remove, lastToken: token }) as const;
const committedBy = (token: string) => (stored: TaskRecord) => stored.lastToken === token;

// ── start and acquire ────────────────────────────────────────────────────────────────────────────

/** The first record of a task. Read first: a refused put is billed at the size of the stored item. */
export function start(address: Address, engine: EngineName, now: number, eagerBucket?: string): Update {
  return {
    operation: "start",
    guard: absent,
    changes: {
      address,
      engine,
      status: "ready",
      tail: "epoch",
      wakeCount: 0,
      fence: 0,
      attempts: 0,
      strikes: 0,
      rescues: 0,
      startedAt: now,
      due: now + graceMs,
      ...(eagerBucket === undefined ? {} : { eagerBucket }),
    },
  };
}

export interface Claim {
  /** Chosen before the call, unique. */
  readonly token: string;
  /** The invocation's hard end plus {@link clockSkewMs} (rule 7): the platform's own kill makes the lease safe. */
  readonly leaseUntil: number;
  readonly engine: EngineName;
  /** Where a leader finds the task; undefined takes it out of the leaders' sight. */
  readonly eagerBucket: string | undefined;
  /** Nothing runs beside it: it may take what has {@link strikesToQuarantine} strikes or more (rule 8). */
  readonly inQuarantine: boolean;
  readonly now: number;
}

/** What a wake may take; the wake classes (rule 3) map to it. */
export interface AcquireRule {
  /** A sleeping task of the lazy or eager engine. */
  readonly sleeping: boolean;
  /** A cron task before its slot, and a retry before its time. */
  readonly early: boolean;
  /** Only if the record still has this fence. */
  readonly fence: number | undefined;
}

/**
 * Takes the lease of a task that nobody holds.
 *
 *     before notBefore │ from notBefore − 2 s │ running, lease alive │ lease over (5 s of skew)
 *     refused, unless  │ taken                │ refused              │ acquireExpired
 *     the wake is early│                      │                      │
 */
export function acquire(claim: Claim, rule: AcquireRule): Update {
  const states: Guard[] = [is("status", "ready")];
  if (claim.engine === "cron") {
    const slot = any(missing("notBefore"), atMost("notBefore", claim.now));
    states.push(rule.early ? is("status", "sleeping") : all(is("status", "sleeping"), slot));
  } else if (rule.sleeping) {
    states.push(is("status", "sleeping"));
  }
  const timeHasCome = atMost("notBefore", claim.now + timerSlackMs);
  states.push(rule.early ? is("status", "retrying") : all(is("status", "retrying"), timeHasCome));
  const fence = rule.fence === undefined ? [] : [is("fence", rule.fence)];
  const harmless = claim.inQuarantine ? [] : [any(missing("strikes"), atMost("strikes", strikesToQuarantine - 1))];
  return taking("acquire", claim, all(notPaused, ...fence, ...harmless, any(...states)), ["fence"]);
}

/** Takes the lease over from a run that its invocation did not survive: a strike (rule 8). */
export function acquireExpired(claim: Claim, seenToken: string, seenStrikes: number): Update {
  const dead = all(
    notPaused,
    is("status", "running"),
    is("token", seenToken),
    atMost("leaseUntil", claim.now - clockSkewMs - strikeDelayMs(seenStrikes) - 1),
  );
  return taking("acquire over a dead lease", claim, dead, ["fence", "strikes"]);
}

/**
 * Takes a task over from an earlier leader of the same shard (rule 19). The lease of an eager task is its shard's
 * epoch, so nobody waits for its end; a strike, unless that leader had left in order.
 */
export function acquireFromEarlierLeader(claim: Claim, seenToken: string, leftInOrder: boolean): Update {
  const held = all(notPaused, is("status", "running"), is("token", seenToken));
  return taking("acquire from an earlier leader", claim, held, leftInOrder ? ["fence"] : ["fence", "strikes"]);
}

/** Takes the lease from a run that killed its leader, so that the task runs with nothing beside it: a strike (rule 8). */
export function quarantine(seenToken: string, now: number): Update {
  return {
    operation: "quarantine",
    guard: all(notPaused, is("status", "running"), is("token", seenToken)),
    // Not the last token: that would tell the dead run, should it thaw, that its commit had been applied.
    changes: { status: "ready", token: remove, leaseUntil: remove, due: now + graceMs },
    increment: ["fence", "strikes"],
  };
}

function taking(operation: Operation, claim: Claim, guard: Guard, increment: Update["increment"] & {}): Update {
  const { token, leaseUntil, engine, eagerBucket } = claim;
  return {
    operation,
    guard,
    changes: { status: "running", token, leaseUntil, engine, eagerBucket: eagerBucket ?? remove, rescues: 0 },
    increment,
    appliedIf: (stored) => stored.token === token,
  };
}

/** A signal or a completed child while the task runs: that run will not go to sleep on it (T3). */
export function recordWake(seenToken: string, by: "signal" | "child"): Update {
  return {
    operation: `${by} to a running task`,
    guard: all(is("status", "running"), is("token", seenToken)),
    changes: by === "child" ? { childDone: true } : {},
    increment: ["wakeCount"],
  };
}

/**
 * Makes a task ready for whoever runs it later: a leader of the eager engine, which looks for itself, or a tick once its
 * upstream may be used again. `early`: also one that waits for a retry, and it must act.
 */
export function markReady(now: number, early: boolean): Update {
  return {
    operation: "mark ready",
    guard: all(notPaused, early ? oneOf("status", ["sleeping", "retrying"]) : is("status", "sleeping")),
    changes: {
      status: "ready",
      awaiting: remove,
      notBefore: remove,
      due: now + graceMs,
      ...(early ? { acted: remove } : {}),
    },
    // A leader that lets a task wait sees in its index that something has happened to it.
    increment: ["wakeCount"],
  };
}

// ── what a run writes ────────────────────────────────────────────────────────────────────────────

/** How far a run got: written as one with the status, so that tail and view move together (T5). */
export interface Progress {
  readonly tail: Tail;
  readonly view: ViewChange;
  /** Level 2: the last event acted on; "again" if the next run must act; "unchanged" for level 1. */
  readonly acted: Tail | "again" | "unchanged";
  /** When the server last showed that it knows the tail; only of kinds that need it (rule 18). */
  readonly tailSeenAt: number | "unchanged";
  /** Level 2: the rebuilt view has not passed `acted` yet. */
  readonly actedAhead: boolean;
  /** The last runs with this one; absent leaves them as they are. */
  readonly runs?: string | undefined;
}

export type ViewChange =
  | { readonly type: "unchanged" }
  | { readonly type: "none" }
  | { readonly type: "inline"; readonly json: string; readonly version: number }
  | { readonly type: "item"; readonly name: string; readonly version: number };

function progressed({ tail, view, acted, actedAhead, tailSeenAt, runs }: Progress): Changes {
  const viewChanges: Changes =
    view.type === "unchanged"
      ? {}
      : view.type === "none"
        ? { view: remove, viewRef: remove, viewVersion: remove }
        : view.type === "inline"
          ? { view: view.json, viewRef: remove, viewVersion: view.version }
          : { view: remove, viewRef: view.name, viewVersion: view.version };
  const actedChanges: Changes =
    acted === "unchanged" ? {} : { acted: acted === "again" ? remove : acted, actedAhead: actedAhead || remove };
  const rest: Changes = {
    ...(tailSeenAt === "unchanged" ? {} : { tailSeenAt }),
    ...(runs === undefined ? {} : { runs }),
  };
  return { tail, ...viewChanges, ...actedChanges, ...rest };
}

/** Progress written in the middle of a run. It never resets attempts (rule 9). */
export function checkpoint(token: string, progress: Progress): Update {
  return { operation: "checkpoint", guard: mine(token), changes: progressed(progress) };
}

export interface Sleep {
  /** `wakes` as the run saw it before it opened its stream (rule 2). */
  readonly seenWakeCount: number;
  readonly awaiting: boolean;
  /** Cron: when the next slot is. */
  readonly notBefore: number | undefined;
  /** When someone must look; undefined leaves it as it is, so that a normal run moves no index key (rule 6). */
  readonly due: number | undefined;
}

/** What every commit has in common: it presents the token, writes how far the run got, and gives the lease up. */
function commit(operation: Operation, token: string, progress: Progress, changes: Changes) {
  return {
    operation,
    guard: mine(token),
    changes: { ...progressed(progress), ...released(token), ...changes },
    appliedIf: committedBy(token),
  } satisfies Update;
}

/** Caught up, or awaiting a child. Refused if a wake came since: then {@link rerun}. */
export function sleep(token: string, progress: Progress, sleep: Sleep): Update {
  const update = commit("caughtUp", token, progress, {
    status: "sleeping",
    attempts: 0,
    strikes: 0,
    error: remove,
    awaiting: sleep.awaiting || remove,
    childDone: remove,
    notBefore: sleep.notBefore ?? remove,
    ...(sleep.due === undefined ? {} : { due: sleep.due }),
  });
  return { ...update, guard: all(update.guard, is("wakeCount", sleep.seenWakeCount)) };
}

/** Caught up, but wakes moved: keeps the token, and the record that comes back has the new `wakes` to have seen. */
export function rerun(token: string, progress: Progress): Update {
  return { operation: "caughtUp, wakes moved", guard: mine(token), changes: progressed(progress) };
}

/** Caught up, and goes on watching: as {@link sleep}, but the lease is kept. Refused likewise. */
export function keepWatching(token: string, progress: Progress, seenWakeCount: number): Update {
  return {
    operation: "caughtUp, watching",
    guard: all(mine(token), is("wakeCount", seenWakeCount)),
    changes: { ...progressed(progress), attempts: 0, strikes: 0, error: remove, awaiting: remove, childDone: remove },
  };
}

/** Canceled after it advanced, or a watch that ends at the head: the next run goes on at once. */
export function handOver(token: string, progress: Progress, now: number): Update {
  return commit("canceled, tail advanced", token, progress, {
    status: "ready",
    strikes: 0,
    awaiting: remove,
    notBefore: remove,
    due: now + graceMs,
  });
}

/** Another attempt at `notBefore`: canceled without advance, silentRetry and retry. */
export function retryAt(token: string, progress: Progress, notBefore: number, error: StoredError | undefined): Update {
  const changes = { ...waiting(notBefore), ...(error ? { error } : {}) };
  return { ...commit("retry", token, progress, changes), increment: ["attempts"] };
}

/** A wait that the activity asked for: not an attempt. */
export function waitUntil(token: string, progress: Progress, at: number): Update {
  return commit("silentRetryAfter", token, progress, waiting(at));
}

function waiting(until: number) {
  return { status: "retrying", strikes: 0, awaiting: remove, notBefore: until, due: until + graceMs } as const;
}

/** The limit of attempts is reached: an operator must look. */
export function park(token: string, progress: Progress, error: StoredError | undefined): Update {
  const update = commit("attempt limit reached", token, progress, {
    status: "parked",
    awaiting: remove,
    notBefore: remove,
    due: remove,
    eagerBucket: remove,
    ...(error ? { error } : {}),
  });
  return { ...update, increment: ["attempts"] };
}

/** Done for good. Refused if someone waits: then {@link completeForWaiters}. */
export function complete(token: string, tail: Tail, runs?: string): Update {
  const update = completing("completed, no waiters", token, tail, runs, remove);
  return { ...update, guard: all(update.guard, missing("waiters")) };
}

/** Done for good, with waiters to mark: due until they are. */
export function completeForWaiters(token: string, tail: Tail, now: number, runs?: string): Update {
  return completing("completed, waiters", token, tail, runs, now + graceMs);
}

function completing(
  operation: Operation,
  token: string,
  tail: Tail,
  runs: string | undefined,
  due: number | typeof remove,
) {
  const progress = {
    tail,
    runs,
    view: { type: "none" },
    acted: "again",
    actedAhead: false,
    tailSeenAt: "unchanged",
  } as const;
  // Nor is it paused any more: a tick would take its due time for that of a paused task, and leave its waiters untold.
  const cleared = {
    attempts: 0,
    strikes: 0,
    awaiting: remove,
    notBefore: remove,
    error: remove,
    paused: remove,
  } as const;
  return commit(operation, token, progress, { ...cleared, status: "completed", due, eagerBucket: remove });
}

// ── waiters ──────────────────────────────────────────────────────────────────────────────────────

/** Asks for a wake when the task completes. Refused if it has: a promise that nobody would keep. */
export function addWaiter(waiter: TaskKey): Update {
  return { operation: "add waiter", guard: oneOf("status", live), changes: {}, waiter: taskName(waiter) };
}

/** Makes a sleeping waiter ready. A running one is told by {@link recordWake}; another status runs anyway. */
export function markWaiter(now: number): Update {
  return {
    operation: "mark a waiter",
    guard: all(notPaused, is("status", "sleeping")),
    changes: { status: "ready", childDone: true, awaiting: remove, notBefore: remove, due: now + graceMs },
  };
}

/** All waiters are marked, or all but some that stay, with the due time. */
export function notified(waiters: readonly string[], untold: readonly string[] = []): Update {
  return {
    operation: "notified",
    guard: all(is("status", "completed"), is("waiters", waiters)),
    changes: untold.length > 0 ? { waiters: untold } : { waiters: remove, due: remove },
  };
}

// ── the due scan ─────────────────────────────────────────────────────────────────────────────────

/** Claims an overdue task, so that of two ticks only one wakes it; the next look is later each time. */
export function rescue(record: TaskRecord, seenDue: number, now: number): Update {
  const again = now + Math.min(maxRescueMs, graceMs * 2 ** record.rescues);
  return {
    operation: "rescue",
    guard: is("due", seenDue),
    changes: { due: record.paused ? remove : again },
    increment: ["rescues"],
  };
}

/** Puts the next check a sleeping task one probe period off. */
export function checkSleeping(seenDue: number, nextProbe: number): Update {
  return {
    operation: "check a sleeping task",
    guard: all(is("due", seenDue), is("status", "sleeping")),
    changes: { due: nextProbe },
  };
}

/** Puts the next check a running task where its lease ends. */
export function checkLease(record: TaskRecord, seenDue: number): Update {
  const { token = "" } = record;
  return {
    operation: "check a running task",
    guard: all(is("due", seenDue), is("status", "running"), is("token", token)),
    changes: { due: leaseOverAt(record) + 1 },
  };
}

/** Puts the next look at a task off that cannot run now: its upstream is out, or its engine looks after it itself. */
export function postpone(seenDue: number, until: number): Update {
  return { operation: "postpone", guard: is("due", seenDue), changes: { due: until } };
}

/** Puts a task where the leaders of the eager engine find it, after its activity was bound to that engine. */
export function adopt(eagerBucket: string, seenDue: number, until: number): Update {
  return { operation: "adopt", guard: all(notPaused, is("due", seenDue)), changes: { eagerBucket, due: until } };
}

/** Too many invocations died under this task. */
export function parkOnStrikes(limit: number, now: number, tail: Tail): Update {
  const message = `its invocation died ${limit} times in a row`;
  return {
    operation: "park on strikes",
    guard: all(is("status", "running"), atMost("leaseUntil", now - clockSkewMs - 1), atLeast("strikes", limit)),
    changes: {
      status: "parked",
      token: remove,
      leaseUntil: remove,
      due: remove,
      eagerBucket: remove,
      error: { message, at: now, afterEvent: tail },
    },
  };
}

// ── operators ────────────────────────────────────────────────────────────────────────────────────

/** Keeps a task from running; a run that is under way commits as usual. */
export function pause(running: boolean, intervention?: Intervention): Update {
  const changes: Changes = { paused: true, eagerBucket: remove, ...noted(intervention) };
  return running
    ? { operation: "pause", guard: is("status", "running"), changes }
    : {
        operation: "pause",
        guard: oneOf("status", ["ready", "sleeping", "retrying", "parked"]),
        changes: { ...changes, due: remove },
      };
}

/** Lets a paused or parked task run again, at once or when its time comes. */
export function resume(record: TaskRecord, now: number, eagerBucket?: string, intervention?: Intervention): Update {
  const waits = record.notBefore !== undefined && record.notBefore > now;
  const at = waits ? record.notBefore : now;
  return {
    operation: "resume",
    guard: all(
      any(is("paused", true), is("status", "parked")),
      oneOf("status", ["ready", "sleeping", "retrying", "parked"]),
      record.notBefore === undefined ? missing("notBefore") : is("notBefore", record.notBefore),
    ),
    changes: {
      paused: remove,
      attempts: 0,
      strikes: 0,
      acted: remove,
      eagerBucket: eagerBucket ?? remove,
      status: waits ? "retrying" : "ready",
      due: at + graceMs,
      ...noted(intervention),
    },
    increment: ["fence"],
  };
}

/** Takes the flag off a running task. Its due time may have gone while it was paused, so it gets one (rule 6). */
export function resumeRunning(now: number, eagerBucket?: string, intervention?: Intervention): Update {
  return {
    operation: "resume while running",
    guard: all(is("paused", true), is("status", "running")),
    changes: { paused: remove, due: now + graceMs, eagerBucket: eagerBucket ?? remove, ...noted(intervention) },
    increment: ["wakeCount"],
  };
}

/** Moves the tail, fences a run out that may be under way, and starts over with an empty view. */
export function rewind(tail: Tail, now: number, eagerBucket?: string, intervention?: Intervention): Update {
  return {
    operation: "rewind",
    guard: oneOf("status", live),
    changes: {
      ...progressed({ tail, view: { type: "none" }, acted: "again", actedAhead: false, tailSeenAt: 0 }),
      token: remove,
      leaseUntil: remove,
      notBefore: remove,
      awaiting: remove,
      status: "ready",
      due: now + graceMs,
      eagerBucket: eagerBucket ?? remove,
      ...noted(intervention),
    },
    increment: ["fence"],
  };
}

const noted = (intervention: Intervention | undefined): Changes => (intervention ? { intervention } : {});

/** An error as the record keeps it: one line, at most 500 characters. */
export function storedError(error: unknown, at: number, afterEvent: Tail): StoredError {
  return { message: describeError(error).replaceAll(/\s+/g, " ").slice(0, 500), at, afterEvent };
}
