import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import type { TailwakeError } from "../functions/contract/error.ts";
import { systemClock } from "../functions/foundation/clock.ts";
import type { ControlStore } from "../functions/tasks/control.ts";
import { DynamoTaskStore } from "../functions/tasks/dynamodb.ts";
import { DynamoControlStore } from "../functions/tasks/dynamodb-control.ts";
import type { TaskRecord } from "../functions/tasks/record.ts";
import { EventBridgeAlarms } from "../functions/wake/eventbridge.ts";
import { type AwsEndpoint, startAwsEndpoint } from "./aws/endpoint.ts";
import { createTaskTable } from "./database.ts";
import { deploy, lazyTimeoutMs, names } from "./deployment.ts";
import { startEventSource } from "./lambda/event-source.ts";
import { createLocalLambda, type LocalLambda } from "./lambda/local-lambda.ts";
import { runsOf } from "./report.ts";
import { restartTasks } from "./restart.ts";

export interface FunctionOptions {
  /** The program of each function's process, an .mjs file: the local bootstrap, or AWS's own runtime client. */
  readonly bootstrapPath: string;
  /** Directory of the functions' code: `NAME/index.mjs`. */
  readonly functionsFolder: string;
  readonly registry: string;
  /** The engine that runs the nog activities. */
  readonly engine: "lazy" | "eager";
  /** Send signals directly into the queue of the lazy function, not through the bus. */
  readonly directSignals?: boolean;
  /** Called with every line that a function prints. */
  readonly onLog: (functionName: string, line: string) => void;
  /** Called for a message in the dead letter queue, or a function that cannot start. */
  readonly onFailure: (message: string) => void;
}

export interface PlatformOptions extends FunctionOptions {
  /** It has the tasks of an earlier start, if there was one. */
  readonly databaseUrl: string;
  readonly upstream: { readonly grpcUrl: string; readonly token: string };
  /** Maximum start time of a function's process, if not that of Lambda. */
  readonly initTimeoutMs?: number;
  /** Additional environment variables of the functions. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Platform {
  readonly lambda: LocalLambda;
  readonly aws: AwsEndpoint;
  readonly control: ControlStore;
  /** The environment of its lazy function: enough to inspect the deployment from outside, with local credentials. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of the tasks that an earlier start left. */
  readonly restarted: readonly string[];
  /** Runs of all tasks in earlier starts. */
  readonly earlierRuns: number;
  tasks(): Promise<TaskRecord[]>;
  close(): Promise<void>;
}

const lazyConcurrency = 2;
const cronTimeoutMs = 60_000;
/** Functions with a leader run as long as Lambda allows. */
const leaderTimeoutMs = 900_000;
/** A leader and its successor. */
const leaderConcurrency = 2;
const deadLetterPollMs = 20_000;

