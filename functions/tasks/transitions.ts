import { describeError } from "../contract/error.ts";
import type { Address } from "../contract/stream.ts";
import type { Tail } from "../contract/tail.ts";
import { strikeDelayMs } from "./backoff.ts";
import type { EngineName, Intervention, RecordStatus, StoredError, TaskRecord } from "./record.ts";
import { leaseOverAt } from "./standing.ts";
import { clockSkewMs, graceMs, maxRescueMs, strikesToQuarantine, timerSlackMs } from "./times.ts";
import {
  absent,
  all,
  any,
  appliedAgain,
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
 * Every transition of a task, as a pure function that makes one conditional write. The table in docs/design.md lists
 * them, and that page numbers the rules.
 *
 *     ready ──acquire──▶ running ──caughtUp──▶ sleeping
 *       ▲                  │ ├──canceled, advanced──▶ ready
 *       │                  │ ├──retry, silentRetry(After)──▶ retrying ──acquire──▶ running
 *       │                  │ └──completed──▶ completed
 *       └─resume, rewind── parked ◀── limit of attempts or strikes
 */

const notPaused = missing("paused");
const live: readonly RecordStatus[] = ["ready", "running", "sleeping", "retrying", "parked"];

/** The condition of every write of a run: the record still has the run's token (T2). */
const mine = (token: string): Guard => is("token", token);

/** Every commit removes the token and the lease. Otherwise a run that thaws could still write (rule 1). */
const released = (token: string) => ({ token: remove, leaseUntil: remove, lastToken: token }) as const;
const committedBy = (token: string) => (stored: TaskRecord) => stored.lastToken === token;

// ── start and acquire ────────────────────────────────────────────────────────────────────────────

/** The first record of a task. Read before this write: a refused put costs the size of the stored item. */
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
    appliedIf: ({ startedAt, fence, status }) => startedAt === now && fence === 0 && status === "ready",
  };
}

export interface Claim {
  /** Unique; chosen by the caller. */
  readonly token: string;
  /** The invocation's hard end plus {@link clockSkewMs} (rule 7): by then the platform has killed the run. */
  readonly leaseUntil: number;
  readonly engine: EngineName;
  /** The bucket in which a leader finds the task; undefined removes it from the eager index. */
  readonly eagerBucket: string | undefined;
  /** The invocation runs nothing else, so it may acquire a task with {@link strikesToQuarantine} strikes (rule 8). */
  readonly inQuarantine: boolean;
  readonly now: number;
}

/** Which tasks a wake may acquire, by its class (rule 3). */
export interface AcquireRule {
  /** A sleeping task of the lazy or eager engine. */
  readonly sleeping: boolean;
  /** A cron task before its slot, and a retry before its time. */
  readonly early: boolean;
  /** Only a task that still has this fence. */
  readonly fence: number | undefined;
}

/**
 * Acquires the lease of a task that is not running.
 *
 *     before notBefore │ from notBefore − 2 s │ running, lease alive │ lease over (5 s of skew)
 *     refused, unless  │ acquired             │ refused              │ acquireExpired
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

/** Acquires the lease over that of a run that died: a strike (rule 8). */
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
 * Acquires a task from an earlier leader of the same shard (rule 19). The lease of an eager task ends with its leader's
 * epoch, so the new leader does not wait; a strike, unless the earlier leader released the shard.
 */
export function acquireFromEarlierLeader(claim: Claim, seenToken: string, leftInOrder: boolean): Update {
  const held = all(notPaused, is("status", "running"), is("token", seenToken));
  return taking("acquire from an earlier leader", claim, held, leftInOrder ? ["fence"] : ["fence", "strikes"]);
}

/**
 * Acquires a task whose run has ended without a commit, since the table did not take it. Whoever knows that from the run
 * need not wait for the end of its lease, and it is no strike: no invocation died (rule 8).
 */
export function acquireGivenBack(claim: Claim, seenToken: string): Update {
  const left = all(notPaused, is("status", "running"), is("token", seenToken));
  return taking("acquire a lease given back", claim, left, ["fence"]);
}

