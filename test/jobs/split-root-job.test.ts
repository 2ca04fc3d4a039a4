import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { beforeEach, describe, expect, it } from "vitest";
import { lazy } from "../../functions/engines/binding.ts";
import { FsoSplitRootSuggestion_Suggestion as Suggestion } from "../../functions/nog/gen/nogfso/root-info_pb.ts";
import {
  AppendSplitRootDecisionsI_Decision as Decision,
  SplitRoot,
  GetSplitRootO_StatusCode as StatusCode,
} from "../../functions/nog/gen/nogfso/split-root_pb.ts";
import { splitRoot, uuidBytes, workflowIndexOf } from "../../functions/nog/index.ts";
import { JobWorld, registry } from "./job-world.ts";

const globalRoot = "/ex";
const index = workflowIndexOf({ splitRoot: [splitRoot] });
const paths = [
  { path: ".", usage: 5_000n },
  { path: "small", usage: 5n },
  { path: "a", usage: 3_000n },
  { path: "keep", usage: 400n },
  { path: "repo", usage: 900n },
];
const suggestions = [
  { path: ".", suggestion: Suggestion.S_REPO_CANDIDATE },
  { path: "a", suggestion: Suggestion.S_REPO_CANDIDATE },
  { path: "repo", suggestion: Suggestion.S_REPO },
  { path: "keep", suggestion: Suggestion.S_DONT_SPLIT },
  { path: "small", suggestion: Suggestion.S_SMALL_DIR },
];

describe("splitting a root", () => {
  let world: JobWorld;
  let split: ReturnType<typeof clientOf>;
  let workflowId: string;
  let workflow: Uint8Array<ArrayBuffer>;
  const clientOf = (of: JobWorld) => createClient(SplitRoot, of.nog.transport);
  const record = () => world.recordOf(workflowId, "split-root");

  beforeEach(async () => {
    world = await JobWorld.start([lazy(index), lazy(splitRoot)], [index]);
    split = clientOf(world);
    workflowId = randomUUID();
    workflow = uuidBytes(workflowId, "workflowId");
    world.upstream.seed.initRepo(registry, { globalPath: "/ex/repo" });
    const config = { globalRoot, maxDepth: 3, minDiskUsage: 10n, maxDiskUsage: 1_000n };
    await split.createSplitRootConfig({ registry, config });
    await split.createSplitRootPathFlag({ registry, globalRoot, relativePath: "keep", flags: 1 });
    await split.beginSplitRoot({ registry, globalRoot, workflow });
    await world.drain();
  });

  /** The storage side's part. */
  async function measure(): Promise<void> {
    await split.appendSplitRootDu({ workflow, paths });
    await split.commitSplitRootDu({ workflow });
  }

  it("goes from the begin to suggestions by signals alone, and ends with the admin's commit", async () => {
    expect(await record()).toMatchObject({ status: "sleeping" });
    await measure();
    await world.drain();
    expect(await split.getSplitRoot({ workflow })).toMatchObject({
      statusCode: StatusCode.SC_ANALYSIS_COMPLETED,
      suggestions,
    });
    expect(await record()).toMatchObject({ status: "sleeping" });
    await split.appendSplitRootDecisions({
      workflow,
      paths: ["/ex", "/ex/a"].map((path) => ({ path, decision: Decision.D_IGNORE_ONCE })),
    });
    await split.commitSplitRoot({ workflow });
    await world.drain();
    expect(await record()).toMatchObject({ status: "completed" });
    expect(world.errors).toEqual([]);
  });

  it.each([1, 2, 3, 4])("appends each suggestion once, although it is killed after its call %i", async (killAt) => {
    await measure();
    expect(await world.drainAndDie(killAt)).toBe(true);
    expect(await split.getSplitRoot({ workflow })).toMatchObject({
      statusCode: StatusCode.SC_ANALYSIS_COMPLETED,
      suggestions,
    });
    expect(await world.recordOf(workflowId, "split-root")).toMatchObject({ status: "sleeping", attempts: 0 });
    expect(world.errors).toEqual([]);
  });

  it("is aborted when du failed, and completed then", async () => {
    await split.abortSplitRootDu({ workflow, statusCode: 9, statusMessage: "no such directory" });
    await world.drain();
    expect(await split.getSplitRoot({ workflow })).toMatchObject({ statusCode: 1, statusMessage: "du failed" });
    expect(await record()).toMatchObject({ status: "completed" });
    expect(world.errors).toEqual([]);
  });

  it("aborts the analysis and the workflow when the root itself was not measured", async () => {
    await split.appendSplitRootDu({ workflow, paths: paths.slice(1) });
    await split.commitSplitRootDu({ workflow });
    await world.drain();
    expect(await split.getSplitRoot({ workflow })).toMatchObject({
      statusCode: 1,
      statusMessage: "analysis failed",
      suggestions: [],
    });
    expect(await record()).toMatchObject({ status: "completed" });
  });
});
