import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { remove, type Update } from "../../functions/tasks/update.ts";
import { simulate } from "../../functions/testing/simulation/simulate.ts";
import { operations } from "../../functions/testing/simulation/specification.ts";
import { mutants } from "../../proof/mutate/mutants/all.ts";
import { namesMissing, operationsMissing } from "../../proof/mutate/mutants/conditions.ts";
import { equivalentConditions, equivalentRules } from "../../proof/mutate/mutants/equivalent.ts";
import { type ExportMutant, type Mutant, mutated, mutationOf, replacing } from "../../proof/mutate/mutants/mutant.ts";
import { Program } from "../../proof/mutate/mutants/program.ts";
import { rare } from "../../proof/mutate/mutants/rare.ts";
import {
  expectTestsPass,
  nameOfMutant,
  simulateUntilCaught,
  testUntilCaught,
} from "../../proof/mutate/mutants/trial.ts";
import { type Condition, conditionsOf, nameOfCondition, without } from "../../proof/mutate/mutations.ts";
import { scenario } from "../../proof/simulate/scenario.ts";
import { writes } from "./writes.ts";

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
  { operation: "completed, no waiters", condition: "missing awaited" },
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
      appliedIf: () => false,
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

const isOfWrite = (mutant: Mutant) => "change" in mutant;
const isOfExport = (mutant: Mutant) => "export" in mutant;
const isOfText = (mutant: Mutant) => "find" in mutant;

/** The parts of a write in which two differ. */
function differences(one: Update, other: Update): (keyof Update)[] {
  const parts = ["guard", "changes", "increment", "appliedIf"] as const;
  const text = (value: unknown) =>
    typeof value === "function" ? value : JSON.stringify(value, (_, part) => (part === remove ? "remove" : part));
  return parts.filter((part) => text(one[part]) !== text(other[part]));
}

const allWrites = Object.values(writes).flat();

describe("the mutants of the rules", () => {
  it.each(mutants.filter(isOfWrite))("$rule: $what, is one change of a write", (mutant) => {
    const mutation = mutationOf(mutant);
    const changed = allWrites.map((update) => ({ update, differ: differences(update, mutation(update)) }));
    expect(changed.filter(({ differ }) => differ.length > 1)).toEqual([]);
    const operationsChanged = new Set(
      changed.flatMap(({ update, differ }) => (differ.length > 0 ? update.operation : [])),
    );
    expect([...operationsChanged].filter((operation) => !mutant.operations.includes(operation))).toEqual([]);
    expect(operationsChanged.size).toBeGreaterThan(0);
  });

  it.each(mutants.filter(isOfExport))("$rule: $what, is one change of an export", async (mutant) => {
    const { [mutant.export]: real } = await import(join(project, mutant.module));
    expect(real).toBeDefined();
    const replacement = mutant.with(real as never);
    expect(replacement).not.toBe(real);
    expect(typeof replacement).toBe(typeof real);
  });

  it.each(mutants.filter(isOfText))("$rule: $what, is one change of the source", (mutant) => {
    expect(mutated(source(mutant.file), mutant)).not.toBe(source(mutant.file));
  });

  it("have names of their own", () => {
    expect(new Set(mutants.map(({ what }) => what)).size).toBe(mutants.length);
    expect(new Set(mutants.map(nameOfMutant)).size).toBe(mutants.length);
  });

  it("are left to tests that exist", () => {
    const files = new Set(mutants.flatMap(({ caughtBy }) => caughtBy ?? []));
    expect([...files].filter((file) => !existsSync(join(project, file)))).toEqual([]);
  });

  it("are said to change nothing by their names", () => {
    const names = mutants.map(nameOfMutant);
    expect(equivalentRules.filter((name) => !names.includes(name))).toEqual([]);
  });

  it("are refused when the place that they change is not there once", () => {
    const mutant = { rule: "rule 1", what: "nothing", file: "a.ts", find: "x", replace: "y" } as const;
    expect(() => mutated("xx", mutant)).toThrow("found it 2 times");
    expect(() => mutated("", mutant)).toThrow("found it 0 times");
    expect(mutated("a x b", mutant)).toBe("a y b");
  });

  it("are refused by the compiler when their export has another name, or another signature", () => {
    const named = { rule: "rule 7", what: "nothing", module: "functions/tasks/standing.ts" } as const;
    // @ts-expect-error: there is no such export
    const renamed = replacing({ ...named, export: "standing", with: (real) => real });
    // @ts-expect-error: it returns a number
    const changed = replacing({ ...named, export: "leaseOverAt", with: () => () => "never" });
    expect([renamed, changed].map((mutant: ExportMutant) => mutant.module)).toEqual([named.module, named.module]);
  });

  const one = (what: string) => mutants.find((mutant) => mutant.what === what) as Mutant;

  it("that replace an export are in the program that is simulated", async () => {
    const { what } = one("a cron task is not due at its slot");
    const program = await Program.bundle(project, "tested", { mutant: what });
    expect(await simulateUntilCaught(program, what, maxSeeds)).toMatchObject({ caught: true });
  });

  it("that replace an export are in the program that is tested", async () => {
    const { what, caughtBy = "" } = one("the time of a schedule is not rounded up");
    await expectTestsPass(project, caughtBy);
    expect(await testUntilCaught(project, what, { mutant: what }, caughtBy)).toMatchObject({ caught: true });
  });
});

describe("the operations of the protocol", () => {
  const conditions = allWrites.flatMap(conditionsOf);

  it("have writes in their own names", () => {
    expect(Object.keys(writes).sort()).toEqual([...operations].sort());
    for (const [operation, updates] of Object.entries(writes))
      expect(new Set(updates.map((update) => update.operation))).toEqual(new Set([operation]));
  });

  it("are missed when no simulation shows a write of one", () => {
    expect(operationsMissing(conditions)).toEqual([]);
    expect(operationsMissing(conditions.filter(({ operation }) => operation !== "acquire"))).toEqual(["acquire"]);
  });

  it("have the conditions that the lists name", () => {
    expect(namesMissing(conditions)).toEqual([]);
    const [first, ...others] = [...rare, ...equivalentConditions];
    expect(others).not.toContain(first);
    expect(namesMissing(conditions.filter((condition) => nameOfCondition(condition) !== first))).toEqual([first]);
  });
});
