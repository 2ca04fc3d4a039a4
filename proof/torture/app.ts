import {
  caughtUp,
  createApp,
  createHandlers,
  cron,
  defineProcessor,
  eager,
  type LambdaContext,
  type LambdaHandler,
  lazy,
  tokenFromEnvironment,
} from "../../functions/index.ts";
import { liveBroadcast, type RepoActivity, registry, registryEntityId } from "../../functions/nog/index.ts";
import { awaiting, checkpointing, completing, folding, reading, throwing, waiting } from "./activities.ts";
import { activitiesOf, type RepoActivityName, registry as registryName, starting } from "./plan.ts";
import { beginPass } from "./recorded-pass.ts";

/* The app in the function processes of a torture: its activities record everything they are handed. */

const repoActivities: Readonly<Record<RepoActivityName, RepoActivity>> = {
  read: reading("read"),
  checkpoint: checkpointing("checkpoint"),
  throw: throwing("throw"),
  wait: waiting("wait"),
  complete: completing,
  "await-child": awaiting,
  "read-cron": reading("read-cron"),
  "read-eager": reading("read-eager"),
  fold: folding("fold", 0),
  // Larger than the record may store.
  "fold-eager": folding("fold-eager", 5_000),
  "fold-cron": folding("fold-cron", 5_000),
};

/** Starts the tasks of each added repo. */
const startRepos = defineProcessor(registry, {
  name: starting,
  async processEvents(run, stream) {
    const pass = beginPass(starting, "registry", registryEntityId(run.address.registry), run);
    for await (const { id, event } of stream) {
      pass.saw(id);
      if (event.type === "repoAdded") {
        for (const name of activitiesOf(event.globalPath)) {
          // Its parent starts it.
          if (name !== "complete") await run.start(repoActivities[name], { repoId: event.repoId });
        }
      }
      run.advance(id);
    }
    return pass.end(caughtUp(pass.tail));
  },
});

const app = createApp({
  activities: [
    lazy(startRepos),
    ...Object.entries(repoActivities).map(([name, activity]) =>
      name.endsWith("-cron")
        ? cron(activity, { everyMinutes: 1 })
        : name.endsWith("-eager")
          ? eager(activity)
          : lazy(activity),
    ),
  ],
  upstreams: {
    nog: {
      baseUrl: process.env.TAILWAKE_NOG_URL ?? "",
      protocol: "grpc",
      authorization: tokenFromEnvironment("TAILWAKE_NOG_TOKEN"),
    },
  },
  signalSources: [liveBroadcast],
  roots: [{ activity: startRepos, address: { registry: registryName } }],
});

/**
 * A function that believes it has less time than the platform gives it: its leases end long before it would be killed,
 * so a frozen one can thaw and continue after another run has taken its lease.
 */
function shortLived(handler: LambdaHandler, ms: number): LambdaHandler {
  return (event, context: LambdaContext) =>
    handler(event, {
      awsRequestId: context.awsRequestId,
      getRemainingTimeInMillis: () => Math.min(ms, context.getRemainingTimeInMillis()),
    });
}

const handlers = createHandlers(app);
export const wake = shortLived(handlers.wake, 40_000);
export const { cron: tick, signals, eager: lead } = handlers;
