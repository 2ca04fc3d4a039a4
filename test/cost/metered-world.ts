import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Counts } from "../../cli/cost/counts.ts";
import { Breakers } from "../../functions/engines/breakers.ts";
import type { Ports } from "../../functions/engines/ports.ts";
import type { Clock } from "../../functions/foundation/clock.ts";
import { emfMeter } from "../../functions/lambda/emf-meter.ts";
import { powertoolsLog } from "../../functions/lambda/powertools-log.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";

import { DynamoControlStore } from "../../functions/tasks/dynamodb-control.ts";
import { DirectSignals } from "../../functions/wake/direct-signals.ts";
import { EventBridgeAlarms } from "../../functions/wake/eventbridge.ts";
import { type AwsEndpoint, startAwsEndpoint } from "../../local/aws/endpoint.ts";
import type { SqsQueue } from "../../local/aws/sqs-queue.ts";
import { createTaskTable, startDatabase } from "../../local/database.ts";
import { type Deployment, deploy, names } from "../../local/deployment.ts";
import { settle } from "../support/test-clock.ts";
import { World, type WorldOptions } from "../support/world.ts";
import { DynamoMeter, type Metered } from "./dynamo-meter.ts";

export interface MeteredOptions extends WorldOptions {
  /** Send signals directly into the queue. */
  readonly direct?: boolean;
}

/** The engines on the real adapters and SDK clients, with the local services; counts every request. */
export class MeteredWorld {
  readonly world: World;
  readonly clock: World["clock"];
  readonly ports: Ports;
  readonly aws: AwsEndpoint;
  readonly deployment: Deployment;
  /** Log lines above level info: a valid scenario has none. */
  readonly unexpectedLines: string[] = [];
  /** Called with the event of a rule, as Lambda would be. */
  onFunction: (name: string, event: unknown) => void = () => {};
  readonly #dynamo: DynamoMeter;
  #others: Metered[] = [];
  #underWay = 0;
  #logBytes = 0;
  #metricBytes = 0;
  readonly #closing: (() => unknown)[];

  static async start(options: MeteredOptions): Promise<MeteredWorld> {
    const database = await startDatabase(undefined);
    const clientOptions = { endpoint: database.url, region: "us-east-1", credentials };
    const [dynamo, unmetered] = [new DynamoDBClient(clientOptions), new DynamoDBClient(clientOptions)];
    await createTaskTable(unmetered, names.table);
    const world = new World({ ...options, store: new DynamoTaskStore(dynamo, names.table) });
    let onFunction = (_name: string, _event: unknown) => {};
    const aws = await startAwsEndpoint({
      clock: world.clock,
      onLambda: async (name, event) => onFunction(name, event),
    });
    const settings = { endpoint: aws.url, region: aws.region, credentials };
    const deployment = await deploy(aws, settings);
    const clients = {
      events: new EventBridgeClient(settings),
      scheduler: new SchedulerClient(settings),
      sqs: new SQSClient(settings),
    };
    const metered = new MeteredWorld(world, aws, deployment, dynamo, unmetered, clients, options.direct === true, [
      () => database.close(),
      () => aws.close(),
      ...[dynamo, unmetered, ...Object.values(clients)].map((client) => () => client.destroy()),
    ]);
    onFunction = (name, event) => metered.onFunction(name, event);
    return metered;
  }