/** Removes the lease of a run that killed its leader, so that the task runs in quarantine: a strike (rule 8). */
export function quarantine(seenToken: string, now: number): Update {
  return {
    operation: "quarantine",
    guard: all(notPaused, is("status", "running"), is("token", seenToken)),
    // Does not set lastToken: if the dead run thaws, it would take its commit for applied.
    changes: { status: "ready", token: remove, leaseUntil: remove, due: now + graceMs },
    increment: ["fence", "strikes"],
    appliedIf: madeReady(now),
  };
}

function taking(operation: Operation, claim: Claim, guard: Guard, increment: Update["increment"] & {}): Update {
  const { token, leaseUntil, engine, eagerBucket } = claim;
  return {
    operation,
    guard,
    changes: {
      status: "running",
      token,
      leaseUntil,
      step: remove,
      engine,
      eagerBucket: eagerBucket ?? remove,
      rescues: 0,
    },
    increment,
    appliedIf: (stored) => stored.token === token,
  };
}

/** Records a signal for a running task, so that its run does not go to sleep without it (T3). */
export function recordSignal(seenToken: string): Update {
  return {
    operation: "signal to a running task",
    guard: all(is("status", "running"), is("token", seenToken)),
    changes: {},
    increment: ["wakeCount"],
    appliedIf: appliedAgain,
  };
}

/**
 * Records in a task of any status that an operator has woken it. Who acquires it from then on acts (rule 14), and a run
 * in progress does not go to sleep without it (T3).
 */
export function askToAct(): Update {
  return {
    operation: "act asked",
    guard: oneOf("status", live),
    changes: { actAsked: true },
    increment: ["wakeCount"],
    appliedIf: appliedAgain,
  };
}

/**
 * Makes a task ready without a wake: a leader of the eager engine finds it, or a tick does once its upstream may be
 * used again. `early` also makes a task ready that waits for a retry, and makes its next run act. A task that awaits a
 * child still does.
 */
export function markReady(now: number, early: boolean): Update {
  return {
    operation: "mark ready",
    guard: all(notPaused, early ? oneOf("status", ["sleeping", "retrying"]) : is("status", "sleeping")),
    changes: {
      status: "ready",
      notBefore: remove,
      due: now + graceMs,
      ...(early ? { acted: remove } : {}),
    },
    // A leader that lets a task wait notices the change in its index.
    increment: ["wakeCount"],
    appliedIf: madeReady(now),
  };
}

/** A task that was made ready at a time, and is not acquired yet. */
const madeReady =
  (now: number) =>
  ({ status, due }: TaskRecord): boolean =>
    status === "ready" && due === now + graceMs;

// ── what a run writes ────────────────────────────────────────────────────────────────────────────

