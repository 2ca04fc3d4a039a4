import { spawn } from "node:child_process";
import { join } from "node:path";
import { describeError } from "../../../functions/contract/error.ts";
import type { Chosen } from "./chosen.ts";
import type { Mutant } from "./mutant.ts";
import { Program } from "./program.ts";

/** What became of a mutant. */
export interface Verdict {
  readonly name: string;
  readonly caught: boolean;
  /** Simulations until it was caught, or all of them; undefined if a test was to catch it. */
  readonly seeds: number | undefined;
  /** The promise that it broke, or the test that failed. */
  readonly by: string;
}

export const nameOfMutant = ({ rule, what }: Mutant): string => `${rule}: ${what}`;

/** Simulates seed after seed, from 1, until a promise is broken; `chosen` if it is a change of the writes alone. */
export async function simulateUntilCaught(
  program: Program,
  name: string,
  maxSeeds: number,
  chosen?: Chosen,
): Promise<Verdict> {
  const world = program.start({ ...(chosen && { chosen }) });
  try {
    for (let seed = 1; seed <= maxSeeds; seed++) {
      const { violation } = await world.simulate(seed);
      if (violation) return { name, caught: true, seeds: seed, by: `${violation.rule}: ${violation.what}` };
    }
    return { name, caught: false, seeds: maxSeeds, by: "" };
  } finally {
    await world.end();
  }
}

/** A mutant of a write needs no program of its own. */
export async function simulateMutant(
  project: string,
  unchanged: Program,
  mutant: Mutant,
  maxSeeds: number,
): Promise<Verdict> {
  const name = nameOfMutant(mutant);
  const chosen = { mutant: mutant.what };
  if ("change" in mutant) return simulateUntilCaught(unchanged, name, maxSeeds, chosen);
  const file = name.replaceAll(/[^a-z0-9]+/gi, "-");
  return simulateUntilCaught(await Program.bundle(project, file, chosen), name, maxSeeds);
}

/** Runs the test that must fail. */
export async function testUntilCaught(
  project: string,
  name: string,
  chosen: Chosen,
  testFile: string,
): Promise<Verdict> {
  const { failed, message } = await runTests(project, testFile, { TAILWAKE_MUTANT: JSON.stringify(chosen) });
  return { name, caught: failed > 0, seeds: undefined, by: `${testFile}${message && `: ${message}`}` };
}

/** Throws unless the tests of a file pass without a mutant: else that they fail would say nothing. */
export async function expectTestsPass(project: string, testFile: string): Promise<void> {
  const { failed, message } = await runTests(project, testFile, {});
  if (failed > 0) throw new Error(`${testFile}: expected to pass without a mutant, but: ${message}`);
}

/** The longest test file takes a minute; one that has not ended by then never will. */
const maxTestMs = 600_000;

/** A mutant may keep a test from ending: so it has failed. Other tests wait for longer, since their machine may be busy. */
const limits = ["--testTimeout=60000", "--hookTimeout=60000"];

/** How many tests failed, and the name of the first. */
async function runTests(
  project: string,
  testFile: string,
  mutation: Readonly<Record<string, string>>,
): Promise<{ readonly failed: number; readonly message: string }> {
  const vitest = join(project, "node_modules/vitest/vitest.mjs");
  const args = ["run", "--config", "proof/mutate/mutants/vitest.config.ts", "--reporter=json", ...limits, testFile];
  const child = spawn(process.execPath, [vitest, ...args], {
    cwd: project,
    env: { ...process.env, ...mutation },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let isOver = false;
  // With the processes that vitest has started: one in an endless loop does not notice that vitest has gone.
  const end = () => {
    if (child.pid !== undefined && !isOver) process.kill(-child.pid, "SIGKILL");
  };
  process.once("exit", end);
  const timer = setTimeout(end, maxTestMs);
  let [output, errors] = ["", ""];
  child.stdout.on("data", (text) => {
    output += text;
  });
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const signal = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (_code, signal) => resolve(signal));
  }).finally(() => {
    isOver = true;
    clearTimeout(timer);
    process.off("exit", end);
  });
  if (signal !== null) throw new Error(`${testFile} with ${JSON.stringify(mutation)}: it does not end`);
  try {
    const { numTotalTests, testResults } = JSON.parse(output.slice(output.indexOf("{"))) as TestReport;
    if (numTotalTests === 0) throw new Error("no test ran");
    const failed = testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === "failed"),
    );
    return { failed: failed.length, message: failed[0]?.fullName ?? "" };
  } catch (error) {
    throw new Error(`${testFile}: expected a report of vitest (${describeError(error)}), received ${output}${errors}`);
  }
}

interface TestReport {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}
