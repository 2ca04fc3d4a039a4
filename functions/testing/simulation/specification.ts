import type { TaskRecord } from "../../tasks/record.ts";
import { clockSkewMs, graceMs, timerSlackMs } from "../../tasks/transitions.ts";

/** A write as the specification sees it. */
export interface Step {
  readonly operation: string;
  readonly before: TaskRecord | undefined;
  readonly after: TaskRecord;
  /** When the process decided on the write, by its clock. */
  readonly now: number;
  /** The token under which the writing process runs this task; undefined if it does not. */
  readonly token: string | undefined;
  /** `wakes` as that run has seen it: when it took the task, or went on for more. */
  readonly seenWakeCount: number | undefined;
  /** Was the task taken on an operator's word, or by a signal that may cut its wait? */
  readonly mayBeEarly: boolean;
  /** Has its process stood still since it took the task? What it decided may be long ago. */
  readonly mayBeLate: boolean;
}

type Check = (step: Step & { readonly before: TaskRecord }) => string | undefined;

/**
 * The task protocol once more, as what must be true of each write by itself: written from the table of operations, not
 * from the code that builds the writes. A sentence is what is wrong.
 */
const operations: Readonly<Record<string, Check>> = {
  acquire: (step) =>
    first(
      step.before.paused && "rule 12: a paused task was taken",
      !["ready", "sleeping", "retrying"].includes(step.before.status) && `T2: taken while ${step.before.status}`,
      step.before.status === "retrying" &&
        !step.mayBeEarly &&
        (step.before.notBefore ?? 0) > step.now + timerSlackMs &&
        "rule 17: taken before its time",
      step.before.status === "sleeping" &&
        step.after.engine === "cron" &&
        !step.mayBeEarly &&
        (step.before.notBefore ?? 0) > step.now &&
        "rule 16: taken before its slot",
      taken(step),
    ),
  "acquire over a dead lease": (step) =>
    first(
      step.before.paused && "rule 12: a paused task was taken",
      step.before.status !== "running" && `rule 8: taken over while ${step.before.status}`,
      (step.before.leaseUntil ?? 0) + clockSkewMs >= step.now && "T2: taken over while its lease was alive",
      (step.before.leaseUntil ?? 0) + clockSkewMs + strikeWaitMs(step.before.strikes) >= step.now &&
        "rule 8: taken over without the wait for its strikes",
      step.after.strikes !== step.before.strikes + 1 && "rule 8: taken over without a strike",
      taken(step),
    ),
  "acquire from an earlier leader": (step) =>
    first(
      step.before.paused && "rule 12: a paused task was taken",
      step.before.status !== "running" && `rule 19: taken over while ${step.before.status}`,
      epochOf(step.after.token) <= epochOf(step.before.token) && "T2: taken over from a later leader",
      taken(step),
    ),
  quarantine: ({ before, after, now }) =>
    first(
      dueAfterGrace(after, now),
      before.status !== "running" && `rule 8: quarantined while ${before.status}`,
      after.status !== "ready" && `rule 8: quarantined, and ${after.status}`,
      after.strikes !== before.strikes + 1 && "rule 8: quarantined without a strike",
      after.lastToken === before.token && "T2: a dead run would take it for its own commit",
    ),
  "signal to a running task": noted,
  "child to a running task": noted,
  markReady: ({ before, after, now }) =>
    first(
      dueAfterGrace(after, now),
      before.paused && "a paused task was marked",
      !["sleeping", "retrying"].includes(before.status) && `marked while ${before.status}`,
      after.status !== "ready" && `marked, and ${after.status}`,
    ),
  checkpoint: held,
  "caughtUp, wakes moved": held,
  "caughtUp, watching": (step) => first(held(step), slept(step)),
  caughtUp: (step) =>
    first(committed(step, "sleeping"), slept(step), step.after.attempts !== 0 && "rule 9: attempts stay"),
  "canceled, tail advanced": (step) =>
    first(
      committed(step, "ready"),
      step.after.strikes !== 0 && "rule 9: strikes stay",
      dueAfterGrace(step.after, step.now),
    ),
  retry: (step) =>
    first(
      committed(step, "retrying"),
      step.after.attempts !== step.before.attempts + 1 && "rule 9: an attempt was not counted",
      !step.mayBeLate && (step.after.notBefore ?? 0) <= step.now && "the backoff is over before it begins",
      waits(step),
    ),
  silentRetryAfter: (step) =>
    first(
      committed(step, "retrying"),
      step.after.attempts !== step.before.attempts && "a wait was counted as an attempt",
      waits(step),
    ),
  "attempt limit reached": (step) => committed(step, "parked"),
  "completed, no waiters": (step) =>
    first(
      committed(step, "completed"),
      step.after.paused && "rule 6: a tick would take it for a paused task",
      step.before.waiters !== undefined && "rule 13: completed, and nobody will tell its waiters",
    ),
  "completed, waiters": (step) =>
    first(
      committed(step, "completed"),
      dueAfterGrace(step.after, step.now),
      step.after.paused && "rule 6: a tick would take it for a paused task",
    ),
  "add waiter": ({ before, after }) =>
    first(
      before.status === "completed" && "rule 13: a waiter was added that nobody will tell",
      (after.waiters ?? []).length === 0 && "the waiter was not added",
    ),
  "mark a waiter": ({ before, after, now }) =>
    first(
      dueAfterGrace(after, now),
      before.paused && "a paused waiter was marked",
      before.status !== "sleeping" && `marked while ${before.status}`,
      (after.status !== "ready" || !after.childDone) && "a marked waiter must run, and know why",
    ),
  notified: ({ before, after }) =>
    first(
      before.status !== "completed" && `notified while ${before.status}`,
      after.waiters !== undefined && "the waiters stay",
      before.waiters === undefined && "rule 13: notified, though nobody waits",
    ),
  rescue: (step) =>
    first(
      checked(step),
      step.after.rescues !== step.before.rescues + 1 && "a rescue was not counted",
      rescuedLater(step),
    ),
  "look at a sleeping lazy task": (step) =>
    first(
      checked(step),
      step.before.status !== "sleeping" && `rule 11: looked at as if it slept, while ${step.before.status}`,
    ),
  "look at a running task": (step) =>
    first(
      checked(step),
      step.before.status !== "running" && `rule 11: looked at as if it ran, while ${step.before.status}`,
      step.after.due !== (step.before.leaseUntil ?? 0) + clockSkewMs + strikeWaitMs(step.before.strikes) + 1 &&
        "rule 6: not due at the end of its lease",
    ),
  postpone: checked,
  adopt: (step) => first(checked(step), step.before.paused && "a paused task was put where leaders find it"),
  "park on strikes": ({ before, after, now }) =>
    first(
      before.status !== "running" && `parked on strikes while ${before.status}`,
      (before.leaseUntil ?? 0) + clockSkewMs >= now && "T2: parked while its lease was alive",
      after.status !== "parked" && "not parked",
    ),
  pause: ({ before, after }) =>
    first(
      before.status === "completed" && "T4: a completed task was paused",
      after.status !== before.status && "a pause changed the status",
      !after.paused && "not paused",
    ),
  resume: ({ before, after, now }) =>
    first(
      after.due !== Math.max(after.notBefore ?? 0, now) + graceMs && "rule 6: not due after its time and the grace",
      !before.paused && before.status !== "parked" && "resumed, though neither paused nor parked",
      before.status === "running" && "resumed from under its run",
      after.paused && "still paused",
      !["ready", "retrying"].includes(after.status) && `resumed, and ${after.status}`,
    ),
  "resume while running": ({ before, after, now }) =>
    first(
      dueAfterGrace(after, now),
      !before.paused && "resumed, though not paused",
      before.status !== "running" && `resumed while ${before.status}`,
      after.wakeCount !== before.wakeCount + 1 && "T3: the run would not go on",
    ),
  rewind: ({ before, after, now }) =>
    first(
      dueAfterGrace(after, now),
      before.status === "completed" && "T4: a completed task was rewound",
      after.status !== "ready" && `rewound, and ${after.status}`,
      (after.view ?? after.viewRef) !== undefined && "T5: rewound with a view",
    ),
};

