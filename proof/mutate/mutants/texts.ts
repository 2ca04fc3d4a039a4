import type { TextMutant } from "./mutant.ts";

/**
 * The mutants that are changes of text: two. Both rules are the count in a loop that nobody else sees: the passes of a
 * run, and the closes of a watched stream.
 */
export const texts: readonly TextMutant[] = [
  {
    rule: "rule 10",
    what: "a run goes on in place for ever",
    file: "functions/run/run.ts",
    find: 'if (settled === "again" && pass === maxPasses) await',
    replace: "if (pass < 0) await",
    caughtBy: "test/engines/wakes.test.ts",
  },
  {
    rule: "rule 19",
    what: "a stream that closes at once is opened again at once",
    file: "functions/run/watch.ts",
    find: "const full = Math.min(maxReopenMs, firstReopenMs * 2 ** this.#closesAtOnce++);",
    replace: "const full = 0;",
    caughtBy: "test/faults/watching.test.ts",
  },
];
