import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { build } from "esbuild";
import { expect } from "vitest";
import { bundleFunctions } from "../../cli/bundle.ts";
import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { ulidText, uuidBytes, uuidText } from "../../functions/nog/index.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import type { TaskRecord } from "../../functions/tasks/record.ts";
import { type AwsEndpoint, startAwsEndpoint } from "../../local/aws/endpoint.ts";
import { createTaskTable, type Database, startDatabase } from "../../local/database.ts";
import { type Deployment, deploy, names } from "../../local/deployment.ts";
import { type EventSource, startEventSource } from "../../local/lambda/event-source.ts";
import { createLocalLambda, type LocalLambda } from "../../local/lambda/local-lambda.ts";
import { startUpstream, type Upstream } from "../../local/upstream/server.ts";
import { patienceMs } from "./patience.ts";

const project = new URL("../..", import.meta.url).pathname;
/** The registry that the apps follow. */
const registry = "exreg";

export interface DeployedAppOptions {
  /**
   * The source of each version by name; it exports `wake`, `cron`, `signals` and `lead`. The first version is deployed.
   */
  readonly versions: Readonly<Record<string, string>>;
  readonly repos: number;
  /** Timeout of the lazy function. */
  readonly lazyMs: number;
  /** Timeout of the functions with a leader. */
  readonly leadMs: number;
}

/**
 * Everything of `npm start`, with short invocations and an app that records what its activities see: one line of words
 * each in SEEN_FILE.
 */
export class DeployedApp {
  readonly folder = mkdtempSync(join(tmpdir(), "tailwake-deployed-"));
  readonly log: string[] = [];
  upstream!: Upstream;
  lambda!: LocalLambda;
  queues!: Deployment;
  repoIds: string[] = [];
  readonly #options: DeployedAppOptions;
  readonly #seenFile = join(this.folder, "seen");
  #database!: Database;
  #aws!: AwsEndpoint;
  #dynamo!: DynamoDBClient;
  #sources: EventSource[] = [];
  #background = new Set<Promise<unknown>>();

  constructor(options: DeployedAppOptions) {
    this.#options = options;
  }

  async start(more: (repoIds: readonly string[]) => Readonly<Record<string, string>> = () => ({})): Promise<void> {
    const { versions, repos, lazyMs, leadMs } = this.#options;
    await Promise.all([bundleFunctions(project, versions, join(this.folder, "versions")), this.#bundleBootstrap()]);
    this.upstream = await startUpstream();
    this.upstream.seed.initRegistry(registry);
    this.upstream.seed.initRoot(registry, { globalRoot: "/ex", host: "h", hostRoot: "/ex" });
    for (let i = 0; i < repos; i++) this.addRepo();
    this.#database = await startDatabase(undefined);
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    this.#aws = await startAwsEndpoint({ onLambda: async (name, event) => this.invokeLater(name, event) });
    const settings = { endpoint: this.#aws.url, region: this.#aws.region, credentials };
    this.#dynamo = new DynamoDBClient({ ...settings, endpoint: this.#database.url });
    await createTaskTable(this.#dynamo, names.table);
    // Whole seconds; the messages of a killed invocation return after its lease has ended.
    this.queues = await deploy(this.#aws, settings, Math.ceil((lazyMs + 6_000) / 1000) * 1000);
    const environment = {
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_ENDPOINT_URL_DYNAMODB: this.#database.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: this.#aws.url,
      AWS_ENDPOINT_URL_SCHEDULER: this.#aws.url,
      TAILWAKE_TABLE: names.table,
      TAILWAKE_BUS_ARN: this.queues.busArn,
      TAILWAKE_SCHEDULE_GROUP: names.scheduleGroup,
      TAILWAKE_SCHEDULE_ROLE_ARN: this.queues.scheduleRoleArn,
      TAILWAKE_SIGNALS_FUNCTION: "signals",
      TAILWAKE_EAGER_FUNCTION: "eager",
      NOG_URL: this.upstream.grpcUrl,
      SEEN_FILE: this.#seenFile,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
      ...more(this.repoIds),
    };
    const functionOf = (name: string, handler: string, timeoutMs: number, concurrency: number) => ({
      name,
      taskRoot: this.#taskRoot(Object.keys(versions)[0] ?? ""),
      handler: `index.${handler}`,
      environment,
      timeoutMs,
      concurrency,
    });
    this.lambda = createLocalLambda({
      functions: [
        functionOf("lazy", "wake", lazyMs, 2),
        functionOf("cron", "cron", 20_000, 1),
        functionOf("signals", "signals", leadMs, 3),
        functionOf("eager", "lead", leadMs, 3),
      ],
      bootstrapPath: join(this.folder, "bootstrap.mjs"),
      onLog: (name, line) => this.log.push(`${name} ${line}`),
    });
    const { wakes, delay, quarantined } = this.queues;
    this.#sources = [wakes, delay, quarantined].map((queue) =>
      startEventSource({
        queue,
        functionName: "lazy",
        lambda: this.lambda,
        batchSize: queue === quarantined ? 1 : 10,
        maximumConcurrency: queue === quarantined ? 1 : 2,
        reportBatchItemFailures: true,
      }),
    );
  }

  async #bundleBootstrap(): Promise<void> {
    await build({
      entryPoints: { bootstrap: join(project, "local/lambda/bootstrap.ts") },
      outdir: this.folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "error",
    });
  }

  #taskRoot(version: string): string {
    return join(this.folder, "versions", version);
  }

  /** Replaces the code of all functions, as a deploy does. */
  deploy(version: string): void {
    for (const name of ["lazy", "cron", "signals", "eager"]) this.lambda.updateCode(name, this.#taskRoot(version));
  }

  /** Asynchronously, as EventBridge invokes. */
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

  addRepo(): void {
    const id = this.upstream.seed.initRepo(registry, { globalPath: `/ex/repo${this.repoIds.length}` });
    this.repoIds.push(uuidText(id, "repo"));
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

  /** The recorded lines of the activities, as words. */
  seen(): string[][] {
    if (!existsSync(this.#seenFile)) return [];
    const lines = readFileSync(this.#seenFile, "utf8").split("\n");
    return lines.filter(Boolean).map((line) => line.split(" "));
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

/** Waits for something that happens in other processes. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, pollMs = 50): Promise<void> {
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(`waited in vain: ${what}`);
}

/**
 * Expects the events in the order of the history, each at least once, going back only to where a run could begin again.
 */
export function expectNothingSkipped(history: readonly string[], seen: readonly string[]): void {
  let reached = -1;
  for (const id of seen) {
    const at = history.indexOf(id);
    expect(at, `event ${id}`).toBeGreaterThanOrEqual(0);
    expect(at, "an event was skipped (T1)").toBeLessThanOrEqual(reached + 1);
    reached = Math.max(reached, at);
  }
  expect(reached).toBe(history.length - 1);
}
