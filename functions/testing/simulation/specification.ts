import { latestTime } from "../../contract/outcome.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import { clockSkewMs, graceMs, maxRescueMs, timerSlackMs } from "../../tasks/times.ts";
import type { Operation } from "../../tasks/update.ts";

/** A write, as seen from the table. */
export interface Write {
  readonly operation: Operation;
  readonly before: TaskRecord | undefined;
  readonly after: TaskRecord;
  /** When the process decided on the write, by its clock, in milliseconds since 1970. */
  readonly now: number;
}

/** The state of the run that made a write. */
export interface Writer {
  /** The token under which the writing process runs this task; undefined if it does not. */
  readonly token: string | undefined;
  /** `wakeCount` as that run has seen it, at its acquire or its last rerun. */
  readonly seenWakeCount: number | undefined;
  /** Whether the task may be acquired early: by an operator, or by a signal that cuts its wait. */
  readonly mayBeEarly: boolean;
  /** Whether its process has been frozen since the acquire, so that its decision may be old. */
  readonly mayBeLate: boolean;
}

type Change = Write & { readonly before: TaskRecord };

/** The rules for the writes of one operation. Each returns the violation, with the rule's number first, or undefined. */
interface Rules {
  /** Checks the write by itself. */
  write(change: Change): string | undefined;
  /** Checks the write against the run that made it. */
  run?(change: Change, writer: Writer): string | undefined;
  readonly movesTail?: true;
  readonly raisesFence?: true;
  readonly resetsAttempts?: true;
  readonly changesPause?: true;
}

/**
 * A second specification of the task protocol, as rules for each write. Written from the table of operations in
 * docs/design.md, not from the code that builds the writes. A new operation needs an entry here to compile.
 */
