import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { ulid } from "ulid";
import { behaviourOf, type Task } from "./contract/activity.ts";
import { systemClock } from "./contract/clock.ts";
import { TailwakeError } from "./contract/error.ts";
import { jsonLogger } from "./contract/logger.ts";
import { checkAddress, declarationOf } from "./contract/stream.ts";
import { Bindings, type Bound } from "./engines/binding.ts";
import type { Machinery } from "./engines/engine.ts";
import type { LambdaHandler } from "./lambda/context.ts";
import { cronHandler } from "./lambda/cron-event.ts";
import { wakeHandler } from "./lambda/wake-event.ts";
import { type AppSettings, appSettings, type Environment, readSettings } from "./settings.ts";
import { DynamoTaskStore } from "./tasks/dynamodb.ts";
import { connectUpstream, type UpstreamConnection } from "./upstream/connection.ts";
import type { Upstream } from "./upstream/upstream.ts";
import { EventBridgeWakes } from "./wake/eventbridge.ts";

/** The activities of an application, each bound to its engine, and the upstreams of their streams. */
export interface App<B extends readonly Bound[] = readonly Bound[]> {
  readonly activities: B;
  readonly upstreams: Readonly<Record<string, Upstream>>;
  readonly roots: readonly Task[];
}

/** Checks the definitions: each activity is bound once, each stream's upstream is there, each root's activity is bound. */
export function createApp<const B extends readonly Bound[]>(definition: {
  readonly activities: B;
  readonly upstreams: { readonly [N in B[number]["activity"]["stream"]["upstream"]]: Upstream };
  /** Tasks that exist as soon as the app is deployed; started idempotently by the cron function. */
  readonly roots?: readonly Task[];
}): App<B> {
  const bindings = new Bindings(definition.activities);
  const upstreams: Readonly<Record<string, Upstream>> = definition.upstreams;
  for (const { declaration, stream } of bindings) {
    if (!Object.hasOwn(upstreams, stream.upstream)) throw unknownUpstream(stream.upstream, declaration.name);
  }
  const roots = definition.roots ?? [];
  for (const { activity, address } of roots) {
    bindings.of(behaviourOf(activity));
    checkAddress(declarationOf(activity.stream), address);
  }
  return Object.freeze({ activities: definition.activities, upstreams, roots });
}

/**
 * The Lambda handlers of an app: `wake` for the queue of the lazy function (and plain bus events), `cron` for the
 * tick. The environment is read and checked, and clients are built, once, at the first event of each process; one
 * `SettingsError` lists every problem.
 */
export function createHandlers(
  app: App,
  environment: Environment = process.env,
): { readonly wake: LambdaHandler; readonly cron: LambdaHandler } {
  let built: { readonly machinery: Machinery; readonly settings: AppSettings } | undefined;
  const build = () => {
    if (!built) {
      const settings = readSettings(environment, appSettings);
      built = { settings, machinery: createMachinery(app, settings) };
    }
    return built;
  };
  return {
    wake: async (event, context) => wakeHandler(build().machinery, event, context),
    cron: async (event, context) => {
      const { machinery, settings } = build();
      const budget = { looks: settings.TAILWAKE_LOOKS_PER_TICK, concurrency: settings.TAILWAKE_LOOKS_AT_ONCE };
      return cronHandler(machinery, app.roots, budget, event, context);
    },
  };
}

/** The engines' machinery on AWS. */
export function createMachinery(app: App, settings: AppSettings): Machinery {
  const clock = systemClock;
  const connections = new Map<string, UpstreamConnection>();
  return {
    bindings: new Bindings(app.activities),
    store: new DynamoTaskStore(new DynamoDBClient({}), settings.TAILWAKE_TABLE),
    wakes: new EventBridgeWakes(
      { events: new EventBridgeClient({}), scheduler: new SchedulerClient({}) },
      {
        busName: settings.TAILWAKE_BUS_ARN.slice(settings.TAILWAKE_BUS_ARN.lastIndexOf("/") + 1),
        busArn: settings.TAILWAKE_BUS_ARN,
        scheduleGroup: settings.TAILWAKE_SCHEDULE_GROUP,
        scheduleRoleArn: settings.TAILWAKE_SCHEDULE_ROLE_ARN,
      },
      clock,
    ),
    clock,
    log: jsonLogger((line) => process.stdout.write(line)),
    limits: {
      runsPerKind: settings.TAILWAKE_RUNS_PER_KIND,
      probePeriodMs: settings.TAILWAKE_PROBE_MINUTES * 60_000,
    },
    random: Math.random,
    newToken: () => ulid(),
    upstream(name) {
      const known = connections.get(name);
      if (known) return known;
      const upstream = app.upstreams[name];
      if (!upstream) throw unknownUpstream(name, "an activity");
      const connection = connectUpstream(upstream);
      connections.set(name, connection);
      return connection;
    },
  };
}

function unknownUpstream(name: string, activity: string): TailwakeError {
  return new TailwakeError({
    code: "unknown-upstream",
    subject: `upstream ${name} of ${activity}`,
    expected: "an entry of that name in createApp({ upstreams })",
    received: "none",
  });
}
