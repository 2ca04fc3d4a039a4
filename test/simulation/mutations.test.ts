import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { simulate } from "../../functions/testing/simulation/simulate.ts";
import { mutants } from "../../proof/mutate/mutants/all.ts";
import { operationsIn, operationsMissing } from "../../proof/mutate/mutants/conditions.ts";
import { mutated } from "../../proof/mutate/mutants/mutant.ts";
import { type Condition, conditionsOf, without } from "../../proof/mutate/mutations.ts";
import { scenario } from "../../proof/simulate/scenario.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const source = (file: string) => readFileSync(join(project, file), "utf8");

/** Conditions that few simulations do without. */
const cases: readonly Condition[] = [
  { operation: "acquire", condition: "atMost notBefore" },
  { operation: "acquire", condition: "is status ready" },
  { operation: "acquire", condition: "is status retrying" },
  { operation: "acquire", condition: "is status sleeping" },
  { operation: "acquire", condition: "missing notBefore" },
  { operation: "caughtUp", condition: "is token" },
  { operation: "caughtUp", condition: "is wakeCount" },
  { operation: "completed, no waiters", condition: "missing waiters" },
  { operation: "mark a waiter", condition: "is status sleeping" },
  { operation: "postpone", condition: "is due" },
  { operation: "rescue", condition: "is due" },
];

/** Seeds that draw something else after each change of the engines: so it is a number of them, not one that is known. */
const maxSeeds = 30;

describe("a simulation", () => {
  it.each(cases)('catches "$operation" that does not ask for: $condition', async (condition) => {
    const rules: (string | undefined)[] = [];
    while (rules.length < maxSeeds && rules.at(-1) === undefined) {
      const seed = rules.length + 1;
      rules.push((await simulate(scenario, { seed, mutation: without(condition) })).violation?.rule);
    }
    expect(rules.at(-1), `none of ${maxSeeds} seeds`).toBeDefined();
  });

  it("knows the conditions of a write, and takes away one of them", async () => {
    const is = (attribute: "token" | "wakeCount", value: unknown) => ({ op: "is", attribute, value }) as const;
    const update = {
      operation: "caughtUp",
      guard: { op: "all", guards: [is("token", "t"), is("wakeCount", 1)] },
      changes: {},
    } as const;
    const conditions = conditionsOf(update);
    expect(conditions.map(({ condition }) => condition)).toEqual(["is token", "is wakeCount"]);
    expect(without({ operation: "caughtUp", condition: "is wakeCount" })(update).guard).toEqual({
      op: "all",
      guards: [is("token", "t")],
    });
    expect(without({ operation: "checkpoint", condition: "is wakeCount" })(update)).toBe(update);
  });
});

describe("the mutants of the rules", () => {
  it.each(mutants)("$rule: $what, is one change of the source", (mutant) => {
    const changed = mutated(source(mutant.file), mutant);
    expect(changed).not.toBe(source(mutant.file));
    expect(mutant.caughtBy === undefined || existsSync(join(project, mutant.caughtBy))).toBe(true);
  });

  it("have names of their own", () => {
    expect(new Set(mutants.map(({ what }) => what)).size).toBe(mutants.length);
  });

  it("are refused when the place that they change is not there once", () => {
    const mutant = { rule: "rule 1", what: "nothing", file: "a.ts", find: "x", replace: "y" };
    expect(() => mutated("xx", mutant)).toThrow("found it 2 times");
    expect(() => mutated("", mutant)).toThrow("found it 0 times");
    expect(mutated("a x b", mutant)).toBe("a y b");
  });
});

describe("the operations of the protocol", () => {
  const operations = operationsIn(source("functions/tasks/transitions.ts"));

  it("are all found in the source", () => {
    expect(operations).toEqual([
      "acquire",
      "acquire from an earlier leader",
      "acquire over a dead lease",
      "add waiter",
      "adopt",
      "attempt limit reached",
      "canceled, tail advanced",
      "caughtUp",
      "caughtUp, wakes moved",
      "caughtUp, watching",
      "checkpoint",
      "child to a running task",
      "completed, no waiters",
      "completed, waiters",
      "quarantine",
      "check a running task",
      "check a sleeping task",
      "mark a waiter",
      "notified",
      "park on strikes",
      "pause",
      "postpone",
      "rescue",
      "resume",
      "resume while running",
      "retry",
      "rewind",
      "mark ready",
      "signal to a running task",
      "silentRetryAfter",
      "start",
    ]);
  });

  it("are missed when no simulation shows a write of one", () => {
    const seen = operations.slice(1).map((operation) => ({ operation, condition: "is token" }));
    expect(operationsMissing(operations, seen)).toEqual(["acquire"]);
  });
});