const specification: { readonly [O in Operation]: Rules } = {
  start: {
    // A start without a record before it is checked by wrongWithStart.
    write: () => "T4: an existing task was started",
  },
  acquire: {
    raisesFence: true,
    write: (change) =>
      first(
        change.before.paused && "rule 12: a paused task was acquired",
        !["ready", "sleeping", "retrying"].includes(change.before.status) &&
          `T2: acquired while ${change.before.status}`,
        acquired(change),
      ),
    run: ({ before, after, now }, { mayBeEarly }) =>
      first(
        before.status === "retrying" &&
          !mayBeEarly &&
          (before.notBefore ?? 0) > now + timerSlackMs &&
          "rule 17: acquired before its time",
        before.status === "sleeping" &&
          after.engine === "cron" &&
          !mayBeEarly &&
          (before.notBefore ?? 0) > now &&
          "rule 16: acquired before its slot",
      ),
  },
  "acquire over a dead lease": {
    raisesFence: true,
    write: (change) =>
      first(
        change.before.paused && "rule 12: a paused task was acquired",
        change.before.status !== "running" && `rule 8: acquired over a lease while ${change.before.status}`,
        (change.before.leaseUntil ?? 0) + clockSkewMs >= change.now && "T2: acquired while another lease was alive",
        (change.before.leaseUntil ?? 0) + clockSkewMs + strikeWaitMs(change.before.strikes) >= change.now &&
          "rule 8: acquired without the wait for its strikes",
        change.after.strikes !== change.before.strikes + 1 && "rule 8: acquired over a dead lease without a strike",
        acquired(change),
      ),
  },
  "acquire from an earlier leader": {
    raisesFence: true,
    write: (change) =>
      first(
        change.before.paused && "rule 12: a paused task was acquired",
        change.before.status !== "running" && `rule 19: acquired from a leader while ${change.before.status}`,
        epochOf(change.after.token) <= epochOf(change.before.token) && "T2: acquired from a later leader",
        acquired(change),
      ),
  },
  "acquire a lease given back": {
    raisesFence: true,
    write: (change) =>
      first(
        change.before.paused && "rule 12: a paused task was acquired",
        change.before.status !== "running" && `rule 8: a lease was given back while ${change.before.status}`,
        change.after.strikes !== change.before.strikes && "rule 8: a strike, though no invocation died",
        acquired(change),
      ),
  },
  quarantine: {
    raisesFence: true,
    write: ({ before, after, now }) =>
      first(
        dueAfterGrace(after, now),
        before.status !== "running" && `rule 8: quarantined while ${before.status}`,
        after.status !== "ready" && `rule 8: quarantined, and ${after.status}`,
        after.strikes !== before.strikes + 1 && "rule 8: quarantined without a strike",
        after.lastToken === before.token && "T2: a dead run would mistake it for its own commit",
      ),
  },
  "signal to a running task": { write: wakeRecorded },
  "act asked": { write: (change) => first(noted(change), !change.after.actAsked && "rule 14: it would not act") },
  "mark ready": {
    write: ({ before, after, now }) =>
      first(
        dueAfterGrace(after, now),
        before.paused && "a paused task was made ready",
        !["sleeping", "retrying"].includes(before.status) && `made ready while ${before.status}`,
        after.status !== "ready" && `made ready, and ${after.status}`,
      ),
  },
  checkpoint: { movesTail: true, write: kept, run: held },
  caughtUp: {
    movesTail: true,
    resetsAttempts: true,
    write: (change) =>
      first(committed(change, "sleeping"), slept(change), change.after.attempts !== 0 && "rule 9: attempts stay"),
    run: (change, writer) => first(held(change, writer), sawAllWakes(change, writer)),
  },
  "caughtUp, wakes moved": { movesTail: true, write: kept, run: held },
  "caughtUp, watching": {
    movesTail: true,
    resetsAttempts: true,
    write: (change) => first(kept(change), slept(change)),
    run: (change, writer) => first(held(change, writer), sawAllWakes(change, writer)),
  },
  "canceled, tail advanced": {
    movesTail: true,
    resetsAttempts: true,
    write: (change) =>
      first(
        committed(change, "ready"),
        change.after.attempts !== 0 && "rule 9: attempts stay after progress",
        change.after.strikes !== 0 && "rule 9: strikes stay",
        dueAfterGrace(change.after, change.now),
      ),
    run: held,
  },
  retry: {
    movesTail: true,
    resetsAttempts: true,
    write: (change) =>
      first(
        committed(change, "retrying"),
        attemptCounted(change),
        change.after.awaiting && "rule 13: a backoff that the end of a child cuts",
        waits(change),
      ),
    run: (change, writer) =>
      first(
        held(change, writer),
        !writer.mayBeLate &&
          (change.after.notBefore ?? 0) <= change.now &&
          "rule 9: the backoff is over before it begins",
      ),
  },
  "attempt limit reached": {
    movesTail: true,
    resetsAttempts: true,
    write: (change) => first(committed(change, "parked"), attemptCounted(change)),
    run: held,
  },
  silentRetryAfter: {
    movesTail: true,
    write: (change) =>
      first(
        committed(change, "retrying"),
        change.after.attempts !== change.before.attempts && "rule 17: a wait was counted as an attempt",
        (change.after.notBefore ?? 0) > latestTime && "rule 17: waits for a time that no schedule can name",
        waits(change),
      ),
    run: held,
  },
  "completed, no waiters": {
    movesTail: true,
    resetsAttempts: true,
    changesPause: true,
    write: (change) =>
      first(
        committed(change, "completed"),
        change.after.paused && "rule 6: a tick would treat it as a paused task",
        waited(change.before) && "rule 13: completed, and its waiters will not be notified",
      ),
    run: held,
  },
  "completed, waiters": {
    movesTail: true,
    resetsAttempts: true,
    changesPause: true,
    write: (change) =>
      first(
        committed(change, "completed"),
        dueAfterGrace(change.after, change.now),
        change.after.paused && "rule 6: a tick would treat it as a paused task",
      ),
    run: held,
  },
  "add waiter": {
    write: ({ before, after }) =>
      first(
        before.status === "completed" && "rule 13: a waiter was added that will not be notified",
        !after.awaited && "rule 13: the waiter was not added",
      ),
  },
  "mark a waiter": {
    write: ({ before, after, now }) =>
      first(
        dueAfterGrace(after, now),
        before.paused && "a paused waiter was marked",
        !["sleeping", "retrying"].includes(before.status) && `marked while ${before.status}`,
        (after.status !== "ready" || !after.childDone) && "a marked waiter must run, and know why",
      ),
    run: ({ before }, { mayBeEarly }) =>
      before.status === "retrying" && !before.awaiting && !mayBeEarly
        ? "rule 13: the end of a child cut a wait that was not for it"
        : undefined,
  },
  "child completed": {
    write: (change) => first(noted(change), !change.after.childDone && "rule 13: told, and would not act"),
  },
  notified: {
    write: ({ before, after }) =>
      first(
        before.status !== "completed" && `notified while ${before.status}`,
        waited(after) && "rule 13: notified, and its waiters stay",
      ),
  },
  rescue: {
    write: (change) =>
      first(
        checked(change),
        change.after.rescues !== change.before.rescues + 1 && "rule 11: a rescue was not counted",
        rescuedLater(change),
      ),
  },
  "check a sleeping task": {
    write: (change) =>
      first(
        checked(change),
        change.before.status !== "sleeping" && `rule 11: checked as if it slept, while ${change.before.status}`,
      ),
  },
  "recheck a waiting task": {
    write: (change) =>
      first(
        dueAfterGrace(change.after, change.now),
        (change.before.due ?? Number.POSITIVE_INFINITY) > change.now && "rule 11: claimed, though it was not due",
        change.before.paused && "rule 12: a paused task was made ready",
        (change.before.status !== "sleeping" || !change.before.awaiting) &&
          "rule 13: looked at again, though it awaited nothing",
        (change.after.status !== "ready" || !change.after.childDone) &&
          "rule 13: it must run, and look at its children",
      ),
  },
  "check a running task": {
    write: (change) =>
      first(
        checked(change),
        change.before.status !== "running" && `rule 11: checked as if it ran, while ${change.before.status}`,
        (change.after.due ?? Number.POSITIVE_INFINITY) >
          (change.before.leaseUntil ?? 0) + clockSkewMs + strikeWaitMs(change.before.strikes) + 1 &&
          "rule 6: due later than the end of its lease",
      ),
  },
  postpone: { write: checked },
  "bring forward": {
    write: ({ before, after, now }) =>
      first(
        after.status !== before.status && "rule 11: a check brought forward changed the status",
        (before.due === undefined || after.due === undefined || after.due >= before.due) &&
          "rule 11: brought forward, and not due earlier",
        after.due !== undefined && after.due <= now - clockSkewMs && "rule 11: brought forward into the past",
      ),
  },
  "move the slot": {
    write: (change) =>
      first(
        checked(change),
        change.before.status !== "sleeping" && `rule 16: given a slot while ${change.before.status}`,
        change.after.due !== change.after.notBefore && "rule 6: not due at its slot",
        ((change.after.notBefore ?? 0) - change.after.startedAt) % 60_000 !== 0 && "rule 16: no slot of its own",
      ),
  },
  adopt: {
    write: (change) =>
      first(checked(change), change.before.paused && "rule 12: a paused task was put where leaders find it"),
  },
  "park on strikes": {
    write: ({ before, after, now }) =>
      first(
        before.status !== "running" && `rule 8: parked on strikes while ${before.status}`,
        (before.leaseUntil ?? 0) + clockSkewMs >= now && "T2: parked while its lease was alive",
        after.status !== "parked" && "rule 8: not parked",
      ),
  },
  pause: {
    changesPause: true,
    write: ({ before, after }) =>
      first(
        before.status === "completed" && "T4: a completed task was paused",
        after.status !== before.status && "a pause changed the status",
        !after.paused && "not paused",
      ),
  },
  resume: {
    raisesFence: true,
    resetsAttempts: true,
    changesPause: true,
    write: ({ before, after, now }) =>
      first(
        after.due !== Math.max(after.notBefore ?? 0, now) + graceMs && "rule 6: not due after its time and the grace",
        !before.paused && before.status !== "parked" && "resumed, though neither paused nor parked",
        before.status === "running" && "resumed from under its run",
        after.paused && "still paused",
        !["ready", "retrying"].includes(after.status) && `resumed, and ${after.status}`,
      ),
  },
  "resume while running": {
    changesPause: true,
    write: ({ before, after, now }) =>
      first(
        dueAfterGrace(after, now),
        !before.paused && "resumed, though not paused",
        before.status !== "running" && `resumed while ${before.status}`,
        after.wakeCount !== before.wakeCount + 1 && "T3: the run would not go on",
      ),
  },
  rewind: {
    movesTail: true,
    raisesFence: true,
    write: ({ before, after, now }) =>
      first(
        dueAfterGrace(after, now),
        before.status === "completed" && "T4: a completed task was rewound",
        after.status !== "ready" && `rewound, and ${after.status}`,
        (after.view ?? after.viewRef) !== undefined && "T5: rewound with a view",
      ),
  },
};

