import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { ulidText, uuidBytes, uuidText } from "../../functions/nog/index.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import type { TaskRecord } from "../../functions/tasks/record.ts";
import { type AwsEndpoint, startAwsEndpoint } from "../../local/aws/endpoint.ts";
import { createTaskTable, type Database, startDatabase } from "../../local/database.ts";
import { deploy, names } from "../../local/deployment.ts";
import { type EventSource, startEventSource } from "../../local/lambda/event-source.ts";
import { createLocalLambda, type LocalLambda } from "../../local/lambda/local-lambda.ts";
import { startUpstream, type Upstream } from "../../local/upstream/server.ts";

const registry = "exreg";
const repos = 5;
/** Of the lazy function. */
const timeoutMs = 1_500;
/** Of the functions that hold streams: three of them follow one another in a test. */
const holdMs = 12_000;

/** Everything of `npm start`, with short invocations and an app that writes down what its activities see. */
class Deployment {
  readonly folder = mkdtempSync(join(tmpdir(), "tailwake-holders-"));
  readonly seenFile = join(this.folder, "seen");
  readonly log: string[] = [];
  upstream!: Upstream;
  lambda!: LocalLambda;
  repoIds: string[] = [];
  #database!: Database;
  #aws!: AwsEndpoint;
  #dynamo!: DynamoDBClient;
  #sources: EventSource[] = [];
  #background = new Set<Promise<unknown>>();