/** The progress of a run, written together with the status, so that tail and view move together (T5). */
export interface Progress {
  readonly tail: Tail;
  readonly view: ViewChange;
  /** Level 2: the last event acted on; "again" if the next run must act; "unchanged" for level 1. */
  readonly acted: Tail | "again" | "unchanged";
  /** When the server last showed that it knows the tail; only for kinds whose server is silent (rule 18). */
  readonly tailSeenAt: number | "unchanged";
  /** Level 2: the view is being rebuilt and has not reached `acted` yet. */
  readonly actedAhead: boolean;
  /** The last runs, including this one; absent leaves them unchanged. */
  readonly runs?: string | undefined;
  /** The task awaits a child, and the run has not called its activity: if the run fails, the next one has to (rule 13). */
  readonly asksAgain?: boolean;
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

/** The lease of a run, and how many writes it has made under it (rule 5). */
export interface Step {
  readonly token: string;
  readonly step: number | undefined;
}

/**
 * The common part of the writes with which a run goes on. Each asks for the write before it: one that comes late, after
 * the run has written again, must not take the progress back.
 */
function goingOn(operation: Operation, { token, step }: Step, changes: Changes) {
  return {
    operation,
    guard: all(mine(token), step === undefined ? missing("step") : is("step", step)),
    changes,
    increment: ["step"],
    appliedIf: (stored) => stored.token === token && stored.step === (step ?? 0) + 1,
  } satisfies Update;
}

/** Writes the progress during a run. It never resets attempts (rule 9). */
export function checkpoint(of: Step, progress: Progress): Update {
  return goingOn("checkpoint", of, progressed(progress));
}

export interface Sleep {
  /** `wakeCount` as the run saw it before it opened its stream (rule 2). */
  readonly seenWakeCount: number;
  /** The last call of the activity asked for a wake when a child completes. */
  readonly awaiting: boolean;
  /** Cron: the time of the next slot. */
  readonly notBefore: number | undefined;
  /** When a tick checks the task; undefined leaves it unchanged, so that a normal run moves no index key (rule 6). */
  readonly due: number | undefined;
}

/** The common part of every commit: it requires the token, writes the progress, and removes the lease. */
function commit(operation: Operation, token: string, progress: Progress, changes: Changes) {
  return {
    operation,
    guard: mine(token),
    changes: { ...progressed(progress), ...released(token), ...changes },
    appliedIf: committedBy(token),
  } satisfies Update;
}

/** Caught up, or awaits a child. Refused if a wake was recorded meanwhile: then use {@link rerun}. */
export function sleep(token: string, progress: Progress, sleep: Sleep): Update {
  const update = commit("caughtUp", token, progress, {
    status: "sleeping",
    attempts: 0,
    strikes: 0,
    error: remove,
    awaiting: sleep.awaiting || remove,
    childDone: remove,
    actAsked: remove,
    notBefore: sleep.notBefore ?? remove,
    ...(sleep.due === undefined ? {} : { due: sleep.due }),
  });
  return { ...update, guard: all(update.guard, is("wakeCount", sleep.seenWakeCount)) };
}

/** Caught up, but a wake was recorded meanwhile: keeps the token. The resulting record has the new `wakeCount`. */
export function rerun(of: Step, progress: Progress): Update {
  return goingOn("caughtUp, wakes moved", of, progressed(progress));
}

/** Caught up, and goes on watching: as {@link sleep}, but keeps the lease. */
export function keepWatching(of: Step, progress: Progress, seenWakeCount: number): Update {
  const caughtUp = { attempts: 0, strikes: 0, error: remove } as const;
  const over = { awaiting: remove, childDone: remove, actAsked: remove } as const;
  const update = goingOn("caughtUp, watching", of, { ...progressed(progress), ...caughtUp, ...over });
  return { ...update, guard: all(update.guard, is("wakeCount", seenWakeCount)) };
}

/** Canceled after progress, or after a pass that caught up: the next run starts at once, and attempts from 0 (rule 9). */
export function handOver(token: string, progress: Progress, now: number): Update {
  return commit("canceled, tail advanced", token, progress, {
    status: "ready",
    attempts: 0,
    strikes: 0,
    ...endsWait(progress),
    notBefore: remove,
    due: now + graceMs,
  });
}

/**
 * Another attempt at `notBefore`: canceled without progress, silentRetry, and retry. `attempts` is what the record has
 * plus 1; after progress it is 1 (rule 9).
 */
export function retryAt(
  token: string,
  progress: Progress,
  attempts: number,
  notBefore: number,
  error: StoredError | undefined,
): Update {
  const changes = { ...waiting(notBefore), ...endsWait(progress), attempts, ...(error ? { error } : {}) };
  return commit("retry", token, progress, changes);
}

/**
 * A wait that the activity asked for. It does not count as an attempt. `awaiting`: it also asked for a wake when a child
 * completes, which ends the wait.
 */
export function waitUntil(token: string, progress: Progress, at: number, awaiting: boolean): Update {
  return commit("silentRetryAfter", token, progress, { ...waiting(at), awaiting: awaiting || remove });
}

function waiting(until: number) {
  return { status: "retrying", strikes: 0, notBefore: until, due: until + graceMs } as const;
}

/** A run that failed, or was stopped, awaits no child: the next call of the activity asks again. */
function endsWait({ asksAgain }: Progress): Changes {
  return { awaiting: remove, ...(asksAgain ? { childDone: true } : {}) };
}

/** The limit of attempts is reached: the task waits for an operator. `attempts` as in {@link retryAt}. */
export function park(token: string, progress: Progress, attempts: number, error: StoredError | undefined): Update {
  return commit("attempt limit reached", token, progress, {
    status: "parked",
    attempts,
    ...endsWait(progress),
    notBefore: remove,
    due: remove,
    eagerBucket: remove,
    ...(error ? { error } : {}),
  });
}

/** Completed. Refused if there are waiters: then use {@link completeForWaiters}. */
export function complete(token: string, tail: Tail, runs?: string): Update {
  const update = completing("completed, no waiters", token, tail, runs, remove);
  return { ...update, guard: all(update.guard, missing("awaited"), missing("waiters")) };
}

/** Completed, with waiters: due until all are marked. */
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
  // Removes the flag paused, too: a tick would treat the task as paused, and not notify its waiters.
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

/** Says that the task has a waiter, whose item is written before. Refused if the task has completed. */
export function addWaiter(): Update {
  const changes = { awaited: true } as const;
  return { operation: "add waiter", guard: oneOf("status", live), changes, appliedIf: appliedAgain };
}

/**
 * Makes a waiter ready that sleeps, or that waits for a time and awaits a child; with `cutsWaits` also one that waits
 * for anything else. Use {@link childCompleted} if it is refused.
 */
export function markWaiter(now: number, cutsWaits: boolean): Update {
  const waits = is("status", "retrying");
  return {
    operation: "mark a waiter",
    guard: all(notPaused, any(is("status", "sleeping"), cutsWaits ? waits : all(waits, is("awaiting", true)))),
    changes: lookedAt(now),
    // A leader that lets a task wait notices the change in its index.
    increment: ["wakeCount"],
    appliedIf: madeReady(now),
  };
}

/**
 * Records in a waiter of any status that a child has completed. Who acquires it from then on acts for the child, and a run
 * in progress does not go to sleep without it (T3).
 */
export function childCompleted(): Update {
  return {
    operation: "child completed",
    guard: oneOf("status", live),
    changes: { childDone: true },
    increment: ["wakeCount"],
    appliedIf: appliedAgain,
  };
}

/** The next run of the task acts, to look at its children. */
const lookedAt = (now: number): Changes => ({
  status: "ready",
  childDone: true,
  awaiting: remove,
  notBefore: remove,
  due: now + graceMs,
});

/** All waiters are told. None can be added any more. */
export function notified(): Update {
  return {
    operation: "notified",
    guard: is("status", "completed"),
    changes: { awaited: remove, waiters: remove, due: remove },
    appliedIf: appliedAgain,
  };
}

// ── the due scan ─────────────────────────────────────────────────────────────────────────────────

/** Claims an overdue task, so that only one of two ticks wakes it. The delay until the next check doubles each time. */
export function rescue(record: TaskRecord, seenDue: number, now: number): Update {
  const again = record.paused ? undefined : now + Math.min(maxRescueMs, graceMs * 2 ** record.rescues);
  return {
    operation: "rescue",
    guard: is("due", seenDue),
    changes: { due: again ?? remove },
    increment: ["rescues"],
    appliedIf: ({ due, rescues }) => due === again && rescues === record.rescues + 1,
  };
}

/** Moves the next check of a sleeping task to `nextProbe`. */
export function checkSleeping(seenDue: number, nextProbe: number): Update {
  return {
    operation: "check a sleeping task",
    guard: all(is("due", seenDue), is("status", "sleeping")),
    changes: { due: nextProbe },
    appliedIf: ({ due, status }) => due === nextProbe && status === "sleeping",
  };
}

/** Makes a task ready that has awaited a child for long, in case nobody tells it (rule 13). */
export function recheck(seenDue: number, now: number): Update {
  return {
    operation: "recheck a waiting task",
    guard: all(notPaused, is("due", seenDue), is("status", "sleeping"), is("awaiting", true)),
    changes: lookedAt(now),
    increment: ["wakeCount"],
    appliedIf: madeReady(now),
  };
}

/**
 * Moves the next check of a running task to the end of its lease, `latest` at most: its run may end before, and leaves
 * the due time as it is (rule 6).
 */
export function checkLease(record: TaskRecord, seenDue: number, latest: number): Update {
  const { token = "" } = record;
  const due = Math.min(latest, leaseOverAt(record) + 1);
  return {
    operation: "check a running task",
    guard: all(is("due", seenDue), is("status", "running"), is("token", token)),
    changes: { due },
    appliedIf: (stored) => stored.due === due && stored.token === token,
  };
}

/**
 * Postpones the next check of a task that cannot run now, since its upstream is out or its time has not come, that a
 * leader runs, or whose activity is not in the app.
 */
export function postpone(seenDue: number, until: number): Update {
  const changes = { due: until };
  return { operation: "postpone", guard: is("due", seenDue), changes, appliedIf: ({ due }) => due === until };
}

/** Brings the next check of a task forward, since its activity is bound differently now. `at` is before `seenDue`. */
export function bringForward(seenDue: number, at: number): Update {
  const changes = { due: at };
  return { operation: "bring forward", guard: is("due", seenDue), changes, appliedIf: ({ due }) => due === at };
}

/** Gives a sleeping cron task that waits for a slot of another interval the next slot of its own (rule 16). */
export function moveSlot(seenDue: number, slot: number): Update {
  return {
    operation: "move the slot",
    guard: all(is("due", seenDue), is("status", "sleeping")),
    changes: { notBefore: slot, due: slot },
    appliedIf: ({ due, notBefore }) => due === slot && notBefore === slot,
  };
}

/** Adds a task to the eager index, after its activity was bound to the eager engine. */
export function adopt(eagerBucket: string, seenDue: number, until: number): Update {
  return {
    operation: "adopt",
    guard: all(notPaused, is("due", seenDue)),
    changes: { eagerBucket, due: until },
    appliedIf: (stored) => stored.due === until && stored.eagerBucket === eagerBucket,
  };
}

/** Parks a task after too many of its runs died in a row. */
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
    appliedIf: ({ status, error }) => status === "parked" && error?.at === now && error.message === message,
  };
}