/** Every operation of the protocol. */
export const operations = Object.keys(specification) as Operation[];

/** The violation of a write by itself, with the rule's number first; undefined if there is none. */
export function wrongWithWrite(write: Write): string | undefined {
  const { operation, before, after } = write;
  if (operation === "start") return wrongWithStart(write);
  if (!Object.hasOwn(specification, operation)) return `an operation that the protocol does not have: ${operation}`;
  if (!before) return `T4: ${operation} of a task that was not there`;
  const rules = specification[operation];
  return first(always(rules, before, after), rules.write({ ...write, before }), ruleOfDue(after));
}

/** The violation of a write by itself or against the run that made it; undefined if there is none. */
export function wrongWith(step: Write & Writer): string | undefined {
  const { operation, before } = step;
  const wrong = wrongWithWrite(step);
  if (wrong !== undefined || before === undefined) return wrong;
  return specification[operation].run?.({ ...step, before }, step);
}

function wrongWithStart({ before, after, now }: Write): string | undefined {
  return first(
    before !== undefined && "T4: an existing task was started",
    (after.tail !== "epoch" || after.fence !== 0 || after.status !== "ready") && "T1: not started at the epoch",
    ruleOfDue(after),
    dueAfterGrace(after, now),
  );
}

function always(rules: Rules, before: TaskRecord, after: TaskRecord): string | undefined {
  return first(
    before.status === "completed" && after.status !== "completed" && "T4: a completed task changed its status",
    before.status === "completed" && after.tail !== before.tail && "T4: the tail of a completed task moved",
    after.tail !== before.tail && !rules.movesTail && "T1: the tail moved",
    after.fence !== before.fence + (rules.raisesFence ? 1 : 0) && "T2: the fence must rise with each run",
    after.wakeCount < before.wakeCount && "T3: the wake count fell",
    after.attempts < before.attempts && !rules.resetsAttempts && "rule 9: attempts were reset",
    after.paused !== before.paused && !rules.changesPause && "rule 12: the paused flag changed",
    (after.token !== undefined) !== (after.status === "running") &&
      "rule 1: a token without a run, or a run without one",
    (after.leaseUntil !== undefined) !== (after.token !== undefined) && "rule 1: a lease without its token",
    after.startedAt !== before.startedAt && "rule 16: the start time changed",
  );
}

