import {
  caughtUp,
  createApp,
  createHandlers,
  defineProcessor,
  eager,
  lazy,
  task,
  tokenFromEnvironment,
} from "../functions/index.ts";
import { liveBroadcast, repo } from "../functions/nog/index.ts";
import { arrivalOf, repoIds } from "./latency-events.ts";

/* The app in the function processes of the latency benchmarks: its activity prints when it sees an event. */

const recordArrivals = defineProcessor(repo, {
  name: "record-arrivals",
  async processEvents(run, stream) {
    let { tail } = run;
    for await (const { id, event } of stream) {
      if (event.type === "errorSet") process.stdout.write(`${arrivalOf(event.message)}\n`);
      tail = id;
    }
    return caughtUp(tail);
  },
});

const { TAILWAKE_NOG_URL: baseUrl = "", TAILWAKE_ENGINE } = process.env;
const isEager = TAILWAKE_ENGINE === "eager";

export const handlers = createHandlers(
  createApp({
    activities: [isEager ? eager(recordArrivals) : lazy(recordArrivals)],
    upstreams: { nog: { baseUrl, protocol: "grpc", authorization: tokenFromEnvironment("TAILWAKE_NOG_TOKEN") } },
    signalSources: isEager ? [] : [liveBroadcast],
    roots: repoIds.map((repoId) => task(recordArrivals, { repoId })),
  }),
);
