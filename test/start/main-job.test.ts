import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeBusEvent } from "../../functions/wake/envelope.ts";
import { detailTypes } from "../../functions/wake/wake.ts";
import { names } from "../../local/deployment.ts";
import { beginJob, followJob, type JobProgress } from "../../local/du-job.ts";
import { startRuntime } from "../../local/runtime.ts";
import { patienceMs } from "../support/patience.ts";
import { project, run } from "./program.ts";
import { apparentSize, directoriesInTree, writeTree } from "./tree.ts";

let folder: string;
let tree: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-start-"));
  tree = join(folder, "tree");
  writeTree(tree);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("npm start -- --once", () => {
  it("does the main job by signals alone and prints one object", async () => {
    const { code, out, err } = await run("--once", "--json", "--root", tree);
    expect(code, err).toBe(0);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    const report = JSON.parse(out);
    expect(report).toEqual({
      root: tree,
      bytes: apparentSize(tree),
      entries: directoriesInTree,
      runs: expect.any(Number),
      writes: expect.any(Number),
      seconds: expect.any(Number),
    });
    expect(report.runs).toBeGreaterThanOrEqual(3);
  });

  it("says which words of the command line it does not understand", async () => {
    expect(await run("--root", join(tree, "nowhere"))).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/^--root: expected a directory/),
    });
    expect(await run("--engine", "diesel")).toMatchObject({
      code: 2,
      err: expect.stringContaining('--engine: expected lazy or eager, received "diesel"'),
    });
    expect(await run("--wat")).toMatchObject({ code: 2, err: expect.stringContaining("--wat") });
    expect(await run("--help")).toMatchObject({ code: 0, out: expect.stringMatching(/^Usage: npm start/) });
  });
});

describe("the main job with signals that go straight into the queue", () => {
  it("is done with no signal on the bus", async () => {
    execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: project, stdio: "ignore" });
    const failures: string[] = [];
    const runtime = await startRuntime({
      bootstrapPath: join(project, ".build", "bootstrap.mjs"),
      functionsFolder: join(project, ".build", "functions"),
      data: undefined,
      registry: "local",
      engine: "lazy",
      directSignals: true,
      seed: ({ seed }) => {
        seed.initRegistry("local");
        seed.initRoot("local", { globalRoot: tree, host: "h", hostRoot: tree });
      },
      onLog: () => {},
      onFailure: (what) => failures.push(what),
    });
    try {
      const onBus = vi.spyOn(runtime.aws.eventBridge, "putEvents");
      const [wakesQueue] = runtime.aws.sqs.queues().filter(({ name }) => name === names.wakes);
      const inQueue = vi.spyOn(wakesQueue ?? expect.fail("no queue of wakes"), "send");
      const { workflowId } = await beginJob(runtime.nog, "local", tree);
      let last: JobProgress | undefined;
      for await (const progress of followJob(runtime.nog, "local", workflowId, AbortSignal.timeout(patienceMs))) {
        last = progress;
      }
      expect(last).toMatchObject({ state: "committed", statusCode: 0 });
      expect(Number(last?.usage.get("."))).toBe(apparentSize(tree));
      const typesOnBus = onBus.mock.calls.flatMap(([entries]) => entries.map(({ detailType }) => detailType));
      const typesInQueue = inQueue.mock.calls.map(([{ body }]) => decodeBusEvent(body).detailType);
      expect(typesOnBus).not.toContain(detailTypes.signal);
      expect(typesOnBus).toContain(detailTypes.wake);
      expect(typesInQueue).toContain(detailTypes.signal);
      expect(failures).toEqual([]);
    } finally {
      await runtime.close();
    }
  });
});