/** Whether somebody waits for a task; an earlier version kept names in the record. */
const waited = ({ awaited, waiters }: TaskRecord): boolean => awaited === true || waiters !== undefined;

/** Rule 6: a task that is to run again, or has waiters to notify, has a due time. */
function ruleOfDue(after: TaskRecord): string | undefined {
  const { status, paused, due } = after;
  const needsNone = status === "parked" || paused || (status === "completed" && !waited(after));
  return due === undefined && !needsNone ? `rule 6: ${status} without a due time` : undefined;
}

function acquired({ before, after }: Change): string | undefined {
  return first(
    after.status !== "running" && `acquired, and ${after.status}`,
    after.token === before.token && "T2: acquired with the token of another run",
    after.due !== before.due && "rule 6: acquiring it moved its due time",
    after.rescues !== 0 && "rule 11: a rescue is still counted",
  );
}

/** A write in the middle of a run, which goes on. */
function kept({ before, after }: Change): string | undefined {
  return first(
    before.token === undefined && "T2: written without a lease",
    after.token !== before.token && "rule 1: the run went on without its lease",
  );
}

function held({ before }: Change, { token }: Writer): string | undefined {
  return before.token !== token ? "T2: written by a run that had lost its lease" : undefined;
}

function committed({ before, after }: Change, status: TaskRecord["status"]): string | undefined {
  return first(
    before.token === undefined && "T2: committed without a lease",
    after.token !== undefined && "rule 1: the token was kept",
    after.lastToken !== before.token && "rule 5: the commit did not store its token as the last",
    after.status !== status && `committed, and ${after.status}`,
    status !== "retrying" &&
      status !== "sleeping" &&
      after.notBefore !== undefined &&
      "rule 16: it keeps a time that it does not wait for",
    !["sleeping", "retrying"].includes(status) && after.awaiting && "rule 13: it awaits a child, and runs",
  );
}