// ── operators ────────────────────────────────────────────────────────────────────────────────────

/** Keeps a task from being acquired. A run in progress commits as usual. */
export function pause(running: boolean, intervention?: Intervention): Update {
  const changes: Changes = { paused: true, eagerBucket: remove, ...noted(intervention) };
  return running
    ? { operation: "pause", guard: is("status", "running"), changes, appliedIf: appliedAgain }
    : {
        operation: "pause",
        guard: oneOf("status", ["ready", "sleeping", "retrying", "parked"]),
        changes: { ...changes, due: remove },
        appliedIf: appliedAgain,
      };
}

/**
 * Lets a paused or parked task run again: at once, or at the time that it waits for. A cron task that slept runs at once,
 * too: its slot may be of a binding that has changed during the pause.
 */
export function resume(record: TaskRecord, now: number, eagerBucket?: string, intervention?: Intervention): Update {
  const { notBefore } = record;
  const waits = record.status === "retrying" && notBefore !== undefined && notBefore > now;
  const at = waits ? notBefore : now;
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
      ...(waits ? {} : { notBefore: remove }),
      due: at + graceMs,
      ...noted(intervention),
    },
    increment: ["fence"],
    appliedIf: ({ paused, due, fence }) => !paused && due === at + graceMs && fence === record.fence + 1,
  };
}

/** Removes the flag paused from a running task. Sets a due time, which it may have lost while paused (rule 6). */
export function resumeRunning(now: number, eagerBucket?: string, intervention?: Intervention): Update {
  return {
    operation: "resume while running",
    guard: all(is("paused", true), is("status", "running")),
    changes: { paused: remove, due: now + graceMs, eagerBucket: eagerBucket ?? remove, ...noted(intervention) },
    increment: ["wakeCount"],
    appliedIf: ({ paused, due }) => !paused && due === now + graceMs,
  };
}

/** Moves the tail, fences out a run in progress, and starts over with an empty view. */
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
    appliedIf: appliedAgain,
  };
}

const noted = (intervention: Intervention | undefined): Changes => (intervention ? { intervention } : {});

/** An error as it is stored in the record: one line, at most 500 characters. */
export function storedError(error: unknown, at: number, afterEvent: Tail): StoredError {
  return { message: describeError(error).replaceAll(/\s+/g, " ").slice(0, 500), at, afterEvent };
}
