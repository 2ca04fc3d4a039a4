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
/** How long to wait until the tasks of a committed workflow have completed. */
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
  const startedAt = performance.now();
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
    // Read it before the functions start: they may complete it.
    beforeFunctions: async (nog) => {
      active = await activeJob(nog, registry, options.root);
    },
    onLog: (name, line) => {
      if (!options.json || !line.includes('"level":"info"')) say(readableLog(name, line));
    },
    onFailure: (message) => {
      say(`failed: ${message}`);
      failures.push(message);
      // With --once nobody watches the output, so a failure ends the process.
      if (options.once) stopping.abort();
    },
  });
  const localFile = writeLocalFile(process.cwd(), runtime.environment);
  let consoleServer: Console | undefined;
  try {
    say(`ready after ${Math.round(performance.now() - startedAt)} ms: nog server at ${runtime.upstream.grpcUrl}`);
    if (runtime.restarted.length > 0) say(`resuming ${runtime.restarted.length} tasks of an earlier start`);
    // No console for --once, or when a program reads the output.
    if (!options.once && !options.json) {
      consoleServer = await startLocalConsole(runtime);
      say(`console at ${consoleServer.url}`);
    }
    const job = active ?? (await beginJob(runtime.nog, registry, options.root));
    const report = await runJob(runtime, job, options, stopping.signal, say);
    if (!report) return failures.length > 0 ? 1 : 130;
    if (options.json) process.stdout.write(`${JSON.stringify(timed(report, startedAt))}\n`);
    else printReport(timed(report, startedAt), say);
    if (options.once) return 0;
    say("waiting for events; npm run tailwake -- status --local shows the tasks; Ctrl-C stops");
    await new Promise<void>((resolve) => {
      if (stopping.signal.aborted) resolve();
      stopping.signal.addEventListener("abort", () => resolve());
    });
    return 0;
  } finally {
    localFile.remove();
    await consoleServer?.close();
    await runtime.close();
  }
}

function timed(report: Omit<JobReport, "seconds">, startedAt: number): JobReport {
  return { ...report, seconds: Math.round(performance.now() - startedAt) / 1000 };
}

/** Follows the workflow until it is committed; undefined if stopped before. */
async function runJob(
  runtime: Runtime,
  { workflowId, continued }: Job,
  options: Options,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<Omit<JobReport, "seconds"> | undefined> {
  say(`${continued ? "resuming" : "began"} the du-root workflow ${workflowId} for ${options.root}`);
  let last: JobProgress | undefined;
  let printedAt = 0;
  try {
    for await (const progress of followJob(runtime.nog, registry, workflowId, signal)) {
      last = progress;
      if (performance.now() - printedAt < progressEveryMs && progress.state !== "committed") continue;
      printedAt = performance.now();
      say(`${progress.state}: ${progress.usage.size} directories`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (last?.state !== "committed") return undefined;
  if (last.statusCode !== 0) throw new Error(`the workflow failed with status ${last.statusCode}: ${last.message}`);
  await untilTaskCompleted(runtime, workflowId, signal);
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
async function untilTaskCompleted(runtime: Runtime, workflowId: string, signal: AbortSignal): Promise<void> {
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
