import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { mutants } from "./mutants/all.ts";
import type { Chosen } from "./mutants/chosen.ts";
import { conditionsSeen } from "./mutants/conditions.ts";
import { whyEquivalent } from "./mutants/equivalent.ts";
import { Program } from "./mutants/program.ts";
import { rare, tableTest } from "./mutants/rare.ts";
import {
  expectTestsPass,
  nameOfMutant,
  simulateMutant,
  simulateUntilCaught,
  testUntilCaught,
  type Verdict,
} from "./mutants/trial.ts";
import { nameOfCondition } from "./mutations.ts";

const usage = `Usage: npm run mutate [-- options]

Takes the conditions of every write away, and breaks every rule that is code, one at a time: a simulation or a test must
catch each.

  --seeds N    simulations of a mutant at most (default 300)
  --only TEXT  mutants whose name has this text
  --json       one object on standard output
  --help       print this

Exit code 0: every mutant was caught. 1: one survived, or one that is said to change nothing was caught. 2: the command
line is wrong.
`;

/** Simulations of the program as it is, which show its writes. */
const recordedSeeds = 24;
/** Simulations that a mutant has to survive that is said to change nothing. */
const seedsOfEquivalent = 30;

const project = process.cwd();

async function main(args: readonly string[]): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { json } = options;
  const say = (line: string) => {
    if (!json) process.stdout.write(`${line}\n`);
  };
  const trials = (await allTrials(options.seeds)).filter(({ name }) => name.includes(options.only));
  const verdicts: Verdict[] = [];
  await inParallel(
    trials.map(({ run }) => async () => {
      const verdict = await run();
      verdicts.push(verdict);
      say(line(verdict));
    }),
  );
  const figures = figuresOf(verdicts);
  if (json) process.stdout.write(`${JSON.stringify({ ...figures, verdicts })}\n`);
  else for (const text of inWords(figures)) say(text);
  return figures.survived.length + figures.notEquivalent.length > 0 ? 1 : 0;
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string", default: "300" },
      only: { type: "string", default: "" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const seeds = Number(values.seeds);
  if (!Number.isSafeInteger(seeds) || seeds < 1) {
    throw new Error(`--seeds: expected a whole number from 1, received ${JSON.stringify(values.seeds)}`);
  }
  return { ...values, seeds };
}

interface Trial {
  readonly name: string;
  readonly run: () => Promise<Verdict>;
}

async function allTrials(seeds: number): Promise<Trial[]> {
  const program = await Program.bundle(project, "unchanged");
  const conditions = await conditionsSeen(program, recordedSeeds, inParallel);
  const seedsFor = (name: string) => (whyEquivalent(name) === undefined ? seeds : Math.min(seeds, seedsOfEquivalent));
  const passing = new Map<string, Promise<void>>();
  const tested = async (name: string, chosen: Chosen, testFile: string) => {
    const passes = passing.get(testFile) ?? expectTestsPass(project, testFile);
    passing.set(testFile, passes);
    await passes;
    return testUntilCaught(project, name, chosen, testFile);
  };
  const ofConditions = conditions.map((condition): Trial => {
    const name = nameOfCondition(condition);
    const run = rare.includes(name)
      ? () => tested(name, { condition }, tableTest)
      : () => simulateUntilCaught(program, name, seedsFor(name), { condition });
    return { name, run };
  });
  const ofMutants = mutants.map((mutant): Trial => {
    const name = nameOfMutant(mutant);
    const { what, caughtBy } = mutant;
    if (caughtBy === undefined) return { name, run: () => simulateMutant(project, program, mutant, seedsFor(name)) };
    return { name, run: () => tested(name, { mutant: what }, caughtBy) };
  });
  return [...ofConditions, ...ofMutants];
}

/** Each core takes the next job when it is done with one. */
async function inParallel(jobs: Iterable<() => Promise<void>>): Promise<void> {
  const left = jobs[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let next = left.next(); !next.done; next = left.next()) await next.value();
    }),
  );
}

function line({ name, caught, seeds, by }: Verdict): string {
  const reason = whyEquivalent(name);
  const took = seeds === undefined ? "test" : String(seeds);
  const what = caught ? by : reason === undefined ? "SURVIVED" : `changes nothing: ${reason}`;
  return `${took.padStart(4)}  ${name}\n      ${what}`;
}

function figuresOf(verdicts: readonly Verdict[]) {
  const isEquivalent = ({ name }: Verdict) => whyEquivalent(name) !== undefined;
  const bySimulation = verdicts.filter((one) => one.caught && one.seeds !== undefined && !isEquivalent(one));
  const seeds = bySimulation.map((one) => one.seeds ?? 0).sort((a, b) => a - b);
  return {
    mutants: verdicts.length,
    caughtBySimulation: bySimulation.length,
    caughtByTests: verdicts.filter((one) => one.caught && one.seeds === undefined).length,
    equivalent: verdicts.filter((one) => isEquivalent(one) && !one.caught).length,
    medianSeeds: seeds[Math.floor(seeds.length / 2)] ?? 0,
    maxSeeds: seeds.at(-1) ?? 0,
    survived: verdicts.filter((one) => !one.caught && !isEquivalent(one)).map(({ name }) => name),
    notEquivalent: verdicts.filter((one) => one.caught && isEquivalent(one)).map(({ name }) => name),
  };
}

function inWords(figures: ReturnType<typeof figuresOf>): string[] {
  const { survived, notEquivalent } = figures;
  return [
    `${figures.mutants} mutants: ${figures.caughtBySimulation} caught by a simulation, ${figures.caughtByTests} by a test, ` +
      `${figures.equivalent} change nothing`,
    `seeds until caught: half within ${figures.medianSeeds}, all within ${figures.maxSeeds}`,
    ...(survived.length > 0 ? [`survived: ${survived.join("; ")}`] : []),
    ...(notEquivalent.length > 0 ? [`said to change nothing, but caught: ${notEquivalent.join("; ")}`] : []),
  ];
}

// With all that it has started.
process.once("SIGINT", () => process.exit(130));
process.exitCode = await main(process.argv.slice(2));
