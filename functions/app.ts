import { randomUUID } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { behaviourOf, type Task } from "./contract/activity.ts";
import { describeValue, TailwakeError } from "./contract/error.ts";
import { type SignalSource, sourceDeclarationOf } from "./contract/signal-source.ts";
import { checkAddress } from "./contract/stream.ts";
import { Bindings, type Bound } from "./engines/binding.ts";
import { noMeter } from "./engines/meter.ts";
import { type Ports, portsOf, type Telemetry } from "./engines/ports.ts";
import { rulesOf } from "./engines/rules.ts";
import { systemClock } from "./foundation/clock.ts";
import type { LambdaContext, LambdaHandler } from "./lambda/context.ts";
import { cronHandler } from "./lambda/cron-event.ts";
import { emfMeter } from "./lambda/emf-meter.ts";
import { eagerHandler, signalsHandler } from "./lambda/leader-event.ts";
import { otelTracer } from "./lambda/otel-tracer.ts";
import { type LambdaLog, powertoolsLog } from "./lambda/powertools-log.ts";
import { wakeHandler } from "./lambda/wake-event.ts";
import { type AppSettings, appSettings, type Environment, readSettings, SettingsError } from "./settings.ts";
import { DynamoTaskStore } from "./tasks/dynamodb.ts";
import { DynamoControlStore } from "./tasks/dynamodb-control.ts";
import { watchThrottles } from "./tasks/dynamodb-throttles.ts";
import { Connections, unknownUpstream } from "./upstream/connections.ts";
import { openEventStream } from "./upstream/event-stream.ts";
import type { Upstream } from "./upstream/upstream.ts";
import { DirectSignals } from "./wake/direct-signals.ts";
import { EventBridgeAlarms } from "./wake/eventbridge.ts";

/** The activities of an application, each bound to its engine, and the upstreams of their streams. */
export interface App<B extends readonly Bound[] = readonly Bound[]> {
  readonly activities: B;
  readonly upstreams: Readonly<Record<string, Upstream>>;
  readonly roots: readonly Task[];
  readonly signalSources: readonly SignalSource[];
  readonly resources: Readonly<Record<string, number>>;
}

/**
 * Defines an app. Throws a `TailwakeError` for an activity that is bound twice, a stream whose upstream is missing, a
 * root whose activity is not bound or whose address does not fit its kind. The tick that starts a root makes its entity
 * id, so that a cold start need not.
 */
export function createApp<const B extends readonly Bound[]>(definition: {
  readonly activities: B;
  readonly upstreams: { readonly [N in B[number]["activity"]["stream"]["upstream"]]: Upstream };
  /** Tasks that exist as soon as the app is deployed. The cron function starts them, idempotently. */
  readonly roots?: readonly Task[];
  /** The streams of signals that the signals function holds open. */
  readonly signalSources?: readonly SignalSource<B[number]["activity"]["stream"]["upstream"]>[];
  /** For each resource: how many runs of activities that name it may be under way at once in one invocation. */
  readonly resources?: Readonly<Record<string, number>>;
}): App<B> {
  const bindings = new Bindings(definition.activities);
  const upstreams: Readonly<Record<string, Upstream>> = definition.upstreams;
  const resources = definition.resources ?? {};
  for (const { declaration, stream } of bindings) {
    if (!Object.hasOwn(upstreams, stream.upstream)) throw unknownUpstream(stream.upstream, declaration.name);
    if (declaration.resource !== undefined) checkResource(resources, declaration.resource, declaration.name);
  }
  const signalSources: readonly SignalSource[] = definition.signalSources ?? [];
  for (const { name, upstream } of signalSources) {
    if (!Object.hasOwn(upstreams, upstream)) throw unknownUpstream(upstream, `signal source ${name}`);
  }
  const roots = definition.roots ?? [];
  for (const { activity, address } of roots) {
    checkAddress(bindings.of(behaviourOf(activity)).stream, address);
  }
  return Object.freeze({ activities: definition.activities, upstreams, roots, signalSources, resources });
}

/**
 * The Lambda handlers of an app: `wake` for the queues of the lazy function (and plain bus events), `cron` for the
 * tick, `signals` and `eager` for the functions that lead. The first event of a process reads and checks the
 * environment and builds the clients; one `SettingsError` lists every problem.
 *
 * A bundle of these has the code of all four. A bundle of `createWakeHandler(app)` leaves out what only the others
 * need.
 */
export function createHandlers(
  app: App,
  environment: Environment = process.env,
): {
  readonly wake: LambdaHandler;
  readonly cron: LambdaHandler;
  readonly signals: LambdaHandler;
  readonly eager: LambdaHandler;
} {
  const begin = processOf(app, environment);
  return {
    wake: handlerOf(begin, wakeHandler),
    cron: tickerOf(begin, app),
    signals: handlerOf(begin, signalsHandler),
    eager: handlerOf(begin, eagerHandler),
  };
}

/** `createHandlers(app).wake` alone. */
export const createWakeHandler = (app: App, environment: Environment = process.env): LambdaHandler =>
  handlerOf(processOf(app, environment), wakeHandler);

/** `createHandlers(app).cron` alone. */
export const createCronHandler = (app: App, environment: Environment = process.env): LambdaHandler =>
  tickerOf(processOf(app, environment), app);

/** `createHandlers(app).signals` alone. */
export const createSignalsHandler = (app: App, environment: Environment = process.env): LambdaHandler =>
  handlerOf(processOf(app, environment), signalsHandler);

