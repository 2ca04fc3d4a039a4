import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { DiskUsage, Registry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { uuidBytes } from "../../local/upstream/ids.ts";
import { Journal } from "../../local/upstream/journal.ts";
import { collect, failure, registry, workflowA } from "./harness.ts";

let bundle: string;
let built: string;

beforeAll(async () => {
  built = mkdtempSync(join(tmpdir(), "upstream-main-"));
  bundle = join(built, "main.mjs");
  await build({
    entryPoints: [new URL("../../local/upstream/main.ts", import.meta.url).pathname],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: bundle,
    logLevel: "error",
  });
});

afterAll(() => rmSync(built, { recursive: true }));

interface Ready {
  readonly grpcUrl: string;
  readonly webUrl: string;
  readonly repos: Record<string, string>;
}

async function run(dataDir: string, env: Record<string, string> = {}): Promise<{ child: ChildProcess; ready: Ready }> {
  const args = ["--data-dir", dataDir, "--registry", registry, "--root", "/ex=h:/data/ex", "--repo", "/ex/repo"];
  const child = spawn(process.execPath, [bundle, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), "line");
  return { child, ready: JSON.parse(line) as Ready };
}

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "upstream-data-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

test("a killed process loses no commit that it has answered, and the next one goes on", async () => {
  const dataDir = directory();
  const first = await run(dataDir);
  const du = createClient(DiskUsage, createGrpcTransport({ baseUrl: first.ready.grpcUrl }));
  await du.beginDuRoot({ registry, globalRoot: "/ex", workflow: workflowA });
  let answered = 0;
  const appending = (async () => {
    for (;;) {
      await du.appendDuRoot({ workflow: workflowA, paths: [{ path: `${answered}`, usage: 1n }] });
      answered++;
      if (answered === 50) first.child.kill("SIGKILL");
    }
  })();
  await failure(appending);
  if (first.child.signalCode === null) await once(first.child, "exit");

  const journal = Journal.open(dataDir);
  const stored = journal.read(workflowA).length - 1;
  journal.close();
  expect(stored).toBeGreaterThanOrEqual(answered);
  expect(stored).toBeLessThanOrEqual(answered + 1);

  const second = await run(dataDir);
  expect(second.ready.repos).toEqual(first.ready.repos);
  expect(uuidBytes(second.ready.repos["/ex/repo"] ?? "")).toHaveLength(16);
  const registries = createClient(Registry, createGrpcTransport({ baseUrl: second.ready.grpcUrl }));
  expect(await collect(registries.events({ registry }))).toHaveLength(4);
  second.child.stdin?.end();
  expect(await once(second.child, "exit")).toEqual([0, null]);
});

test("SIGTERM ends the process, and the token comes from the environment", async () => {
  const { child, ready } = await run(directory(), { TAILWAKE_UPSTREAM_TOKEN: "t" });
  const client = createClient(Registry, createGrpcTransport({ baseUrl: ready.grpcUrl }));
  const headers = { authorization: "t" };
  expect((await failure(client.events({ registry }))).rawMessage).toBe("missing GRPC authorization metadata");
  expect(await collect(client.events({ registry }, { headers }))).toHaveLength(4);
  const watch = failure(client.events({ registry, watch: true }, { headers }));
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  await watch;
});