/** Rule 9: one failure more in a row, or the first after progress. `leases.ts` asks for the progress. */
function attemptCounted({ before, after }: Change): string | undefined {
  return after.attempts !== before.attempts + 1 && after.attempts !== 1
    ? "rule 9: an attempt was not counted"
    : undefined;
}

function slept({ after }: Change): string | undefined {
  return first(
    after.childDone && "rule 13: the end of a child stays recorded",
    after.actAsked && "rule 14: an operator's wish stays recorded",
    after.error !== undefined && "its error stays",
  );
}

function sawAllWakes({ before }: Change, { seenWakeCount }: Writer): string | undefined {
  return before.wakeCount !== seenWakeCount ? "T3: went to sleep without seeing a recorded wake" : undefined;
}

function waits({ after }: Change): string | undefined {
  return after.due !== (after.notBefore ?? 0) + graceMs ? "rule 6: not due at its time plus the grace" : undefined;
}

function wakeRecorded({ before, after }: Change): string | undefined {
  return first(
    before.status !== "running" && `T3: recorded while ${before.status}`,
    after.wakeCount !== before.wakeCount + 1 && "T3: a recorded wake was not counted",
    after.token !== before.token && "rule 2: recording a wake changed the token",
  );
}

/** What a task of any status is told. */
function noted({ before, after }: Change): string | undefined {
  return first(
    before.status === "completed" && "T4: a completed task was told something",
    after.status !== before.status && "rule 13: to be told changed its status",
    after.wakeCount !== before.wakeCount + 1 && "T3: what a task was told was not counted",
    after.token !== before.token && "rule 2: recording a wake changed the token",
  );
}

/** Rule 6: a tick finds the task if its wake is lost. */
function dueAfterGrace({ due }: TaskRecord, now: number): string | undefined {
  return due === now + graceMs ? undefined : "rule 6: not due after the grace";
}

/**
 * The tick may have read the clock, and the record, a while before. So the old due time is the lower bound. The clock may
 * have been set since.
 */
function rescuedLater({ before, after, now }: Change): string | undefined {
  if (after.due === undefined || before.due === undefined) return undefined;
  const least = Math.min(maxRescueMs, graceMs * 2 ** before.rescues);
  return after.due < before.due + least - clockSkewMs || after.due > now + maxRescueMs + clockSkewMs
    ? "rule 11: the delay until the next rescue did not double"
    : undefined;
}

/** Rule 8: the wait after the lease of a task whose runs died doubles with each strike, up to 15 minutes. */
function strikeWaitMs(strikes: number): number {
  return strikes < 2 ? 0 : Math.min(900_000, 20_000 * 2 ** (strikes - 2));
}

function checked({ before, after, now }: Change): string | undefined {
  return first(
    // The clock may have been set back since the tick read its index.
    (before.due === undefined || before.due > now + clockSkewMs) && "rule 11: claimed, though it was not due",
    after.status !== before.status && "rule 11: a check changed the status",
    after.due !== undefined && after.due <= now - clockSkewMs && "rule 11: due again at once",
  );
}

const epochOf = (token: string | undefined): number => Number(token?.split("#")[1] ?? -1);

function first(...found: (string | false | undefined)[]): string | undefined {
  for (const one of found) if (one) return one;
  return undefined;
}