/** What is wrong with a write; undefined if nothing. The rule's number comes first. */
export function wrongWith(step: Step): string | undefined {
  const { operation, before, after } = step;
  if (operation === "start") {
    return first(
      before !== undefined && "T4: a task was started that was there",
      (after.tail !== "epoch" || after.fence !== 0 || after.status !== "ready") && "started in the middle",
      ruleOfDue(after),
      dueAfterGrace(after, step.now),
    );
  }
  const check = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
  if (!check) return `an operation that the protocol does not have: ${operation}`;
  if (!before) return `T4: ${operation} of a task that was not there`;
  return first(always(operation, before, after), check({ ...step, before }), ruleOfDue(after));
}

/** Which operations may do what to the counters. */
const movesTail = /^(checkpoint|caughtUp|canceled|retry|silentRetryAfter|attempt limit|completed|rewind)/;
const raisesFence = /^(acquire|quarantine|resume$|rewind)/;
const resetsAttempts = /^(caughtUp$|caughtUp, watching|completed|resume$)/;
const changesPause = /^(completed|pause|resume)/;

function always(operation: string, before: TaskRecord, after: TaskRecord): string | undefined {
  return first(
    before.status === "completed" && after.status !== "completed" && "T4: a completed task lives again",
    before.status === "completed" && after.tail !== before.tail && "T4: the tail of a completed task moved",
    after.tail !== before.tail && !movesTail.test(operation) && "T1: the tail moved",
    after.fence !== before.fence + (raisesFence.test(operation) ? 1 : 0) && "T2: the fence must rise with each run",
    after.wakeCount < before.wakeCount && "T3: wakes were forgotten",
    after.attempts < before.attempts && !resetsAttempts.test(operation) && "rule 9: attempts were reset",
    after.paused !== before.paused && !changesPause.test(operation) && "the paused flag moved",
    (after.token !== undefined) !== (after.status === "running") &&
      "rule 1: a token without a run, or a run without one",
    (after.leaseUntil !== undefined) !== (after.token !== undefined) && "rule 1: a lease without its token",
    after.startedAt !== before.startedAt && "the start moved",
  );
}