/** `createHandlers(app).eager` alone. */
export const createEagerHandler = (app: App, environment: Environment = process.env): LambdaHandler =>
  handlerOf(processOf(app, environment), eagerHandler);

interface Built {
  readonly ports: Ports;
  readonly settings: AppSettings;
  readonly lambda: LambdaLog;
}

/**
 * Returns everything one process shares, built on its first event. From then on the log lines are of this invocation.
 */
type Begin = (context: LambdaContext) => Built;

function processOf(app: App, environment: Environment): Begin {
  let built: Built | undefined;
  return (context) => {
    if (!built) {
      const settings = readSettings(environment, appSettings);
      const { TAILWAKE_SERVICE: service } = settings;
      const lambda = powertoolsLog();
      const meter = service === undefined ? noMeter : emfMeter(service, systemClock);
      built = { settings, lambda, ports: createPorts(app, settings, { log: lambda.log, meter }) };
    }
    built.lambda.begin(context);
    return built;
  };
}

function handlerOf(
  begin: Begin,
  handle: (ports: Ports, event: unknown, context: LambdaContext) => Promise<unknown>,
): LambdaHandler {
  return async (event, context) => handle(begin(context).ports, event, context);
}

function tickerOf(begin: Begin, { roots }: App): LambdaHandler {
  let leadersAreChecked = false;
  return async (event, context) => {
    const { ports, settings } = begin(context);
    if (!leadersAreChecked) checkLeaders(ports, settings);
    leadersAreChecked = true;
    const budget = { checks: settings.TAILWAKE_CHECKS_PER_TICK, concurrency: settings.TAILWAKE_CHECKS_AT_ONCE };
    return cronHandler(ports, roots, budget, event, context);
  };
}

/** The engines' ports on AWS. */
export function createPorts(app: App, settings: AppSettings, { log, meter }: Pick<Telemetry, "log" | "meter">): Ports {
  const clock = systemClock;
  const dynamo = new DynamoDBClient({});
  watchThrottles(dynamo, () => meter.add("Throttles", 1));
  const signalQueueUrl = settings.TAILWAKE_SIGNAL_QUEUE_URL;
  const bus = new EventBridgeAlarms(
    { events: new EventBridgeClient({}), scheduler: new SchedulerClient({}) },
    {
      busName: settings.TAILWAKE_BUS_ARN.slice(settings.TAILWAKE_BUS_ARN.lastIndexOf("/") + 1),
      busArn: settings.TAILWAKE_BUS_ARN,
      scheduleGroup: settings.TAILWAKE_SCHEDULE_GROUP,
      scheduleRoleArn: settings.TAILWAKE_SCHEDULE_ROLE_ARN,
    },
    clock,
  );
  return portsOf(
    {
      bindings: new Bindings(app.activities),
      signalSources: app.signalSources.map(sourceDeclarationOf),
      limits: {
        runs: settings.TAILWAKE_RUNS,
        runsPerKind: settings.TAILWAKE_RUNS_PER_KIND,
        resources: app.resources,
        probePeriodMs: settings.TAILWAKE_PROBE_MINUTES * 60_000,
        eagerShards: settings.TAILWAKE_EAGER_SHARDS,
        eagerWatches: settings.TAILWAKE_EAGER_WATCHES,
      },
    },
    {
      store: new DynamoTaskStore(dynamo, settings.TAILWAKE_TABLE),
      control: new DynamoControlStore(dynamo, settings.TAILWAKE_TABLE),
      alarms: signalQueueUrl === undefined ? bus : new DirectSignals(bus, signalQueueUrl, clock),
      clock,
      random: Math.random,
      newToken: () => randomUUID(),
      upstream: new Connections(app.upstreams).of,
      openStream: openEventStream,
      exit: exitProcess,
    },
    { log, meter, tracer: otelTracer },
  );
}

/** Lambda starts another process for the next event. */
function exitProcess(task: string): never {
  process.stderr.write(
    `${JSON.stringify({ level: "warn", msg: "process exits: an activity ignored the abort", task })}\n`,
  );
  process.exit(1);
}

/** Checks that the functions that lead are deployed: AWS reports no error for an event that no function receives. */
function checkLeaders(
  { bindings, signalSources, log }: Pick<Ports, "bindings" | "signalSources" | "log">,
  settings: AppSettings,
): void {
  const eager = [...bindings]
    .filter(({ engine }) => rulesOf(engine).runBy === "leader")
    .map(({ declaration }) => declaration.name);
  if (eager.length > 0 && settings.TAILWAKE_EAGER_FUNCTION === undefined) {
    const expected = `the name of the eager function, which runs ${eager.join(", ")}`;
    throw new SettingsError([{ name: "TAILWAKE_EAGER_FUNCTION", expected, received: "nothing" }]);
  }
  if (signalSources.length > 0 && settings.TAILWAKE_SIGNALS_FUNCTION === undefined) {
    const sources = signalSources.map(({ name }) => name);
    log.warn("no signals function: only probes find news", { sources, setting: "TAILWAKE_SIGNALS_FUNCTION" });
  }
}

function checkResource(resources: Readonly<Record<string, number>>, name: string, activity: string): void {
  const limit = Object.hasOwn(resources, name) ? resources[name] : undefined;
  if (limit !== undefined && Number.isSafeInteger(limit) && limit >= 1) return;
  throw new TailwakeError({
    code: "invalid-definition",
    subject: `resource ${name} of ${activity}`,
    expected: "a whole number from 1 in createApp({ resources })",
    received: describeValue(limit),
  });
}
