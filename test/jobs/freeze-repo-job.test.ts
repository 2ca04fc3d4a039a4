import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { lazy } from "../../functions/engines/binding.ts";
import { FreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import { EphemeralRegistry, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { Repos, GetRepoO_StorageTierCode as StorageTier } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { StatusCode } from "../../functions/nog/gen/nogfso/status_pb.ts";
import { WorkflowEvent_Type as Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import {
  type FreezeRepoFilesOptions,
  freezeRepo,
  freezeRepoFiles,
  registryEntityId,
  uuidBytes,
  workflowIndexOf,
} from "../../functions/nog/index.ts";
import { JobWorld, registry } from "./job-world.ts";

const day = 86_400_000;

/** A repo that is online, and a freeze of it that has begun, at the versions of now. */
async function begin(options: Partial<FreezeRepoFilesOptions> = {}) {
  const frozen: string[] = [];
  const files = freezeRepoFiles({ freeze: async ({ globalPath }) => void frozen.push(globalPath), ...options });
  const index = workflowIndexOf({ freezeRepo: [freezeRepo, files] });
  const world = await JobWorld.start([lazy(index), lazy(freezeRepo), lazy(files)], [index]);
  const { seed, journal } = world.upstream;
  const repo = seed.initRepo(registry, { globalPath: "/ex/repo" });
  seed.confirmShadow(repo);
  const workflowId = randomUUID();
  const workflow = uuidBytes(workflowId, "workflowId");
  const { transport } = world.nog;
  const freeze = createClient(FreezeRepo, transport);
  const repos = createClient(Repos, transport);
  const streams = createClient(EphemeralRegistry, transport);
  await freeze.beginFreezeRepo({
    registry,
    registryVid: journal.head(uuidBytes(registryEntityId(registry), "registry")),
    repo,
    repoVid: journal.head(repo),
    workflow,
    authorName: "A U Thor",
    authorEmail: "author@example.org",
  });
  return {
    world,
    frozen,
    repo,
    workflow,
    status: () => freeze.getFreezeRepo({ workflow, jobControl: 3 }),
    inRepo: () => repos.getRepo({ repo }),
    async events() {
      const types: number[] = [];
      for await (const message of streams.registryWorkflowEvents({ registry, workflow })) {
        types.push(...message.events.map(({ event }) => event));
      }
      return types;
    },
    async tasks() {
      const records = await Promise.all(
        ["freeze-repo", "freeze-repo-files"].map((activity) => world.recordOf(workflowId, activity)),
      );
      return records.map((record) => record?.status);
    },
  };
}

const allEvents = [
  Type.EV_FSO_FREEZE_REPO_STARTED_2,
  Type.EV_FSO_FREEZE_REPO_FILES_STARTED,
  Type.EV_FSO_FREEZE_REPO_FILES_COMPLETED,
  Type.EV_FSO_FREEZE_REPO_COMPLETED_2,
  Type.EV_FSO_FREEZE_REPO_COMMITTED,
];

describe("freezing a repo", () => {
  it("goes from the begin to the commit by signals alone, in registry, repo and workflow", async () => {
    const job = await begin();
    await job.world.drain();
    expect(await job.events()).toEqual(allEvents);
    expect(await job.status()).toMatchObject({ statusCode: 0 });
    expect(await job.inRepo()).toMatchObject({ storageTier: StorageTier.ST_FROZEN, errorMessage: "" });
    expect(job.frozen).toEqual(["/ex/repo"]);
    expect(await job.tasks()).toEqual(["completed", "completed"]);
    expect(job.world.errors).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7])("does so although the process is killed after its call %i", async (killAt) => {
    const job = await begin();
    expect(await job.world.drainAndDie(killAt)).toBe(true);
    for (let i = 0; i < 3; i++) await job.world.pass(60_000);
    expect(await job.events()).toEqual(allEvents);
    expect(await job.status()).toMatchObject({ statusCode: 0 });
    expect(await job.inRepo()).toMatchObject({ storageTier: StorageTier.ST_FROZEN, errorMessage: "" });
    expect(await job.tasks()).toEqual(["completed", "completed"]);
    expect(job.world.errors).toEqual([]);
  });

  it("makes seven calls", async () => {
    const job = await begin();
    expect(await job.world.drainAndDie(8)).toBe(false);
    expect(await job.tasks()).toEqual(["completed", "completed"]);
  });

  it("tries the local step six times over minutes, then releases all three", async () => {
    let tries = 0;
    const job = await begin({
      async freeze() {
        tries++;
        throw new Error("disk full");
      },
    });
    await job.world.drain();
    for (let i = 0; i < 60 && (await job.tasks())[1] !== "completed"; i++) await job.world.pass(60_000);
    expect(tries).toBe(6);
    const failed = { statusCode: StatusCode.SC_STAD_FREEZE_REPO_FAILED, statusMessage: "disk full" };
    expect(await job.events()).toEqual(allEvents);
    expect(await job.status()).toMatchObject(failed);
    expect(await job.inRepo()).toMatchObject({
      storageTier: StorageTier.ST_FREEZE_FAILED,
      errorMessage: "freeze failed: disk full",
    });
    expect(await job.tasks()).toEqual(["completed", "completed"]);
    expect(job.world.errors).toEqual([...Array(5).fill("failed"), "freezing the files failed for good"]);
  });

  it("fails when somebody else has moved the registry, and leaves registry and repo as they were", async () => {
    for (const killAt of [0, 1, 2, 3]) {
      const job = await begin();
      const { seed, journal } = job.world.upstream;
      seed.appendRegistryEvents(registry, [
        { event: RegistryEvent_Type.EV_FSO_PATH_FLAG_SET, fsoPathFlag: { path: "/ex/a", flags: 1 } },
      ]);
      const repoVid = journal.head(job.repo);
      if (killAt === 0) await job.world.drain();
      else await job.world.drainAndDie(killAt);
      expect(await job.status()).toMatchObject({
        statusCode: StatusCode.SC_REGISTRY_BEGIN_FREEZE_REPO_FAILED,
        statusMessage: "registry begin failed",
      });
      expect(await job.inRepo()).toMatchObject({ storageTier: StorageTier.ST_ONLINE, errorMessage: "", vid: repoVid });
      expect(job.frozen).toEqual([]);
      expect(await job.tasks()).toEqual(["completed", "completed"]);
      expect(job.world.errors).toEqual([]);
    }
  });

  it("collects what it kept seven days later, and events meanwhile do not shorten the wait", async () => {
    const collected: number[] = [];
    const job = await begin({ collect: async (_, run) => void collected.push(run.now().getTime()) });
    const { clock } = job.world;
    const begun = clock.now();
    await job.world.drain();
    expect(await job.events()).toEqual(allEvents);
    expect(await job.tasks()).toEqual(["completed", "retrying"]);
    while (clock.now() < begun + 7 * day - 3_600_000) {
      job.world.upstream.seed.appendRegistryWorkflowEvents(job.workflow, [
        { event: Type.EV_FSO_FREEZE_REPO_COMMITTED },
      ]);
      await job.world.pass(3_600_000);
      await job.world.tick();
    }
    expect([collected, await job.tasks()]).toEqual([[], ["completed", "retrying"]]);
    for (let i = 0; i < 70; i++) await job.world.pass(60_000);
    expect(collected).toHaveLength(1);
    expect(collected[0]).toBeGreaterThanOrEqual(begun + 7 * day);
    expect(collected[0]).toBeLessThan(begun + 7 * day + 120_000);
    expect(await job.tasks()).toEqual(["completed", "completed"]);
    expect(job.world.errors).toEqual([]);
  });
});
