import { once } from "node:events";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { type SimulationReport, simulate } from "../../functions/testing/simulation/simulate.ts";
import { scenario } from "./scenario.ts";
import { percentile, Tally } from "./tally.ts";

const usage = `Usage: npm run simulate [-- options]

Runs the engines in simulated worlds with all kinds of faults, and checks each write against the protocol.

  --seeds N    number of simulations, on all cores (default 200)
  --first S    first seed (default 1)
  --seed S     run one simulation and print its history
  --json       print one object on standard output
  --help       print this

Exit code 0: every promise was kept. 1: one was not; the seed to replay is printed. 2: the command line is wrong.
`;

async function main(args: readonly string[]): Promise<number> {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  return values.seed === undefined
    ? simulateMany(values.first, values.seeds, values.json)
    : replay(values.seed, values.json);
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string", default: "200" },
      first: { type: "string", default: "1" },
      seed: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { seeds, first, seed } = values;
  return {
    ...values,
    seeds: whole("--seeds", seeds, 1),
    first: whole("--first", first, 0),
    seed: seed === undefined ? undefined : whole("--seed", seed, 0),
  };
}

function whole(option: string, text: string, min: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value < 2 ** 32) return value;
  throw new Error(`${option}: expected a whole number from ${min} to ${2 ** 32 - 1}, received ${JSON.stringify(text)}`);
}

async function replay(seed: number, json: boolean): Promise<number> {
  const { story, ...report } = await simulate(scenario, { seed, story: true });
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stdout.write(`${[...story, "", ...formatReport(report)].join("\n")}\n`);
  return report.violation ? 1 : 0;
}

function formatReport({ violation, ...report }: Omit<SimulationReport, "story">): string[] {
  const { steps, simulatedMinutes, attempts, events, writes, invocations, kills, settledMinutes } = report;
  return [
    `seed ${report.seed}: ${steps} steps, ${simulatedMinutes.toFixed(0)} simulated minutes, ${invocations} invocations, ` +
      `${kills} killed, ${writes} writes, ${attempts} calls of activities, ${events} events`,
    violation
      ? `${violation.rule} was broken by ${violation.task}: ${violation.what}`
      : `every promise was kept; all tasks at rest ${settledMinutes.toFixed(0)} minutes after the faults`,
  ];
}

/**
 * Maximum number of simulations per worker: Node retains abort signals with listeners, and killed processes never abort
 * theirs.
 */
const simulationsAWorker = 100;

/** Each core takes the next seed when it is free. */
async function simulateMany(first: number, seeds: number, json: boolean): Promise<number> {
  const began = performance.now();
  const tally = new Tally();
  const cores = Math.min(availableParallelism(), seeds);
  let next = first;
  await Promise.all(
    Array.from({ length: cores }, async () => {
      let worker = new Worker(new URL(import.meta.url));
      try {
        for (let done = 0; next < first + seeds; done++) {
          if (done > 0 && done % simulationsAWorker === 0) {
            await worker.terminate();
            worker = new Worker(new URL(import.meta.url));
          }
          const report = await ask(worker, next++);
          tally.add(report);
          if (report.violation && !json) {
            process.stdout.write(
              `${formatReport(report).join("\n")}\nreplay it: npm run simulate -- --seed ${report.seed}\n`,
            );
          }
          if (!json && process.stderr.isTTY) process.stderr.write(`\r${tally.simulations} of ${seeds} `);
        }
      } finally {
        await worker.terminate();
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const { settledMinutes, violations, ...sums } = tally;
  const figures = {
    ...sums,
    violations,
    stepsPerSecondAndCore: Math.round(sums.steps / seconds / cores),
    settledMinutes: { median: percentile(settledMinutes, 0.5), p99: percentile(settledMinutes, 0.99) },
    seconds: Number(seconds.toFixed(1)),
  };
  process.stdout.write(json ? `${JSON.stringify(figures)}\n` : `${tally.format(seconds, cores)}\n`);
  return violations.length > 0 ? 1 : 0;
}

async function ask(worker: Worker, seed: number): Promise<SimulationReport> {
  worker.postMessage(seed);
  // Rejects with the error of the worker.
  const [report] = await once(worker, "message");
  return report;
}

if (isMainThread) {
  process.exitCode = await main(process.argv.slice(2));
} else {
  parentPort?.on("message", async (seed: number) => {
    parentPort?.postMessage(await simulate(scenario, { seed }));
  });
}
