import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { beforeEach, describe, expect, it } from "vitest";
import { type Bound, cron, lazy } from "../../functions/engines/binding.ts";
import { GetRegistryPingsO_StatusCode, PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import { DiskUsage } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import {
  duRoot,
  observeRegistry,
  pingRegistry,
  uuidBytes,
  uuidText,
  watchRepo,
  workflowIndex,
} from "../../functions/nog/index.ts";
import { JobWorld, registry } from "./job-world.ts";

const app: readonly Bound[] = [
  lazy(workflowIndex),
  lazy(pingRegistry),
  lazy(duRoot),
  lazy(observeRegistry),
  cron(watchRepo, { everyMinutes: 1 }),
];

/** The reference app against a real server over gRPC; table, alarm clocks and time in memory. */
describe("the reference activities", () => {
  let world: JobWorld;
  beforeEach(async () => {
    world = await JobWorld.start(app, [workflowIndex, observeRegistry]);
  });

  it("ping a registry three times, sum up ten seconds after the start, and complete; nothing sleeps in a run", async () => {
    const workflowId = randomUUID();
    const workflow = uuidBytes(workflowId, "workflowId");
    const client = createClient(PingRegistry, world.nog.transport);
    await client.beginPingRegistry({ registry, workflow });
    await world.drain();
    const pings = () => client.getRegistryPings({ workflow, jobControl: 3 });
    expect((await pings()).serverPings.map(({ statusMessage }) => statusMessage)).toEqual([
      "ping 1",
      "ping 2",
      "ping 3",
    ]);
    expect(await world.recordOf(workflowId)).toMatchObject({
      activity: "ping-registry",
      status: "retrying",
      attempts: 0,
    });
    expect((await pings()).summary?.statusCode).toBe(GetRegistryPingsO_StatusCode.SC_ACTIVE);
    await world.pass(20_000);
    expect((await pings()).summary?.statusCode).toBe(GetRegistryPingsO_StatusCode.SC_SUMMARIZED);
    expect(await world.recordOf(workflowId)).toMatchObject({ status: "completed" });
    await client.commitPingRegistry({ workflow });
    await world.drain();
    expect((await pings()).summary?.statusCode).toBe(GetRegistryPingsO_StatusCode.SC_OK);
    expect(world.errors).toEqual([]);
  });

  it("measure a root by signals alone, and complete when the workflow is committed", async () => {
    mkdirSync(join(world.folder, "a", "b"), { recursive: true });
    writeFileSync(join(world.folder, "a", "b", "file"), "x".repeat(5000));
    const workflowId = randomUUID();
    const workflow = uuidBytes(workflowId, "workflowId");
    const client = createClient(DiskUsage, world.nog.transport);
    await client.beginDuRoot({ registry, globalRoot: "/ex", workflow });
    await world.drain();
    const paths: string[] = [];
    for await (const message of client.getDuRoot({ workflow, jobControl: 1 })) {
      paths.push(...message.paths.map(({ path }) => path));
    }
    expect(paths.sort()).toEqual([".", "a", "a/b"]);
    expect(await world.recordOf(workflowId)).toMatchObject({ activity: "du-root", status: "completed" });
    expect(world.errors).toEqual([]);
  });

  it("measure a root although the run is killed between any two of its calls", async () => {
    for (let i = 0; i < 100; i++) mkdirSync(join(world.folder, `d${i}`));
    for (let killAt = 1; killAt <= 5; killAt++) {
      const workflowId = randomUUID();
      const workflow = uuidBytes(workflowId, "workflowId");
      const client = createClient(DiskUsage, world.nog.transport);
      await client.beginDuRoot({ registry, globalRoot: "/ex", workflow });
      expect(await world.drainAndDie(killAt)).toBe(true);
      // A version conflict with its own lost call is a logged retry.
      await world.pass(20_000);
      expect(await world.recordOf(workflowId), `killed after call ${killAt}`).toMatchObject({ status: "completed" });
      const usage = new Map<string, bigint>();
      for await (const { paths } of client.getDuRoot({ workflow, jobControl: 1 })) {
        for (const { path, usage: bytes } of paths) usage.set(path, bytes);
      }
      expect(usage.size).toBe(101);
    }
  });

  it("follow each repo of a registry, minute by minute, until it has its Git repo", async () => {
    const repoId = world.upstream.seed.initRepo(registry, { globalPath: "/ex/repo" });
    await world.drain();
    const entity = uuidText(repoId, "repoId");
    expect(await world.recordOf(entity)).toMatchObject({ activity: "watch-repo", engine: "cron", status: "sleeping" });
    world.upstream.seed.appendRepoEvents(repoId, [
      { event: RepoEvent_Type.EV_FSO_GIT_REPO_CREATED, fsoGitRepoInfo: { gitlabProjectId: 7n } },
    ]);
    // A signal does not wake a cron task.
    await world.drain();
    expect(await world.recordOf(entity)).toMatchObject({ status: "sleeping" });
    await world.clock.advance(60_000);
    await world.tick();
    expect(await world.recordOf(entity)).toMatchObject({ status: "completed" });
  });
});
