import type { TaskRecord } from "../../tasks/record.ts";
import { clockSkewMs, graceMs, maxRescueMs, timerSlackMs } from "../../tasks/times.ts";
import type { Operation } from "../../tasks/update.ts";

/** A write as whoever sees the table sees it. */
export interface Write {
  readonly operation: Operation;
  readonly before: TaskRecord | undefined;
  readonly after: TaskRecord;
  /** When the process decided on the write, by its clock. */
  readonly now: number;
}

/** What is known of the run that made a write. */
export interface Writer {
  /** The token under which the writing process runs this task; undefined if it does not. */
  readonly token: string | undefined;
  /** `wakeCount` as that run has seen it: when it acquired the task, or went on for more. */
  readonly seenWakeCount: number | undefined;
  /** Was the task acquired on an operator's word, or by a signal that may cut its wait? */
  readonly mayBeEarly: boolean;
  /** Has its process stood still since it acquired the task? What it decided may be long ago. */
  readonly mayBeLate: boolean;
}

type Change = Write & { readonly before: TaskRecord };

/** What must be true of the writes of one operation. A sentence is what is wrong; the rule's number comes first. */
interface Rules {
  /** What anybody can tell from the write. */
  write(change: Change): string | undefined;
  /** What only those can tell who know the run that made it. */
  run?(change: Change, writer: Writer): string | undefined;
  readonly movesTail?: true;
  readonly raisesFence?: true;
  readonly resetsAttempts?: true;
  readonly changesPause?: true;
}

/**
 * The task protocol once more, as what must be true of each write by itself: written from the table of operations in
 * docs/design.md, not from the code that builds the writes. Whoever adds an operation has to say here what it may do.
 */
