import { remove } from "../../../functions/tasks/update.ts";
import { type Mutant, replacing } from "./mutant.ts";
import { doingBefore } from "./overriding.ts";
import { leaving, writing } from "./writes.ts";

/** Due times, and what the ticks make of them: rules 6 and 11, and the order of record and wake. */
export const due: readonly Mutant[] = [
  { rule: "rule 6", what: "a start is not due", operations: ["start"], change: leaving("due") },
  {
    rule: "rule 6",
    what: "a hand-over is not due",
    operations: ["canceled, tail advanced"],
    change: leaving("due"),
  },
  { rule: "rule 6", what: "a retry is not due", operations: ["retry", "silentRetryAfter"], change: leaving("due") },
  {
    rule: "rule 6",
    what: "a completed task with waiters is not due",
    operations: ["completed, waiters"],
    change: writing({ due: remove }),
  },
  { rule: "rule 6", what: "a marked waiter is not due", operations: ["mark a waiter"], change: leaving("due") },
  { rule: "rule 6", what: "a resumed task is not due", operations: ["resume"], change: leaving("due") },
  {
    rule: "rule 6",
    what: "a task resumed while it runs is not due",
    operations: ["resume while running"],
    change: leaving("due"),
  },
  { rule: "rule 6", what: "a rewound task is not due", operations: ["rewind"], change: leaving("due") },
  { rule: "rule 6", what: "a quarantined task is not due", operations: ["quarantine"], change: leaving("due") },
  { rule: "rule 6", what: "a marked task is not due", operations: ["mark ready"], change: leaving("due") },
  replacing({
    rule: "rule 6",
    what: "a normal run moves its due time",
    module: "functions/engines/lazy.ts",
    export: "lazyRules",
    with: (real) => ({
      ...real,
      sleep: (_record, _binding, now, { probePeriodMs }) => ({ notBefore: undefined, due: now + probePeriodMs }),
    }),
  }),
  replacing({
    rule: "rule 6",
    what: "a task sleeps beyond its next probe",
    module: "functions/engines/lazy.ts",
    export: "lazyRules",
    with: (real) => ({ ...real, sleep: () => ({ notBefore: undefined, due: undefined }) }),
  }),
  replacing({
    rule: "rule 6",
    what: "a cron task is not due at its slot",
    module: "functions/engines/cron.ts",
    export: "cronRules",
    with: (real) => ({ ...real, sleep: (...given) => ({ ...real.sleep(...given), due: undefined }) }),
  }),
  replacing({
    rule: "rule 6",
    what: "a running task is looked at before its lease is over",
    module: "functions/tasks/standing.ts",
    export: "leaseOverAt",
    with:
      () =>
      ({ leaseUntil = 0 }) =>
        leaseUntil - 2,
  }),
  replacing({
    rule: "rule 6",
    what: "the wake of a hand-over is sent before its record is written",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => {
      const { ports, binding, record } = start;
      const store = doingBefore(ports.store, "canceled, tail advanced", async (key) => {
        if (binding.engine !== "eager") await ports.alarms.send([{ class: "handOver", key, fence: record.fence }]);
      });
      return real({ ...start, ports: { ...ports, store } });
    },
  }),
  replacing({
    rule: "rule 6",
    what: "a hand-over wakes nobody",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) =>
      real(outcome, { ...facts, setsAlarms: facts.setsAlarms && outcome.type !== "canceled" }),
    caughtBy: "test/engines/outcome-table.test.ts",
  }),
  replacing({
    rule: "rule 6",
    what: "the wake of a start is sent before its record is written",
    module: "functions/run/start.ts",
    export: "startTask",
    with: (real) => (ports, activity, address) => {
      const store = doingBefore(ports.store, "start", (key) => ports.alarms.send([{ class: "start", key, fence: 0 }]));
      return real({ ...ports, store }, activity, address);
    },
  }),
  replacing({
    rule: "rule 6",
    what: "the timer of a retry is set before its record is written",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => {
      const { ports, record } = start;
      const store = doingBefore(ports.store, "retry", (key, { changes }) =>
        ports.alarms.sendAt({ class: "timer", key, fence: record.fence }, Number(changes.notBefore)),
      );
      return real({ ...start, ports: { ...ports, store } });
    },
  }),
  { rule: "rule 11", what: "a tick does not claim what it wakes", operations: ["rescue"], change: leaving("due") },
  replacing({
    rule: "rule 11",
    what: "the next rescue is not later each time",
    module: "functions/tasks/transitions.ts",
    export: "rescue",
    with: (real) => (record, seenDue, now) => real({ ...record, rescues: 0 }, seenDue, now),
  }),
  replacing({
    rule: "rule 11",
    what: "a tick goes on though the queue is late",
    module: "functions/queue/queue-age.ts",
    export: "readQueueAge",
    with: () => async () => undefined,
    caughtBy: "test/engines/tick.test.ts",
  }),
  replacing({
    rule: "rule 11",
    what: "each late queue counts as the wake queue",
    module: "functions/queue/queue-age.ts",
    export: "queueOf",
    with: () => () => "wakes" as const,
    caughtBy: "test/lambda/events.test.ts",
  }),
  replacing({
    rule: "rule 11",
    what: "a tick has no budget",
    module: "functions/tick/tick.ts",
    export: "tick",
    with: (real) => (ports, roots, budget, invocation) =>
      real(ports, roots, { ...budget, checks: Number.MAX_SAFE_INTEGER }, invocation),
    caughtBy: "test/engines/tick.test.ts",
  }),
  replacing({
    rule: "rule 11",
    what: "nothing is brought forward after a rebinding",
    module: "functions/tick/rebinding.ts",
    export: "bringReboundForward",
    with: () => async () => 0,
    caughtBy: "test/engines/rebinding.test.ts",
  }),
  replacing({
    rule: "rule 11",
    what: "a round ends with its first shard",
    module: "functions/tasks/due-round.ts",
    export: "wholeRound",
    with: (real) => (place) => ({ ...real(place), left: 1 }),
    caughtBy: "test/engines/rebinding.test.ts",
  }),
  replacing({
    rule: "rule 11",
    what: "a process forgets what it could not read",
    module: "functions/tick/due-scan.ts",
    export: "PassedOver",
    with: (real) =>
      class extends real {
        override leaveAlone() {}
      },
    caughtBy: "test/upgrade/unreadable.test.ts",
  }),
  replacing({
    rule: "rule 11",
    what: "a version that is about to go decides on what was brought forward",
    module: "functions/tick/rebinding.ts",
    export: "LatestBindings",
    with: (real) =>
      class extends real {
        override async differFrom() {
          return false;
        }
      },
    caughtBy: "test/engines/rebinding.test.ts",
  }),
  replacing({
    rule: "rule 16",
    what: "a cron task waits for the slot of another interval",
    module: "functions/tasks/transitions.ts",
    export: "moveSlot",
    with: () => (seenDue, slot) => ({
      operation: "postpone",
      guard: { op: "is", attribute: "due", value: seenDue },
      changes: { due: slot },
      appliedIf: () => false,
    }),
    caughtBy: "test/engines/rebinding.test.ts",
  }),
  replacing({
    rule: "rule 11",
    what: "nobody says that the queue is late",
    module: "functions/queue/queue-age.ts",
    export: "recordQueueAge",
    with: () => async () => {},
    caughtBy: "test/lambda/events.test.ts",
  }),
];
