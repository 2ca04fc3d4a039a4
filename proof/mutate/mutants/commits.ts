import { epoch } from "../../../functions/contract/tail.ts";
import type { RunState } from "../../../functions/run/run-state.ts";
import { type Mutant, replacing } from "./mutant.ts";
import { overriding, withMembers } from "./overriding.ts";
import { acquires, counting, commits as ends, leaving, notRecognising, storing, writing } from "./writes.ts";

/** What the writes of runs leave behind: rules 1, 5, 9 and 15, T1 and T5. */
export const commits: readonly Mutant[] = [
  {
    rule: "rule 1",
    what: "a commit keeps the token and the lease",
    operations: ends,
    change: leaving("token", "leaseUntil"),
  },
  { rule: "rule 1", what: "a commit keeps the lease", operations: ends, change: leaving("leaseUntil") },
  { rule: "rule 1", what: "a commit does not say whose it was", operations: ends, change: leaving("lastToken") },
  replacing({
    rule: "rule 5",
    what: "a write that was made twice counts as refused",
    module: "functions/tasks/update.ts",
    export: "refused",
    with: () => (_update, record) => ({ applied: false, record }),
  }),
  {
    rule: "rule 5",
    what: "an acquire that was made twice counts as refused",
    operations: acquires,
    change: notRecognising,
  },
  { rule: "rule 5", what: "a commit that was made twice counts as refused", operations: ends, change: notRecognising },
  {
    rule: "rule 9",
    what: "a hand-over keeps the attempts",
    operations: ["canceled, tail advanced"],
    change: leaving("attempts"),
  },
  {
    rule: "rule 9",
    what: "a checkpoint forgets the attempts",
    operations: ["checkpoint"],
    change: writing({ attempts: 0 }),
  },
  {
    rule: "rule 9",
    what: "a rerun forgets the attempts",
    operations: ["caughtUp, wakes moved"],
    change: writing({ attempts: 0 }),
  },
  {
    rule: "rule 9",
    what: "who has caught up keeps its attempts",
    operations: ["caughtUp"],
    change: leaving("attempts"),
  },
  { rule: "rule 9", what: "a retry is not counted", operations: ["retry"], change: leaving("attempts") },
  replacing({
    rule: "rule 9",
    what: "a failure after progress is counted on",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) =>
      real(outcome, outcome.type === "retry" ? { ...facts, firstTail: outcome.tail, hasCaughtUp: false } : facts),
    caughtBy: "test/engines/attempts.test.ts",
  }),
  replacing({
    rule: "rule 9",
    what: "a failure without progress starts the count again",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) =>
      real(outcome, outcome.type === "retry" ? { ...facts, hasCaughtUp: true } : facts),
  }),
  replacing({
    rule: "rule 9",
    what: "what was folded before an act failed is progress",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) => real(outcome, { ...facts, acting: false }),
    caughtBy: "test/engines/attempts.test.ts",
  }),
  replacing({
    rule: "rule 10",
    what: "a run whose passes caught up is an attempt, if its tail has not moved",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) => real(outcome, facts.watches ? facts : { ...facts, hasCaughtUp: false }),
    caughtBy: "test/engines/attempts.test.ts",
  }),
  {
    rule: "rule 9",
    what: "a wait that was asked for is counted as an attempt",
    operations: ["silentRetryAfter"],
    change: counting("attempts"),
  },
  replacing({
    rule: "rule 9",
    what: "a hand-over without progress is no attempt",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) =>
      real(outcome, outcome.type === "canceled" ? { ...facts, hasCaughtUp: true } : facts),
  }),
  replacing({
    rule: "rule 9",
    what: "a retry does not wait",
    module: "functions/tasks/backoff.ts",
    export: "backoffMs",
    with: () => () => 0,
  }),
  replacing({
    rule: "rule 9",
    what: "no task is parked for its attempts",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) => real(outcome, { ...facts, parkAfterAttempts: undefined }),
    caughtBy: "test/engines/outcome-table.test.ts",
  }),
  {
    rule: "T5",
    what: "a view is written without its tail",
    operations: storing,
    change(update) {
      const { view, viewRef } = update.changes;
      return typeof view === "string" || typeof viewRef === "string" ? leaving("tail")(update) : update;
    },
  },
  {
    rule: "T5",
    what: "a tail is written without its view",
    operations: storing,
    change: leaving("view", "viewRef", "viewVersion"),
    caughtBy: "test/tasks/memory.test.ts",
  },
  replacing({
    rule: "T5",
    what: "a view that is half changed is kept",
    module: "functions/run/run-progress.ts",
    export: "beginProgress",
    with: (real) => (behaviour, record) => withMembers(real(behaviour, record), { discard: () => {} }),
    caughtBy: "test/engines/views.test.ts",
  }),
  replacing({
    rule: "T5",
    what: "a view is deleted before the next one is committed",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => {
      const { store } = start.ports;
      const state: RunState = real({
        ...start,
        ports: {
          ...start.ports,
          store: overriding(store, {
            async putView(key, name, json) {
              if (state.record.viewRef) await store.deleteView(key, state.record.viewRef);
              await store.putView(key, name, json);
            },
          }),
        },
      });
      return state;
    },
  }),
  replacing({
    rule: "T5",
    what: "a large view is put into the table after its record",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => {
      const { store, clock } = start.ports;
      const later = overriding(store, {
        async putView(key, name, json) {
          void clock.sleep(50).then(() => store.putView(key, name, json).catch(() => {}));
        },
      });
      return real({ ...start, ports: { ...start.ports, store: later } });
    },
  }),
  replacing({
    rule: "T5",
    what: "two runs write a large view under the same name",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => {
      const { store } = start.ports;
      const same = (name: string) => name.replace(/^\d+/, "0");
      const shared = overriding(store, {
        putView: (key, name, json) => store.putView(key, same(name), json),
        update(key, update) {
          const { viewRef } = update.changes;
          return store.update(key, typeof viewRef === "string" ? writing({ viewRef: same(viewRef) })(update) : update);
        },
      });
      return real({ ...start, ports: { ...start.ports, store: shared } });
    },
    caughtBy: "test/engines/views.test.ts",
  }),
  replacing({
    rule: "T1",
    what: "a stream is opened after the tail of the record, not of the run",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => {
      const { openStream } = start.ports;
      const state: RunState = real({
        ...start,
        ports: {
          ...start.ports,
          openStream(request) {
            const { tail } = state.record;
            return openStream({
              ...request,
              position: { ...request.position, after: tail === epoch ? undefined : tail },
            });
          },
        },
      });
      return state;
    },
    caughtBy: "test/engines/wakes.test.ts",
  }),
  replacing({
    rule: "T1",
    what: "a stream that stands elsewhere is read on",
    module: "functions/run/open-stream.ts",
    export: "openAfterTail",
    with: (real) => async (state) => (state.stream && state.watch ? state.stream : real(state)),
  }),
  replacing({
    rule: "T1",
    what: "what an aborted run has not read counts as caught up",
    module: "functions/run/attempt.ts",
    export: "attempt",
    with: (real) => async (state, wokenBy) => {
      const outcome = await real(state, wokenBy);
      return outcome.type === "canceled" ? { ...outcome, type: "caughtUp" } : outcome;
    },
    caughtBy: "test/engines/deadline.test.ts",
  }),
  replacing({
    rule: "rule 15",
    what: "what throws after it advanced begins where it began",
    module: "functions/run/attempt.ts",
    export: "attempt",
    with: (real) => async (state, wokenBy) => {
      const { tail } = state.progress;
      const outcome = await real(state, wokenBy);
      return outcome.type === "retry" ? { ...outcome, tail } : outcome;
    },
    caughtBy: "test/engines/outcome-table.test.ts",
  }),
];