/** Rule 6: everything that is to run again, or has waiters to tell, is due at some time. */
function ruleOfDue({ status, paused, waiters, due }: TaskRecord): string | undefined {
  const needsNone = status === "parked" || paused || (status === "completed" && waiters === undefined);
  return due === undefined && !needsNone ? `rule 6: ${status}, and never due` : undefined;
}

function taken({ before, after }: Step & { readonly before: TaskRecord }): string | undefined {
  return first(
    after.status !== "running" && `taken, and ${after.status}`,
    after.token === before.token && "T2: taken with the token of another run",
    after.due !== before.due && "rule 6: taking it moved its due time",
    after.rescues !== 0 && "a rescue is still counted",
  );
}

function held({ before, after, token }: Step & { readonly before: TaskRecord }): string | undefined {
  return first(
    before.token === undefined && "T2: written without a lease",
    before.token !== token && "T2: written by a run that had lost its lease",
    after.token !== before.token && "rule 1: the lease was given up in the middle",
  );
}

function committed(step: Step & { readonly before: TaskRecord }, status: TaskRecord["status"]): string | undefined {
  const { before, after, token } = step;
  return first(
    before.token === undefined && "T2: committed without a lease",
    before.token !== token && "T2: committed by a run that had lost its lease",
    after.token !== undefined && "rule 1: the token was kept",
    after.lastToken !== token && "rule 5: the commit cannot be told from another's",
    after.status !== status && `committed, and ${after.status}`,
    status !== "retrying" &&
      status !== "sleeping" &&
      after.notBefore !== undefined &&
      "it waits for a time that is over",
    status !== "sleeping" && after.awaiting && "it awaits a child, and runs",
  );
}

function slept({ before, after, seenWakeCount }: Step & { readonly before: TaskRecord }): string | undefined {
  return first(
    before.wakeCount !== seenWakeCount && "T3: went to sleep on a wake that came meanwhile",
    after.childDone && "a child's end is told for ever",
    after.error !== undefined && "its error stays",
  );
}

function waits({ after }: Step): string | undefined {
  return after.due !== (after.notBefore ?? 0) + graceMs
    ? "rule 6: due at another time than its own and the grace"
    : undefined;
}

function noted({ before, after }: Step & { readonly before: TaskRecord }): string | undefined {
  return first(
    before.status !== "running" && `T3: noted while ${before.status}`,
    after.wakeCount !== before.wakeCount + 1 && "T3: noted without a trace",
    after.token !== before.token && "rule 2: noting a wake took the lease",
  );
}

/** Rule 6: somebody looks after it, should its wake be lost. */
function dueAfterGrace({ due }: TaskRecord, now: number): string | undefined {
  return due === now + graceMs ? undefined : "rule 6: not due after the grace";
}

/** The longest time between two rescues. */
const maxRescueMs = 3_600_000;

/** The tick has read the clock, and perhaps the record, a while before: `due` is what both have in common. */
function rescuedLater({ before, after, now }: Step & { readonly before: TaskRecord }): string | undefined {
  if (after.due === undefined || before.due === undefined) return undefined;
  const least = Math.min(maxRescueMs, graceMs * 2 ** before.rescues);
  return after.due < before.due + least || after.due > now + maxRescueMs
    ? "rule 11: the next rescue at another time than later each time"
    : undefined;
}

/** Rule 8: a task that has killed more than one run is left alone for longer each time, at most 15 minutes. */
function strikeWaitMs(strikes: number): number {
  return strikes < 2 ? 0 : Math.min(900_000, 20_000 * 2 ** (strikes - 2));
}

function checked({ before, after, now }: Step & { readonly before: TaskRecord }): string | undefined {
  return first(
    (before.due === undefined || before.due > now) && "rule 11: claimed, though it was not due",
    after.status !== before.status && "rule 11: a look changed the status",
    after.due !== undefined && after.due <= now - clockSkewMs && "rule 11: due again at once",
  );
}

const epochOf = (token: string | undefined): number => Number(token?.split("#")[1] ?? -1);

function first(...found: (string | false | undefined)[]): string | undefined {
  for (const one of found) if (one) return one;
  return undefined;
}