  async start(blocks: (repoIds: readonly string[]) => readonly string[]): Promise<void> {
    await bundle(this.folder);
    this.upstream = await startUpstream();
    this.upstream.seed.initRegistry(registry);
    this.upstream.seed.initRoot(registry, { globalRoot: "/ex", host: "h", hostRoot: "/ex" });
    this.repoIds = Array.from({ length: repos }, (_, i) =>
      uuidText(this.upstream.seed.initRepo(registry, { globalPath: `/ex/repo${i}` }), "repo"),
    );
    this.#database = await startDatabase(undefined);
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    this.#aws = await startAwsEndpoint({ onLambda: async (name, event) => this.invokeLater(name, event) });
    const settings = { endpoint: this.#aws.url, region: this.#aws.region, credentials };
    this.#dynamo = new DynamoDBClient({ ...settings, endpoint: this.#database.url });
    await createTaskTable(this.#dynamo, names.table);
    const { busArn, scheduleRoleArn, wakes, delay, lonely } = await deploy(this.#aws, settings, timeoutMs + 6_500);
    const environment = {
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_ENDPOINT_URL_DYNAMODB: this.#database.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: this.#aws.url,
      AWS_ENDPOINT_URL_SCHEDULER: this.#aws.url,
      TAILWAKE_TABLE: names.table,
      TAILWAKE_BUS_ARN: busArn,
      TAILWAKE_SCHEDULE_GROUP: names.scheduleGroup,
      TAILWAKE_SCHEDULE_ROLE_ARN: scheduleRoleArn,
      TAILWAKE_SIGNALS_FUNCTION: "signals",
      TAILWAKE_EAGER_FUNCTION: "eager",
      NOG_URL: this.upstream.grpcUrl,
      SEEN_FILE: this.seenFile,
      BLOCKING: blocks(this.repoIds).join(","),
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    };
    const functionOf = (name: string, handler: string, ms: number, concurrency: number) => ({
      name,
      taskRoot: join(this.folder, "app"),
      handler: `index.${handler}`,
      environment,
      timeoutMs: ms,
      concurrency,
    });
    this.lambda = createLocalLambda({
      functions: [
        functionOf("lazy", "wake", timeoutMs, 2),
        functionOf("cron", "cron", 20_000, 1),
        functionOf("signals", "signals", holdMs, 3),
        functionOf("eager", "hold", holdMs, 3),
      ],
      bootstrapPath: join(this.folder, "bootstrap.mjs"),
      onLog: (name, line) => this.log.push(`${name} ${line}`),
    });
    this.#sources = [wakes, delay, lonely].map((queue) =>
      startEventSource({
        queue,
        functionName: "lazy",
        lambda: this.lambda,
        batchSize: queue === lonely ? 1 : 10,
        maximumConcurrency: queue === lonely ? 1 : 2,
        reportBatchItemFailures: true,
      }),
    );
  }

  /** As EventBridge invokes: nobody waits for the end. */
  invokeLater(name: string, event: unknown): void {
    const running: Promise<unknown> = this.lambda
      .invoke(name, event)
      .catch(() => {})
      .finally(() => this.#background.delete(running));
    this.#background.add(running);
  }

  tick(): void {
    this.invokeLater("cron", {});
  }

  async tasks(): Promise<TaskRecord[]> {
    const records: TaskRecord[] = [];
    for await (const record of new DynamoTaskStore(this.#dynamo, names.table).list()) records.push(record);
    return records;
  }

  commit(repo: number): void {
    this.upstream.seed.appendRepoEvents(this.#bytesOf(repo), [
      { event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage: `at ${Date.now()}` },
    ]);
  }

  #bytesOf(repo: number): Uint8Array<ArrayBuffer> {
    return uuidBytes(this.repoIds[repo] ?? "", "repo");
  }

  /** Ids of a repo's events, as the server has them. */
  history(repo: number): string[] {
    return this.upstream.journal.read(this.#bytesOf(repo)).map(({ id }) => ulidText(id, "id"));
  }

  /** Ids of a repo's events as an activity has seen them. */
  seen(activity: string, repo: number): string[] {
    if (!existsSync(this.seenFile)) return [];
    const prefix = `${activity} ${this.repoIds[repo]} `;
    return readFileSync(this.seenFile, "utf8")
      .split("\n")
      .flatMap((line) => (line.startsWith(prefix) ? [line.slice(prefix.length)] : []));
  }

  logged(text: string): number {
    return this.log.filter((line) => line.includes(text)).length;
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.stop()));
    await this.lambda?.close();
    await Promise.all(this.#background);
    await this.#aws?.close();
    this.#dynamo?.destroy();
    await this.#database?.close();
    await this.upstream?.close();
    rmSync(this.folder, { recursive: true });
  }
}

async function bundle(folder: string): Promise<void> {
  const file = (path: string) => new URL(path, import.meta.url).pathname;
  const shared = { bundle: true, platform: "node", format: "esm", logLevel: "error" } as const;
  await Promise.all([
    build({
      ...shared,
      entryPoints: { index: file("holders-app.ts") },
      outdir: join(folder, "app"),
      outExtension: { ".js": ".mjs" },
      mainFields: ["module", "main"],
      banner: { js: 'import{createRequire as __c}from"node:module";const require=__c(import.meta.url);' },
    }),
    build({
      ...shared,
      entryPoints: { bootstrap: file("../../local/lambda/bootstrap.ts") },
      outdir: folder,
      outExtension: { ".js": ".mjs" },
    }),
  ]);
}

async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}

/** In the order of the history, at least once each, going back only to where a run could begin again. */
function expectNothingSkipped(history: readonly string[], seen: readonly string[]): void {
  let reached = -1;
  for (const id of seen) {
    const at = history.indexOf(id);
    expect(at, `event ${id}`).toBeGreaterThanOrEqual(0);
    expect(at, "an event was skipped (T1)").toBeLessThanOrEqual(reached + 1);
    reached = Math.max(reached, at);
  }
  expect(reached).toBe(history.length - 1);
}

describe("functions in processes of their own, with invocations of seconds", () => {
  const world = new Deployment();
  beforeAll(() => world.start((repoIds) => repoIds.slice(0, 1)), 60_000);
  afterAll(() => world.close());
  const all = Array.from({ length: repos }, (_, i) => i);
  /** Repo 0's lazy activity blocks its process. */
  const healthy = all.slice(1);
  const seenAll = (activity: string, of: readonly number[]) =>
    of.every((repo) => world.seen(activity, repo).includes(world.history(repo).at(-1) ?? ""));

  it("hand signals and watches over from instance to instance, and no event is skipped, though one is killed", async () => {
    world.tick();
    await until("both are held", () => world.logged('"msg":"holding"') >= 2, 30_000);
    await until("the roots have started all", async () => (await world.tasks()).length === 1 + 2 * repos, 30_000);
    const began = performance.now();
    let killed = false;
    for (let round = 1; performance.now() - began < 34_000; round++) {
      for (const repo of all) world.commit(repo);
      await new Promise((resolve) => setTimeout(resolve, 250));
      if (!killed && performance.now() - began > 14_000) {
        killed = true;
        await world.lambda.kill("eager");
      }
      if (round % 12 === 0) world.tick();
    }
    // What a killed holder had is taken over after 15 s, the skew, and a tick.
    const ticking = setInterval(() => world.tick(), 2_000);
    await until("the watching activities have seen all", () => seenAll("watching", all), 30_000);
    await until("the signaled activities have seen all", () => seenAll("signaled", healthy), 30_000);
    clearInterval(ticking);
    for (const repo of all) expectNothingSkipped(world.history(repo), world.seen("watching", repo));
    for (const repo of healthy) expectNothingSkipped(world.history(repo), world.seen("signaled", repo));
    expect(world.logged('"holder":"signals"') + world.logged('"holder":"eager-0-of-1"')).toBeGreaterThan(6);
    expect(world.logged('"msg":"handed over"')).toBeGreaterThanOrEqual(3);
  }, 120_000);

  it("outlive an activity that blocks its event loop: the others run on, it alone is isolated (rule 8)", async () => {
    const bad = async () =>
      (await world.tasks()).find((task) => task.activity === "signaled" && task.entity === world.repoIds[0]);
    await until("it has its strikes", async () => ((await bad())?.strikes ?? 0) >= 2, 60_000);
    const others = (await world.tasks()).filter(
      (task) => task.activity === "signaled" && task.entity !== world.repoIds[0],
    );
    expect(others).toHaveLength(repos - 1);
    for (const repo of healthy) world.commit(repo);
    await until("the others see what comes", () => seenAll("signaled", healthy), 20_000);
    for (const { strikes } of (await world.tasks()).filter((task) =>
      others.some(({ entity }) => entity === task.entity),
    ))
      expect(strikes).toBe(0);
    expect(world.seen("signaled", 0)).toEqual([]);
  }, 120_000);
});
