import { appliedAgain, is, remove } from "../../../functions/tasks/update.ts";
import { type Mutant, replacing } from "./mutant.ts";
import { withMembers } from "./overriding.ts";
import { refusing } from "./writes.ts";

const caughtBy = "test/engines/outcome-table.test.ts";

/** Starts, and parents that wait: rule 13. */
export const children: readonly Mutant[] = [
  replacing({
    rule: "rule 13",
    what: "a child that is done is waited for",
    module: "functions/run/await-child.ts",
    export: "awaitChild",
    with: (real) => async (ports, child, waiter) => {
      await real(ports, child, waiter);
      return true;
    },
    caughtBy: "test/engines/children.test.ts",
  }),
  replacing({
    rule: "rule 13",
    what: "a child is waited for without a word to it",
    module: "functions/run/await-child.ts",
    export: "awaitChild",
    with: () => async () => true,
  }),
  replacing({
    rule: "rule 13",
    what: "who completes tells nobody",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) => ({ ...real(outcome, facts), tellsWaiters: false }),
    caughtBy: "test/engines/children.test.ts",
  }),
  {
    rule: "rule 13",
    what: "a running waiter is not told",
    operations: ["child completed"],
    change: refusing,
    caughtBy: "test/engines/children.test.ts",
  },
  replacing({
    rule: "rule 13",
    what: "the waiters are forgotten before they are told",
    module: "functions/run/notify.ts",
    export: "notifyWaiters",
    with: (real) => async (ports, child, until) => {
      await ports.store.update(child, {
        operation: "notified",
        guard: is("status", "completed"),
        changes: { awaited: remove, waiters: remove, due: remove },
        appliedIf: appliedAgain,
      });
      await real(ports, child, until);
    },
    caughtBy: "test/engines/children.test.ts",
  }),
  replacing({
    rule: "rule 13",
    what: "a run that does not call its activity ends the wait for a child",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => withMembers(real(start), { wait: "none" }),
    caughtBy: "test/engines/waiting.test.ts",
  }),
  replacing({
    rule: "rule 13",
    what: "the end of a child cuts any wait",
    module: "functions/run/tell.ts",
    export: "tellWaiter",
    with: (real) => (ports, waiter) => real(ports, waiter, true),
  }),
  replacing({
    rule: "rule 13",
    what: "waiters are told though the time is over",
    module: "functions/run/notify.ts",
    export: "notifyWaiters",
    with: (real) => (ports, child) => real(ports, child, Number.POSITIVE_INFINITY),
    caughtBy: "test/engines/many-children.test.ts",
  }),
  replacing({
    rule: "rule 13",
    what: "children are started all at once",
    module: "functions/upstream/limiter.ts",
    export: "Limiter",
    with: (real) =>
      class extends real {
        override run<T>(work: () => Promise<T>) {
          return work();
        }
      },
    caughtBy: "test/engines/many-children.test.ts",
  }),
  replacing({
    rule: "rule 14",
    what: "an operator's wake for a task that runs is taken for a signal",
    module: "functions/tasks/transitions.ts",
    export: "askToAct",
    with: (real) => () => ({ ...real(), changes: {} }),
    caughtBy: "test/engines/waiting.test.ts",
  }),
  replacing({
    rule: "rule 13",
    what: "a commit does not wait for its starts",
    module: "functions/run/run-context.ts",
    export: "createRunHandle",
    with: (real) => (state, wokenBy) => ({ ...real(state, wokenBy), startsSettled: async () => {} }),
    caughtBy,
  }),
  replacing({
    rule: "rule 13",
    what: "a start is made after the lease is lost",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => {
      const state = real(start);
      const { assertHeld } = state;
      return withMembers(state, {
        assertHeld(operation) {
          if (!operation.startsWith("the start of")) assertHeld.call(state, operation);
        },
      });
    },
    caughtBy: "test/engines/deadline.test.ts",
  }),
  replacing({
    rule: "rule 13",
    what: "a start that failed is passed over",
    module: "functions/run/run-context.ts",
    export: "createRunHandle",
    with: (real) => (state, wokenBy) => {
      const handle = real(state, wokenBy);
      return { ...handle, startsSettled: () => handle.startsSettled().catch(() => {}) };
    },
    caughtBy: "test/engines/children.test.ts",
  }),
  replacing({
    rule: "rule 13",
    what: "the tail moves past a start that failed",
    module: "functions/run/run-progress.ts",
    export: "beginProgress",
    with: (real) => (behaviour, record) => withMembers(real(behaviour, record), { undo: () => {} }),
    caughtBy,
  }),
  replacing({
    rule: "rule 13",
    what: "a parent that awaits a child is never looked at",
    module: "functions/tasks/standing.ts",
    export: "standingOf",
    with: (real) => (record, now) => {
      const standing = real(record, now);
      return standing.type === "asleep" ? { ...standing, awaiting: false } : standing;
    },
    caughtBy: "test/engines/children.test.ts",
  }),
];
