import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runBatch } from "../../functions/engines/batch.ts";
import { type Bound, cron, lazy } from "../../functions/engines/binding.ts";
import type { Invocation, Machinery } from "../../functions/engines/engine.ts";
import { startTask } from "../../functions/engines/start.ts";
import { tick } from "../../functions/engines/tick.ts";
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
import type { TaskRecord } from "../../functions/tasks/record.ts";
import { connectUpstream, type UpstreamConnection } from "../../functions/upstream/connection.ts";
import { MemoryWakes } from "../../functions/wake/memory.ts";
import { startUpstream, type Upstream } from "../../local/upstream/server.ts";
import { memoryMachinery } from "../support/machinery.ts";
import { TestClock } from "../support/test-clock.ts";
import { busEvent } from "../support/world.ts";

const registry = "exreg";
const app: readonly Bound[] = [
  lazy(workflowIndex),
  lazy(pingRegistry),
  lazy(duRoot),
  lazy(observeRegistry),
  cron(watchRepo, { everyMinutes: 1 }),
];

/** The reference app against a real server over gRPC; table, alarm clocks and time in memory. */
describe("the reference activities", () => {
  let upstream: Upstream;
  let nog: UpstreamConnection;
  let folder: string;
  let clock: TestClock;
  let wakes: MemoryWakes;
  let machinery: Machinery;
  let log: string[];
  const unsubscribe: (() => void)[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "tailwake-jobs-"));
    clock = new TestClock();
    upstream = await startUpstream({ clock, token: "secret" });
    upstream.seed.initRegistry(registry);
    upstream.seed.initRoot(registry, { globalRoot: "/ex", host: "localhost", hostRoot: folder });
    nog = connectUpstream({ baseUrl: upstream.grpcUrl, protocol: "grpc", authorization: async () => "secret" });
    wakes = new MemoryWakes(clock);
    log = [];
    const line = (level: string) => (message: string) => void log.push(`${level} ${message}`);
    machinery = memoryMachinery({
      activities: app,
      wakes,
      clock,
      log: { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") },
      upstream: nog,
    });
    for (const type of ["registry", "repo", "ephemeral-workflow"] as const) {
      unsubscribe.push(
        upstream.journal.onTypeCommit(
          type,
          (history) => void wakes.send([{ class: "signal", entity: uuidText(history, "history") }]),
        ),
      );
    }
    for (const activity of [workflowIndex, observeRegistry]) await startTask(machinery, activity, { registry });
  });

  afterEach(async () => {
    for (const end of unsubscribe.splice(0)) end();
    nog.close();
    await upstream.close();
    rmSync(folder, { recursive: true });
  });

  function invocation(): Invocation {
    const hardEnd = clock.now() + 120_000;
    const { signal } = new AbortController();
    return { signal, deadline: hardEnd - 8_000, abandonAt: hardEnd - 3_000, hardEnd, abandoned() {} };
  }

  async function drain(): Promise<void> {
    for (let messages = wakes.take(); messages.length > 0; messages = wakes.take()) {
      const deliveries = messages.map((message, i) => ({ id: `m${i}`, body: busEvent(message) }));
      expect([...(await runBatch(machinery, deliveries, invocation())).values()]).toEqual([]);
    }
  }

  async function pass(ms: number): Promise<void> {
    await clock.advance(ms);
    await drain();
  }

  async function recordOf(entity: string): Promise<TaskRecord | undefined> {
    return (await machinery.store.tasksOf(entity)).tasks[0];
  }

  it("ping a registry three times, sum up ten seconds after the start, and complete; nothing sleeps in a run", async () => {
    const workflowId = randomUUID();
    const workflow = uuidBytes(workflowId, "workflowId");
    const client = createClient(PingRegistry, nog.transport);
    await client.beginPingRegistry({ registry, workflow });
    await drain();
    const pings = () => client.getRegistryPings({ workflow, jobControl: 3 });
    expect((await pings()).serverPings.map(({ statusMessage }) => statusMessage)).toEqual([
      "ping 1",
      "ping 2",
      "ping 3",
    ]);
    expect(await recordOf(workflowId)).toMatchObject({ activity: "ping-registry", status: "retrying", attempts: 0 });
    expect((await pings()).summary?.statusCode).toBe(GetRegistryPingsO_StatusCode.SC_ACTIVE);
    await pass(20_000);
    expect((await pings()).summary?.statusCode).toBe(GetRegistryPingsO_StatusCode.SC_SUMMARIZED);
    expect(await recordOf(workflowId)).toMatchObject({ status: "completed" });
    await client.commitPingRegistry({ workflow });
    await drain();
    expect((await pings()).summary?.statusCode).toBe(GetRegistryPingsO_StatusCode.SC_OK);
    expect(log.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  it("measure a root by signals alone, and complete when the workflow is committed", async () => {
    mkdirSync(join(folder, "a", "b"), { recursive: true });
    writeFileSync(join(folder, "a", "b", "file"), "x".repeat(5000));
    const workflowId = randomUUID();
    const workflow = uuidBytes(workflowId, "workflowId");
    const client = createClient(DiskUsage, nog.transport);
    await client.beginDuRoot({ registry, globalRoot: "/ex", workflow });
    await drain();
    const paths: string[] = [];
    for await (const message of client.getDuRoot({ workflow, jobControl: 1 })) {
      paths.push(...message.paths.map(({ path }) => path));
    }
    expect(paths.sort()).toEqual([".", "a", "a/b"]);
    expect(await recordOf(workflowId)).toMatchObject({ activity: "du-root", status: "completed" });
    expect(log.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  it("measure a root although the run is killed between any two of its calls", async () => {
    for (let i = 0; i < 100; i++) mkdirSync(join(folder, `d${i}`));
    for (let killAt = 1; killAt <= 5; killAt++) {
      const workflowId = randomUUID();
      const workflow = uuidBytes(workflowId, "workflowId");
      const client = createClient(DiskUsage, nog.transport);
      await client.beginDuRoot({ registry, globalRoot: "/ex", workflow });
      // The server has done what the call asked for, and the function never hears of it.
      let calls = 0;
      const { transport } = nog;
      const dying: UpstreamConnection = {
        ...nog,
        transport: {
          stream: transport.stream.bind(transport),
          async unary(...args) {
            const answer = await transport.unary(...args);
            if (++calls === killAt) await new Promise(() => {});
            return answer;
          },
        },
      };
      const alive = machinery;
      const killed = { ...machinery, upstream: () => dying };
      for (let messages = wakes.take(); messages.length > 0; messages = wakes.take()) {
        const deliveries = messages.map((message, i) => ({ id: `m${i}`, body: busEvent(message) }));
        const batch = runBatch(killed, deliveries, { ...invocation(), abandonAt: Number.MAX_SAFE_INTEGER });
        const over = await Promise.race([batch.then(() => true), stuck(() => calls >= killAt)]);
        if (!over) break;
      }
      machinery = alive;
      const { leaseUntil } = (await recordOf(workflowId)) ?? {};
      if (leaseUntil !== undefined) clock.jump(leaseUntil + 5_001);
      await tick(machinery, [], { looks: 100, concurrency: 5 }, invocation());
      await drain();
      // A version conflict with its own lost call is a logged retry.
      await pass(20_000);
      expect(await recordOf(workflowId), `killed after call ${killAt}`).toMatchObject({ status: "completed" });
      const usage = new Map<string, bigint>();
      for await (const { paths } of client.getDuRoot({ workflow, jobControl: 1 })) {
        for (const { path, usage: bytes } of paths) usage.set(path, bytes);
      }
      expect(usage.size).toBe(101);
    }
  });

  it("follow each repo of a registry, minute by minute, until it has its Git repo", async () => {
    const repoId = upstream.seed.initRepo(registry, { globalPath: "/ex/repo" });
    await drain();
    const entity = uuidText(repoId, "repoId");
    expect(await recordOf(entity)).toMatchObject({ activity: "watch-repo", engine: "cron", status: "sleeping" });
    upstream.seed.appendRepoEvents(repoId, [
      { event: RepoEvent_Type.EV_FSO_GIT_REPO_CREATED, fsoGitRepoInfo: { gitlabProjectId: 7n } },
    ]);
    // A signal does not wake a cron task.
    await drain();
    expect(await recordOf(entity)).toMatchObject({ status: "sleeping" });
    await clock.advance(60_000);
    await tick(machinery, [], { looks: 100, concurrency: 5 }, invocation());
    await drain();
    expect(await recordOf(entity)).toMatchObject({ status: "completed" });
  });
});

/** Resolves to false once `when` holds for a while and nothing else has happened. */
async function stuck(when: () => boolean): Promise<false> {
  while (!when()) await new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  return false;
}