  private constructor(
    world: World,
    aws: AwsEndpoint,
    deployment: Deployment,
    dynamo: DynamoDBClient,
    unmetered: DynamoDBClient,
    clients: { readonly events: EventBridgeClient; readonly scheduler: SchedulerClient; readonly sqs: SQSClient },
    direct: boolean,
    closing: (() => unknown)[],
  ) {
    this.world = world;
    this.clock = world.clock;
    this.aws = aws;
    this.deployment = deployment;
    this.#closing = closing;
    const follow = <T>(work: Promise<T>) => this.#follow(work);
    this.#dynamo = new DynamoMeter(dynamo, unmetered, follow);
    for (const [service, client] of [
      ["EventBridge", clients.events],
      ["Scheduler", clients.scheduler],
      ["SQS", clients.sqs],
    ] as const) {
      const stack = client.middlewareStack as EventBridgeClient["middlewareStack"];
      stack.add(
        (next, context) => (args) => {
          const { Entries } = args.input as { readonly Entries?: readonly unknown[] };
          const operation = String(context.commandName).replace(/Command$/, "");
          const busEvents = service === "EventBridge" ? (Entries?.length ?? 0) : 0;
          this.#others.push({ request: `${service} ${operation}`, writeUnits: 0, readUnits: 0, busEvents });
          return follow(next(args));
        },
        { step: "initialize", name: "meter" },
      );
    }
    const bus = new EventBridgeAlarms(
      clients,
      {
        busName: names.bus,
        busArn: deployment.busArn,
        scheduleGroup: names.scheduleGroup,
        scheduleRoleArn: deployment.scheduleRoleArn,
      },
      this.clock,
    );
    const { wakes } = deployment;
    const connect = async () => clients.sqs;
    const control = new DynamoControlStore(dynamo, names.table);
    const clock: Clock = this.clock;
    this.#closing.push(
      captureStdout((line) => {
        if (line.startsWith('{"_aws"')) this.#metricBytes += Buffer.byteLength(line);
        else this.#logBytes += Buffer.byteLength(line);
      }),
    );
    const { log: lines, begin } = powertoolsLog();
    begin(this.context(0));
    const trouble = (message: string, fields?: object) =>
      this.unexpectedLines.push(`${message} ${JSON.stringify(fields)}`);
    const log = { ...lines, debug: () => {}, warn: trouble, error: trouble };
    const { random, upstream } = world.ports;
    this.ports = {
      ...world.ports,
      control,
      clock,
      log,
      meter: emfMeter("tailwake-prod", clock),
      alarms: direct ? new DirectSignals(bus, wakes.url, clock, Math.random, connect) : bus,
      breakers: new Breakers({ control, clock, log, random, upstream }),
    };
  }

  /** The Lambda context of an invocation with this remaining time. */
  context(remainingMs: number) {
    return { getRemainingTimeInMillis: () => remainingMs, awsRequestId: requestId };
  }

  /** Up to `max` messages of a queue, as an event source passes them to the lazy function. */
  async batch(queue: SqsQueue, max: number): Promise<{ readonly Records: readonly object[] }> {
    const received = await queue.receive({ max, waitMs: 0 });
    for (const { receiptHandle } of received) queue.delete(receiptHandle);
    return {
      Records: received.map(({ messageId, body, systemAttributes: attributes }) => ({ messageId, body, attributes })),
    };
  }

  /** Advances time in small steps, and lets pending requests finish after each. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (const end = this.clock.now() + ms; this.clock.now() < end; ) {
      await this.clock.advance(Math.min(stepMs, end - this.clock.now()));
      do await settle();
      while (this.#underWay > 0);
    }
  }

  reset(): void {
    this.#dynamo.metered.splice(0);
    this.#others = [];
    this.#logBytes = 0;
    this.#metricBytes = 0;
  }

  /** The requests since the reset; if `subject` is given, only the DynamoDB requests about it. */
  counts(subject?: string): Counts {
    const all = subject === undefined ? [...this.#dynamo.metered, ...this.#others] : this.#dynamo.of(subject);
    const requests: Record<string, number> = {};
    for (const { request } of all) requests[request] = (requests[request] ?? 0) + 1;
    const sum = (units: (one: Metered) => number) => all.reduce((total, one) => total + units(one), 0);
    return {
      requests: Object.fromEntries(Object.entries(requests).sort(([a], [b]) => (a < b ? -1 : 1))),
      writeUnits: sum(({ writeUnits }) => writeUnits),
      readUnits: sum(({ readUnits }) => readUnits),
      busEvents: sum(({ busEvents = 0 }) => busEvents),
      // Rounded up, so that small changes of log messages do not change the cost.
      logBytes: subject === undefined ? Math.ceil(this.#logBytes / 100) * 100 : 0,
      metricBytes: subject === undefined ? Math.ceil(this.#metricBytes / 100) * 100 : 0,
    };
  }

  async close(): Promise<void> {
    for (const end of this.#closing.splice(0).reverse()) await end();
  }

  async #follow<T>(work: Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await work;
    } finally {
      this.#underWay--;
    }
  }
}

/** A request id as long as those of Lambda. */
const requestId = "8f5c0b1e-0000-4000-8000-000000000000";

/** Captures standard output until the returned function is called. */
function captureStdout(onLine: (line: string) => void): () => void {
  const { stdout } = process;
  const { write } = stdout;
  stdout.write = ((line: unknown, ...rest: never[]) => {
    const text = String(line);
    if (!text.startsWith("{")) return write.call(stdout, text, ...rest);
    onLine(text);
    return true;
  }) as typeof write;
  return () => {
    stdout.write = write;
  };
}

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
