import type { Mutant } from "./mutant.ts";

const file = "functions/tasks/transitions.ts";

/** What the writes of runs leave behind: rules 1, 5 and 9, T1 and T5. */
export const commits: readonly Mutant[] = [
  {
    rule: "rule 1",
    what: "a commit keeps the token and the lease",
    file,
    find: "const released = (token: string) => ({ token: remove, leaseUntil: remove, lastToken: token }) as const;",
    replace: "const released = (token: string) => ({ lastToken: token }) as const;",
  },
  {
    rule: "rule 1",
    what: "a commit keeps the lease",
    file,
    find: "({ token: remove, leaseUntil: remove, lastToken: token })",
    replace: "({ token: remove, lastToken: token })",
  },
  {
    rule: "rule 1",
    what: "a commit does not say whose it was",
    file,
    find: "({ token: remove, leaseUntil: remove, lastToken: token })",
    replace: "({ token: remove, leaseUntil: remove })",
  },
  {
    rule: "rule 5",
    what: "a write that was made twice counts as refused",
    file: "functions/tasks/update.ts",
    find: "  if (stored !== undefined && update.appliedIf?.(stored)) return { applied: true, record: stored };\n",
    replace: "",
  },
  {
    rule: "rule 5",
    what: "an acquire that was made twice counts as refused",
    file,
    find: "appliedIf: (stored) => stored.token === token,",
    replace: "",
  },
  {
    rule: "rule 5",
    what: "a commit that was made twice counts as refused",
    file,
    find: "    appliedIf: committedBy(token),\n",
    replace: "",
  },
  {
    rule: "rule 9",
    what: "a hand-over forgets the attempts",
    file,
    find: 'status: "ready",\n    strikes: 0,\n    awaiting: remove,',
    replace: 'status: "ready",\n    attempts: 0,\n    strikes: 0,\n    awaiting: remove,',
  },
  {
    rule: "rule 9",
    what: "a checkpoint forgets the attempts",
    file,
    find: 'return { operation: "checkpoint", guard: mine(token), changes: progressed(progress) };',
    replace:
      'return { operation: "checkpoint", guard: mine(token), changes: { ...progressed(progress), attempts: 0 } };',
  },
  {
    rule: "rule 9",
    what: "a rerun forgets the attempts",
    file,
    find: '{ operation: "caughtUp, wakes moved", guard: mine(token), changes: progressed(progress) }',
    replace:
      '{ operation: "caughtUp, wakes moved", guard: mine(token), changes: { ...progressed(progress), attempts: 0 } }',
  },
  {
    rule: "rule 9",
    what: "who has caught up keeps its attempts",
    file,
    find: '    status: "sleeping",\n    attempts: 0,\n',
    replace: '    status: "sleeping",\n',
  },
  {
    rule: "rule 9",
    what: "a retry is not counted",
    file,
    find: 'return { ...commit("retry", token, progress, changes), increment: ["attempts"] };',
    replace: 'return { ...commit("retry", token, progress, changes) };',
  },
  {
    rule: "rule 9",
    what: "a wait that was asked for is counted as an attempt",
    file,
    find: 'return commit("silentRetryAfter", token, progress, waiting(at));',
    replace: 'return { ...commit("silentRetryAfter", token, progress, waiting(at)), increment: ["attempts"] };',
  },
  {
    rule: "rule 9",
    what: "a hand-over without progress is no attempt",
    file: "functions/run/settlement.ts",
    find: "return tail === state.firstTail && !state.hasCaughtUp ? retrying(state, tail) : handingOver(state, tail);",
    replace: "return handingOver(state, tail);",
  },
  {
    rule: "T5",
    what: "a view is written without its tail",
    file,
    find: "return { tail, ...viewChanges,",
    replace: 'return { ...(view.type === "unchanged" ? { tail } : {}), ...viewChanges,',
  },
  {
    rule: "T5",
    what: "a tail is written without its view",
    file,
    find: "return { tail, ...viewChanges,",
    replace: "return { tail,",
    caughtBy: "test/tasks/memory.test.ts",
  },
  {
    rule: "T5",
    what: "a view is deleted before the next one is committed",
    file: "functions/run/run-state.ts",
    find: "    await this.machinery.store.putView(this.key, name, json);\n",
    replace:
      "    if (this.record.viewRef) await this.machinery.store.deleteView(this.key, this.record.viewRef);\n" +
      "    await this.machinery.store.putView(this.key, name, json);\n",
  },
  {
    rule: "T5",
    what: "a large view is put into the table after its record",
    file: "functions/run/run-state.ts",
    find: "    await this.machinery.store.putView(this.key, name, json);\n",
    replace:
      "    void this.machinery.clock.sleep(50).then(() => this.machinery.store.putView(this.key, name, json)).catch(() => {});\n",
  },
  {
    rule: "T5",
    what: "two runs write a large view under the same name",
    file: "functions/run/run-state.ts",
    find: "const name = `${this.record.fence}.${++this.#viewNumber}`;",
    replace: "const name = `0.${++this.#viewNumber}`;",
    caughtBy: "test/engines/views.test.ts",
  },
  {
    rule: "T1",
    what: "a stream is opened after the tail of the record, not of the run",
    file: "functions/run/open-stream.ts",
    find: "position: { after: tail === epoch ? undefined : tail, watch },",
    replace: "position: { after: record.tail === epoch ? undefined : record.tail, watch },",
  },
  {
    rule: "T1",
    what: "a stream that stands elsewhere is read on",
    file: "functions/run/open-stream.ts",
    find: "if (state.stream?.continuesAfter(state.tail)) return state.stream;",
    replace: "if (state.stream && state.watch) return state.stream;",
  },
  {
    rule: "T1",
    what: "what an aborted run has not read counts as caught up",
    file: "functions/run/attempt.ts",
    find: 'return outcome.type === "caughtUp" && state.signal.aborted ? canceled(outcome.tail) : outcome;',
    replace: "return outcome;",
    caughtBy: "test/engines/deadline.test.ts",
  },
  {
    rule: "rule 15",
    what: "what throws after it advanced begins where it began",
    file: "functions/run/attempt.ts",
    find: "thrownOutcome(error, state.tail);",
    replace: "thrownOutcome(error, before);",
    caughtBy: "test/engines/outcome-table.test.ts",
  },
];
