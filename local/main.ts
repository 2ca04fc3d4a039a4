import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeLocalFile } from "../cli/deployment/local-file.ts";
import type { Console } from "../console/server.ts";
import { startLocalConsole } from "./console.ts";
import { activeJob, beginJob, followJob, type Job, type JobProgress } from "./du-job.ts";
import { type Options, readOptions, UsageError, usage } from "./options.ts";
import { directoryTable, grouped, type JobReport, readableLog, readableSize, runsOf } from "./report.ts";
import { type Runtime, startRuntime } from "./runtime.ts";

const registry = "local";
const tableRows = 15;
const progressEveryMs = 1_000;
/** How long the tasks of a committed workflow may take to notice. */
const settleMs = 10_000;

const built = dirname(fileURLToPath(import.meta.url));

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return 2;
  }
  if (!options) {
    process.stdout.write(usage);
    return 0;
  }
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  try {
    return await run(options, stopping);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

async function run(options: Options, stopping: AbortController): Promise<number> {
  const began = performance.now();
  const say = (text: string) => void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  const failures: string[] = [];
  let active: Job | undefined;
  const runtime = await startRuntime({
    bootstrapPath: join(built, "bootstrap.mjs"),
    functionsFolder: join(built, "functions"),
    data: options.data,
    registry,
    engine: options.engine,
    seed: ({ seed }) => {
      seed.initRegistry(registry);
      seed.initRoot(registry, { globalRoot: options.root, host: hostname(), hostRoot: options.root });
    },
    // Afterwards the functions may complete it before anyone has looked.
    beforeFunctions: async (nog) => {
      active = await activeJob(nog, registry, options.root);
    },
    onLog: (name, line) => {
      if (!options.json || !line.includes('"level":"info"')) say(readableLog(name, line));
    },
    onFailure: (what) => {
      say(`failed: ${what}`);
      failures.push(what);
      // Nobody is there to look at it.
      if (options.once) stopping.abort();
    },
  });
  const word = writeLocalFile(process.cwd(), runtime.environment);
  let served: Console | undefined;
  try {
    say(`ready after ${Math.round(performance.now() - began)} ms: nog server at ${runtime.upstream.grpcUrl}`);
    if (runtime.restarted.length > 0) say(`going on with ${runtime.restarted.length} tasks of an earlier start`);
    // Nobody is there to look at it, or a program reads what is printed.
    if (!options.once && !options.json) {
      served = await startLocalConsole(runtime);
      say(`console at ${served.url}`);
    }
    const job = active ?? (await beginJob(runtime.nog, registry, options.root));
    const report = await runJob(runtime, job, options, stopping.signal, say);
    if (!report) return failures.length > 0 ? 1 : 130;
    if (options.json) process.stdout.write(`${JSON.stringify(timed(report, began))}\n`);
    else printReport(timed(report, began), say);
    if (options.once) return 0;
    say("waiting for what happens; npm run tailwake -- status --local looks at it; Ctrl-C ends");
    await new Promise<void>((resolve) => {
      if (stopping.signal.aborted) resolve();
      stopping.signal.addEventListener("abort", () => resolve());
    });
    return 0;
  } finally {
    word.remove();
    await served?.close();
    await runtime.close();
  }
}

function timed(report: Omit<JobReport, "seconds">, began: number): JobReport {
  return { ...report, seconds: Math.round(performance.now() - began) / 1000 };
}

/** Follows the workflow to its end; undefined if it was stopped before. */
async function runJob(
  runtime: Runtime,
  { workflowId, continued }: Job,
  options: Options,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<Omit<JobReport, "seconds"> | undefined> {
  say(`${continued ? "going on with" : "began"} the du-root workflow ${workflowId} for ${options.root}`);
  let last: JobProgress | undefined;
  let saidAt = 0;
  try {
    for await (const progress of followJob(runtime.nog, registry, workflowId, signal)) {
      last = progress;
      if (performance.now() - saidAt < progressEveryMs && progress.state !== "committed") continue;
      saidAt = performance.now();
      say(`${progress.state}: ${progress.usage.size} directories`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (last?.state !== "committed") return undefined;
  if (last.statusCode !== 0) throw new Error(`the workflow failed with status ${last.statusCode}: ${last.message}`);
  await settled(runtime, workflowId, signal);
  if (!options.json) say(`\n${directoryTable(options.root, last.usage, tableRows)}`);
  return {
    root: options.root,
    bytes: Number(last.usage.get(".") ?? 0n),
    entries: last.usage.size,
    runs: runsOf(await runtime.tasks()) - runtime.earlierRuns,
    writes: runtime.writes,
  };
}

/** Waits until the workflow's task has completed too, so that the figures are final. */
async function settled(runtime: Runtime, workflowId: string, signal: AbortSignal): Promise<void> {
  const end = performance.now() + settleMs;
  while (performance.now() < end && !signal.aborted) {
    const tasks = await runtime.tasks();
    if (tasks.some(({ entity, status }) => entity === workflowId && status === "completed")) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function printReport({ root, bytes, entries, runs, writes, seconds }: JobReport, say: (text: string) => void): void {
  say(`${root}: ${grouped(bytes)} bytes (${readableSize(BigInt(bytes))}) in ${entries} directories of two levels`);
  say(`${runs} runs, ${writes} writes to the task table, ${seconds} s`);
}
