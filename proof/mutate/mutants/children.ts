import type { Mutant } from "./mutant.ts";

const context = "functions/run/run-context.ts";
const caughtBy = "test/engines/outcome-table.test.ts";

/** Starts, and parents that wait: rule 13. */
export const children: readonly Mutant[] = [
  {
    rule: "rule 13",
    what: "a child that is done is waited for",
    file: context,
    find: 'if (!(await awaitChild(machinery, started.key, state.key))) return "completed";',
    replace: "await awaitChild(machinery, started.key, state.key);",
  },
  {
    rule: "rule 13",
    what: "a child is waited for without a word to it",
    file: context,
    find: 'if (!(await awaitChild(machinery, started.key, state.key))) return "completed";',
    replace: "",
  },
  {
    rule: "rule 13",
    what: "a running waiter is not told",
    file: "functions/run/notify.ts",
    find: 'if ((await store.update(key, recordWake(record.token, "child"))).applied) return false;',
    replace: "return false;",
    caughtBy: "test/engines/children.test.ts",
  },
  {
    rule: "rule 13",
    what: "the waiters are forgotten before they are told",
    file: "functions/run/notify.ts",
    find: "  if (waiters.length === 0) return;\n",
    replace: "  if (waiters.length === 0) return;\n  await machinery.store.update(child, notified(waiters));\n",
    caughtBy: "test/engines/children.test.ts",
  },
  {
    rule: "rule 13",
    what: "a commit does not wait for its starts",
    file: "functions/run/attempt.ts",
    find: "    await handle.startsSettled();\n",
    replace: "",
    caughtBy,
  },
  {
    rule: "rule 13",
    what: "a start is made after the lease is lost",
    file: context,
    find: "    state.assertHeld(`the start of ${child.name}`);\n",
    replace: "",
    caughtBy: "test/engines/deadline.test.ts",
  },
  {
    rule: "rule 13",
    what: "a start that failed is passed over",
    file: context,
    find: "    if (failed) throw failed.error;\n",
    replace: "",
    caughtBy: "test/engines/children.test.ts",
  },
  {
    rule: "rule 13",
    what: "the tail moves past a start that failed",
    file: "functions/run/attempt.ts",
    find: "    else state.tail = before;\n",
    replace: "",
    caughtBy,
  },
  {
    rule: "rule 13",
    what: "a parent that awaits a child is never looked at",
    file: "functions/tick/tick.ts",
    find: '    if (record.awaiting) return { update: look(due, now + recheckMs), next: "recheck" } as const;\n',
    replace: "",
    caughtBy: "test/engines/children.test.ts",
  },
];
