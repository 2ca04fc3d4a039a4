import { type Mutant, replacing } from "./mutant.ts";
import { counting, notRecognising, refusing } from "./writes.ts";

const caughtBy = "test/engines/refused-writes.test.ts";

/** Writes that the table refuses, or does not answer: rules 5 and 8. */
export const refused: readonly Mutant[] = [
  replacing({
    rule: "rule 5",
    what: "a run tries its write once",
    module: "functions/tasks/persist.ts",
    export: "persist",
    with: () => (_ports, _until, request) => request(),
    caughtBy,
  }),
  replacing({
    rule: "rule 8",
    what: "a run whose write is refused for good comes again at once",
    module: "functions/tasks/persist.ts",
    export: "mayPass",
    with: () => () => true,
    caughtBy,
  }),
  {
    rule: "rule 5",
    what: "a claim of a tick that was sent again counts as refused",
    operations: ["rescue", "check a sleeping task", "recheck a waiting task", "park on strikes"],
    change: notRecognising,
  },
  {
    rule: "rule 5",
    what: "a start that was sent again counts as refused",
    operations: ["start"],
    change: notRecognising,
  },
  {
    rule: "rule 5",
    what: "the word to a waiter that was sent again counts as refused",
    operations: ["mark a waiter"],
    change: notRecognising,
  },
  {
    rule: "rule 8",
    what: "a lease is given back with a strike",
    operations: ["acquire a lease given back"],
    change: counting("fence", "strikes"),
    caughtBy,
  },
  {
    rule: "rule 8",
    what: "a lease that is given back is not taken",
    operations: ["acquire a lease given back"],
    change: refusing,
    caughtBy,
  },
];