const specification: { readonly [O in Operation]: Rules } = {
  start: {
    // It has no record before it: see wrongWithStart.
    write: () => "T4: a task was started that was there",
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
        change.before.status !== "running" && `rule 8: taken over while ${change.before.status}`,
        (change.before.leaseUntil ?? 0) + clockSkewMs >= change.now && "T2: taken over while its lease was alive",
        (change.before.leaseUntil ?? 0) + clockSkewMs + strikeWaitMs(change.before.strikes) >= change.now &&
          "rule 8: taken over without the wait for its strikes",
        change.after.strikes !== change.before.strikes + 1 && "rule 8: taken over without a strike",
        acquired(change),
      ),
  },
  "acquire from an earlier leader": {
    raisesFence: true,
    write: (change) =>
      first(
        change.before.paused && "rule 12: a paused task was acquired",
        change.before.status !== "running" && `rule 19: taken over while ${change.before.status}`,
        epochOf(change.after.token) <= epochOf(change.before.token) && "T2: taken over from a later leader",
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
        after.lastToken === before.token && "T2: a dead run would take it for its own commit",
      ),
  },
  "signal to a running task": { write: wakeRecorded },
  "child to a running task": { write: wakeRecorded },
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
    write: (change) =>
      first(
        committed(change, "ready"),
        change.after.strikes !== 0 && "rule 9: strikes stay",
        dueAfterGrace(change.after, change.now),
      ),
    run: held,
  },
  retry: {
    movesTail: true,
    write: (change) =>
      first(
        committed(change, "retrying"),
        change.after.attempts !== change.before.attempts + 1 && "rule 9: an attempt was not counted",
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
  "attempt limit reached": { movesTail: true, write: (change) => committed(change, "parked"), run: held },
  silentRetryAfter: {
    movesTail: true,
    write: (change) =>
      first(
        committed(change, "retrying"),
        change.after.attempts !== change.before.attempts && "rule 17: a wait was counted as an attempt",
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
        change.after.paused && "rule 6: a tick would take it for a paused task",
        change.before.waiters !== undefined && "rule 13: completed, and nobody will tell its waiters",
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
        change.after.paused && "rule 6: a tick would take it for a paused task",
      ),
    run: held,
  },
  "add waiter": {
    write: ({ before, after }) =>
      first(
        before.status === "completed" && "rule 13: a waiter was added that nobody will tell",
        (after.waiters ?? []).length === 0 && "rule 13: the waiter was not added",
      ),
  },
  "mark a waiter": {
    write: ({ before, after, now }) =>
      first(
        dueAfterGrace(after, now),
        before.paused && "a paused waiter was marked",
        before.status !== "sleeping" && `marked while ${before.status}`,
        (after.status !== "ready" || !after.childDone) && "a marked waiter must run, and know why",
      ),
  },
  notified: {
    write: ({ before, after }) =>
      first(
        before.status !== "completed" && `notified while ${before.status}`,
        after.waiters !== undefined && after.due === undefined && "rule 13: waiters stay, and nobody will tell them",
        before.waiters === undefined && "rule 13: notified, though nobody waits",
      ),
    run: ({ after }) => (after.waiters !== undefined ? "the waiters stay" : undefined),
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
  "check a running task": {
    write: (change) =>
      first(
        checked(change),
        change.before.status !== "running" && `rule 11: checked as if it ran, while ${change.before.status}`,
        change.after.due !== (change.before.leaseUntil ?? 0) + clockSkewMs + strikeWaitMs(change.before.strikes) + 1 &&
          "rule 6: not due at the end of its lease",
      ),
  },
  postpone: { write: checked },
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

/** What is wrong with a write, as far as anybody can tell; undefined if nothing. The rule's number comes first. */
export function wrongWithWrite(write: Write): string | undefined {
  const { operation, before, after } = write;
  if (operation === "start") return wrongWithStart(write);
  if (!Object.hasOwn(specification, operation)) return `an operation that the protocol does not have: ${operation}`;
  if (!before) return `T4: ${operation} of a task that was not there`;
  const rules = specification[operation];
  return first(always(rules, before, after), rules.write({ ...write, before }), ruleOfDue(after));
}

/** The same for who knows the run that made the write. */
export function wrongWith(step: Write & Writer): string | undefined {
  const { operation, before } = step;
  const wrong = wrongWithWrite(step);
  if (wrong !== undefined || before === undefined) return wrong;
  return specification[operation].run?.({ ...step, before }, step);
}

function wrongWithStart({ before, after, now }: Write): string | undefined {
  return first(
    before !== undefined && "T4: a task was started that was there",
    (after.tail !== "epoch" || after.fence !== 0 || after.status !== "ready") && "T1: started in the middle",
    ruleOfDue(after),
    dueAfterGrace(after, now),
  );
}

function always(rules: Rules, before: TaskRecord, after: TaskRecord): string | undefined {
  return first(
    before.status === "completed" && after.status !== "completed" && "T4: a completed task lives again",
    before.status === "completed" && after.tail !== before.tail && "T4: the tail of a completed task moved",
    after.tail !== before.tail && !rules.movesTail && "T1: the tail moved",
    after.fence !== before.fence + (rules.raisesFence ? 1 : 0) && "T2: the fence must rise with each run",
    after.wakeCount < before.wakeCount && "T3: wakes were forgotten",
    after.attempts < before.attempts && !rules.resetsAttempts && "rule 9: attempts were reset",
    after.paused !== before.paused && !rules.changesPause && "rule 12: the paused flag moved",
    (after.token !== undefined) !== (after.status === "running") &&
      "rule 1: a token without a run, or a run without one",
    (after.leaseUntil !== undefined) !== (after.token !== undefined) && "rule 1: a lease without its token",
    after.startedAt !== before.startedAt && "rule 16: the start moved",
  );
}

/** Rule 6: everything that is to run again, or has waiters to tell, is due at some time. */
function ruleOfDue({ status, paused, waiters, due }: TaskRecord): string | undefined {
  const needsNone = status === "parked" || paused || (status === "completed" && waiters === undefined);
  return due === undefined && !needsNone ? `rule 6: ${status}, and never due` : undefined;
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
    after.token !== before.token && "rule 1: the lease was given up in the middle",
  );
}

function held({ before }: Change, { token }: Writer): string | undefined {
  return before.token !== token ? "T2: written by a run that had lost its lease" : undefined;
}

function committed({ before, after }: Change, status: TaskRecord["status"]): string | undefined {
  return first(
    before.token === undefined && "T2: committed without a lease",
    after.token !== undefined && "rule 1: the token was kept",
    after.lastToken !== before.token && "rule 5: the commit cannot be told from another's",
    after.status !== status && `committed, and ${after.status}`,
    status !== "retrying" &&
      status !== "sleeping" &&
      after.notBefore !== undefined &&
      "rule 16: it waits for a time that is over",
    status !== "sleeping" && after.awaiting && "rule 13: it awaits a child, and runs",
  );
}

function slept({ after }: Change): string | undefined {
  return first(
    after.childDone && "rule 13: a child's end is told for ever",
    after.error !== undefined && "its error stays",
  );
}

function sawAllWakes({ before }: Change, { seenWakeCount }: Writer): string | undefined {
  return before.wakeCount !== seenWakeCount ? "T3: went to sleep on a wake that came meanwhile" : undefined;
}

function waits({ after }: Change): string | undefined {
  return after.due !== (after.notBefore ?? 0) + graceMs
    ? "rule 6: due at another time than its own and the grace"
    : undefined;
}

function wakeRecorded({ before, after }: Change): string | undefined {
  return first(
    before.status !== "running" && `T3: recorded while ${before.status}`,
    after.wakeCount !== before.wakeCount + 1 && "T3: recorded without a trace",
    after.token !== before.token && "rule 2: recording a wake took the lease",
  );
}

/** Rule 6: somebody looks after it, should its wake be lost. */
function dueAfterGrace({ due }: TaskRecord, now: number): string | undefined {
  return due === now + graceMs ? undefined : "rule 6: not due after the grace";
}

/** The tick has read the clock, and perhaps the record, a while before: `due` is what both have in common. */
function rescuedLater({ before, after, now }: Change): string | undefined {
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

function checked({ before, after, now }: Change): string | undefined {
  return first(
    (before.due === undefined || before.due > now) && "rule 11: claimed, though it was not due",
    after.status !== before.status && "rule 11: a check changed the status",
    after.due !== undefined && after.due <= now - clockSkewMs && "rule 11: due again at once",
  );
}

const epochOf = (token: string | undefined): number => Number(token?.split("#")[1] ?? -1);

function first(...found: (string | false | undefined)[]): string | undefined {
  for (const one of found) if (one) return one;
  return undefined;
}