/**
 * Starts the AWS services and the functions, with the same bundles as on AWS; the database and the upstream exist
 * already.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { bootstrapPath, functionsFolder, registry, engine, onFailure, databaseUrl, upstream } = options;
  const clock = systemClock;
  const closing: (() => unknown)[] = [];
  let isClosing = false;
  const close = async () => {
    isClosing = true;
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const invokeLater = async (name: string, event: unknown) => {
      const result = await lambda.invoke(name, event);
      // The functions with a leader end only when the platform closes.
      if (!result.ok && !isClosing) onFailure(`${name}: ${result.payload.errorMessage}`);
    };
    const aws = await startAwsEndpoint({ onLambda: (name, event) => invokeLater(name, event).catch(() => {}) });
    closing.push(() => aws.close());

    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const settings = { endpoint: aws.url, region: aws.region, credentials };
    const dynamo = new DynamoDBClient({ ...settings, endpoint: databaseUrl });
    const clients = { events: new EventBridgeClient(settings), scheduler: new SchedulerClient(settings) };
    closing.push(() => [dynamo, clients.events, clients.scheduler].map((client) => client.destroy()));
    await createTaskTable(dynamo, names.table);
    const { busArn, scheduleRoleArn, wakes: queue, delay, quarantined, deadLetters } = await deploy(aws, settings);

    const environment: Readonly<Record<string, string>> = {
      AWS_REGION: aws.region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_DYNAMODB: databaseUrl,
      AWS_ENDPOINT_URL_EVENTBRIDGE: aws.url,
      AWS_ENDPOINT_URL_SCHEDULER: aws.url,
      AWS_ENDPOINT_URL_SQS: aws.url,
      TAILWAKE_TABLE: names.table,
      TAILWAKE_BUS_ARN: busArn,
      TAILWAKE_SCHEDULE_GROUP: names.scheduleGroup,
      TAILWAKE_SCHEDULE_ROLE_ARN: scheduleRoleArn,
      TAILWAKE_PROBE_MINUTES: "1",
      TAILWAKE_ENGINE: engine,
      TAILWAKE_NOG_URL: upstream.grpcUrl,
      TAILWAKE_NOG_PROTOCOL: "grpc",
      TAILWAKE_NOG_TOKEN: upstream.token,
      TAILWAKE_NOG_REGISTRIES: registry,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
      ...options.environment,
    };
    const functionOf = (name: string, timeoutMs: number, concurrency: number, more: Record<string, string> = {}) => {
      const taskRoot = join(functionsFolder, name);
      return {
        name,
        taskRoot,
        handler: "index.handler",
        environment: { ...environment, ...more },
        timeoutMs,
        concurrency,
      };
    };
    const directQueue = options.directSignals ? { TAILWAKE_SIGNAL_QUEUE_URL: queue.url } : {};
    const lambda = createLocalLambda({
      functions: [
        functionOf("lazy", lazyTimeoutMs, lazyConcurrency),
        functionOf("cron", cronTimeoutMs, 1, {
          TAILWAKE_SIGNALS_FUNCTION: "signals",
          TAILWAKE_EAGER_FUNCTION: "eager",
        }),
        functionOf("signals", leaderTimeoutMs, leaderConcurrency, directQueue),
        functionOf("eager", leaderTimeoutMs, leaderConcurrency),
      ],
      bootstrapPath,
      onLog: options.onLog,
      ...(options.initTimeoutMs !== undefined && { initTimeoutMs: options.initTimeoutMs }),
    });
    closing.push(() => lambda.close());
    for (const [source, maximumConcurrency, batchSize] of [
      [queue, lazyConcurrency, 10],
      [delay, 1, 10],
      [quarantined, 1, 1],
    ] as const) {
      const mapping = startEventSource({
        queue: source,
        functionName: "lazy",
        lambda,
        maximumConcurrency,
        batchSize,
        reportBatchItemFailures: true,
      });
      closing.push(() => mapping.stop());
    }
    const watching = watchDeadLetters(deadLetters, onFailure);
    closing.push(() => watching.stop());

    const alarms = new EventBridgeAlarms(
      clients,
      { busName: names.bus, busArn, scheduleGroup: names.scheduleGroup, scheduleRoleArn },
      clock,
    );
    const store = new DynamoTaskStore(dynamo, names.table);
    const control = new DynamoControlStore(dynamo, names.table);
    const earlierRuns = runsOf(await recordsOf(store));
    const onMalformed = ({ message: err }: TailwakeError) =>
      options.onLog("start", JSON.stringify({ level: "error", msg: "record not readable", err }));
    const restarted = await restartTasks({ store, control, alarms, clock, onMalformed });
    // Invoke the first tick now: it starts the roots and the leaders, and the schedule's first tick comes after a
    // minute.
    void invokeLater("cron", {}).catch((error) => onFailure(String(error)));
    if (engine === "lazy") await alarms.startLeader("signals");
    return {
      ...{ lambda, aws, control, restarted, earlierRuns, tasks: () => recordsOf(store), close },
      // A call to a service that is not emulated must not reach AWS.
      environment: { ...environment, AWS_ENDPOINT_URL: aws.url },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function recordsOf(store: DynamoTaskStore): Promise<TaskRecord[]> {
  const found: TaskRecord[] = [];
  // Unreadable records were reported at the start.
  for await (const record of store.list(() => {})) found.push(record);
  return found;
}

type Queue = Awaited<ReturnType<typeof deploy>>["deadLetters"];

/** Reports each message in the dead letter queue. */
function watchDeadLetters(queue: Queue, onFailure: (message: string) => void) {
  const stopping = new AbortController();
  const { signal } = stopping;
  const watch = async () => {
    while (!signal.aborted && !queue.closed) {
      for (const { body, receiptHandle } of await queue.receive({ max: 10, waitMs: deadLetterPollMs, signal })) {
        queue.delete(receiptHandle);
        onFailure(`dead letter: ${body}`);
      }
    }
  };
  const watching = watch();
  return {
    stop: () => {
      stopping.abort();
      return watching;
    },
  };
}
