import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { beginJob, followJob, type JobProgress } from "../../local/du-job.ts";
import { startRuntime } from "../../local/runtime.ts";
import { apparentSize, directoriesInTree, writeTree } from "../start/tree.ts";
import { zipOf } from "./packaged.ts";
import { lambdaRuntimeClient } from "./tools.ts";

const registry = "local";
const jobMs = 45_000;
const names = ["lazy", "cron", "signals", "eager"] as const;

interface Done {
  readonly job: JobProgress | undefined;
  readonly failures: readonly string[];
  /** The lines of the functions' logs that are not JSON. */
  readonly unreadable: readonly string[];
  /** The command lines of each function's processes at the end of the job. */
  readonly commands: Readonly<Record<string, readonly string[]>>;
}

/** Runs the main job with the functions of a folder, under AWS's runtime client. */
async function doJob(engine: "lazy" | "eager", root: string, functionsFolder: string): Promise<Done> {
  const failures: string[] = [];
  const unreadable: string[] = [];
  const runtime = await startRuntime({
    bootstrapPath: lambdaRuntimeClient,
    functionsFolder,
    data: undefined,
    registry,
    engine,
    seed: ({ seed }) => {
      seed.initRegistry(registry);
      seed.initRoot(registry, { globalRoot: root, host: hostname(), hostRoot: root });
    },
    onLog: (name, line) => {
      if (!isLogRecord(line)) unreadable.push(`${name}: ${line}`);
    },
    onFailure: (what) => failures.push(what),
  });
  try {
    const { workflowId } = await beginJob(runtime.nog, registry, root);
    let job: JobProgress | undefined;
    const signal = AbortSignal.timeout(jobMs);
    for await (const progress of followJob(runtime.nog, registry, workflowId, signal)) job = progress;
    const commands = Object.fromEntries(names.map((name) => [name, runtime.lambda.pids(name).map(commandLine)]));
    return { job, failures, unreadable, commands };
  } finally {
    await runtime.close();
  }
}

function isLogRecord(line: string): boolean {
  try {
    return typeof JSON.parse(line).level === "string";
  } catch {
    return false;
  }
}

/** /proc exists, since the client compiles only on Linux. */
const commandLine = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();

/** Unpacks the zips of `npm run package` as Lambda does: one folder per function. */
function unzipFunctions(into: string): void {
  for (const name of names) {
    mkdirSync(join(into, name), { recursive: true });
    const files = Object.entries(unzipSync(readFileSync(zipOf(name))));
    for (const [file, content] of files) writeFileSync(join(into, name, file), content);
  }
}

let folder: string;
let tree: string;
let functionsFolder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-aws-"));
  tree = join(folder, "tree");
  functionsFolder = join(folder, "functions");
  mkdirSync(tree);
  writeTree(tree);
  unzipFunctions(functionsFolder);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the main job with the zips that are deployed, under AWS's own runtime client", () => {
  it.each([
    ["lazy", ["lazy", "cron", "signals"]],
    ["eager", ["cron", "eager"]],
  ] as const)("comes to the right total with the %s engine", async (engine, functions) => {
    const { job, failures, unreadable, commands } = await doJob(engine, tree, functionsFolder);
    expect(failures).toEqual([]);
    expect(job).toMatchObject({ state: "committed", statusCode: 0, message: "" });
    expect(job?.usage.get(".")).toBe(BigInt(apparentSize(tree)));
    expect(job?.usage.size).toBe(directoriesInTree);
    // The functions write JSON records, which the client must pass on unchanged.
    expect(unreadable).toEqual([]);
    for (const name of functions) {
      expect(commands[name], name).not.toEqual([]);
      for (const command of commands[name] ?? []) expect(command, name).toContain(lambdaRuntimeClient);
    }
  });
});
