import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { DiskUsage, Registry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { idKey, registryHistory } from "../../local/upstream/ids.ts";
import { startUpstream } from "../../local/upstream/server.ts";
import { collect, failure, protocols, registry, repoId, seed, start, until, workflowA, workflowB } from "./harness.ts";

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "upstream-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

test("init functions do nothing on a journal that has been filled", async () => {
  const dataDir = directory();
  const heads: string[][] = [];
  for (let run = 0; run < 2; run++) {
    const upstream = await startUpstream({ dataDir });
    seed(upstream);
    upstream.seed.beginRepoWorkflow(repoId, { newGlobalPath: "/ex/moved", workflowId: workflowB });
    heads.push([registryHistory(registry), repoId, workflowB].map((id) => idKey(upstream.journal.head(id))));
    await upstream.close();
  }
  expect(heads[1]).toEqual(heads[0]);
});

test("an interrupted initRepo is finished by the next one", async () => {
  const { upstream } = await start();
  const id = upstream.seed.initRepo(registry, { globalPath: "/ex/second" });
  const restarted = await startUpstream();
  onTestFinished(() => restarted.close());
  const events = upstream.journal.read(registryHistory(registry)).slice(0, -1);
  restarted.journal.commit({ history: registryHistory(registry), type: "registry", events });
  expect(restarted.seed.initRepo(registry, { globalPath: "/ex/second" })).toEqual(id);
  expect(restarted.journal.read(registryHistory(registry))).toHaveLength(events.length + 1);
});

test("seeding errors name what is missing", async () => {
  const { upstream } = await start();
  const { seed: s } = upstream;
  expect(() => s.initRepo(registry, { globalPath: "/other/repo" })).toThrow("expected a path below a root");
  expect(() => s.initRoot("other", { globalRoot: "/x", host: "h", hostRoot: "/" })).toThrow("uninitialized registry");
  expect(() => s.initRoot(registry, { globalRoot: "/ex", host: "h", hostRoot: "/" })).toThrow(
    "root /ex of exreg: expected h.example.org:/data/ex, received h:/",
  );
});

test("a restart on the same directory goes on where the first server ended", async () => {
  const dataDir = directory();
  const first = await startUpstream({ dataDir });
  seed(first);
  const { workflowVid } = await createClient(DiskUsage, protocols.grpc(first)).beginDuRoot({
    registry,
    globalRoot: "/ex",
    workflow: workflowA,
  });
  await first.close();

  const second = await startUpstream({ dataDir });
  onTestFinished(() => second.close());
  const du = createClient(DiskUsage, protocols.grpc(second));
  await du.appendDuRoot({ workflow: workflowA, workflowVid, paths: [{ path: ".", usage: 1n }] });
  expect(second.journal.read(workflowA)).toHaveLength(2);
  expect((await failure(du.beginDuRoot({ registry, globalRoot: "/ex", workflow: workflowA }))).rawMessage).toBe(
    "rejected workflow ID: ID has been used before",
  );
});

test("closing twice is closing once, and a second server can take the ports", async () => {
  const upstream = await startUpstream();
  const { port } = new URL(upstream.grpcUrl);
  const webPort = new URL(upstream.webUrl).port;
  await Promise.all([upstream.close(), upstream.close()]);
  const next = await startUpstream({ port: Number(port), webPort: Number(webPort) });
  expect([next.grpcUrl, next.webUrl]).toEqual([upstream.grpcUrl, upstream.webUrl]);
  const taken = startUpstream({ port: Number(port) });
  await expect(taken).rejects.toThrow("EADDRINUSE");
  await next.close();
});

test("a hundred open watches and a drain do not disturb each other", async () => {
  const { upstream, clock } = await start();
  const abort = new AbortController();
  setMaxListeners(200, abort.signal);
  const client = createClient(Repos, protocols.grpc(upstream));
  const watches = Array.from({ length: 100 }, () =>
    failure(client.events({ repo: repoId, watch: true }, { signal: abort.signal })),
  );
  await until(() => clock.sleeping === 100);
  upstream.seed.appendRegistryEvents(registry, Array(2000).fill({ event: 57, fsoPathFlag: { path: "/ex/keep" } }));
  expect(await collect(createClient(Registry, protocols.grpc(upstream)).events({ registry }))).toHaveLength(2004);
  abort.abort();
  await Promise.all(watches);
  await until(() => upstream.openCalls === 0 && clock.sleeping === 0);
});

test("a client that goes in the middle of a long drain leaves nothing open", async () => {
  const { upstream } = await start();
  upstream.seed.appendRepoEvents(repoId, Array(20_000).fill({ event: 35, fsoRepoErrorMessage: "x".repeat(500) }));
  for (const protocol of ["grpc", "connect", "grpc-web"] as const) {
    const abort = new AbortController();
    const stream = createClient(Repos, protocols[protocol](upstream)).events(
      { repo: repoId },
      { signal: abort.signal },
    );
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    abort.abort();
    await until(() => upstream.openCalls === 0);
    await iterator.next().catch(() => {});
  }
});

test("eventsPerMessage must be a positive whole number", async () => {
  await expect(startUpstream({ eventsPerMessage: 0 })).rejects.toThrow("expected a positive integer, received 0");
});
