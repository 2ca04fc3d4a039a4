import { appendFileSync, existsSync } from "node:fs";
import {
  caughtUp,
  createApp,
  createHandlers,
  defineActivity,
  defineProcessor,
  eager,
  lazy,
  task,
} from "../../functions/index.ts";
import { liveBroadcast, registry, repo } from "../../functions/nog/index.ts";

/** The differences between two versions of the app. */
export interface Version<V extends { ids: string[] }> {
  readonly name: string;
  readonly view: { readonly version: number; readonly initial: () => V };
  /** An activity that follows the registry and exists only in this version. */
  readonly extra?: string;
}

/** A run of the lazy `signaled` of one aggregate waits while this file exists. */
const { GATE: gate = "", GATED: gated = "" } = process.env;

/**
 * The handlers of one version. Its activities record what they see, one line each: the version, the activity, the
 * aggregate, the run's fence, and the event. `counting` records its view instead, each time it acts.
 */
export function createVersion<V extends { ids: string[] }>({ name: version, view, extra }: Version<V>) {
  const record = (...words: readonly (string | number)[]) =>
    appendFileSync(process.env.SEEN_FILE ?? "", `${[version, ...words].join(" ")}\n`);

  const following = (name: string) =>
    defineProcessor(repo, {
      name,
      async processEvents(run, stream) {
        let tail = run.tail;
        for await (const { id } of stream) {
          record(name, run.address.repoId, run.fence, id);
          tail = id;
        }
        if (name === "signaled" && run.address.repoId === gated && existsSync(gate)) {
          record("waiting", gated, run.fence);
          while (existsSync(gate) && !run.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
          record(run.signal.aborted ? "aborted" : "released", gated, run.fence);
        }
        return caughtUp(tail);
      },
    });
  const signaled = following("signaled");
  const watching = following("watching");

  const counting = defineActivity(repo, {
    name: "counting",
    view: view as { version: number; initial: () => { ids: string[] } },
    apply: (seen, { id }) => void seen.ids.push(id),
    async act(seen, run) {
      record("counting", run.address.repoId, run.fence, JSON.stringify(seen));
      return caughtUp();
    },
  });

  const starting = defineProcessor(registry, {
    name: "starting",
    async processEvents(run, stream) {
      let tail = run.tail;
      for await (const { id, event } of stream) {
        if (event.type === "repoAdded") {
          const { repoId } = event;
          for (const activity of [signaled, counting, watching]) await run.start(activity, { repoId });
        }
        tail = id;
      }
      return caughtUp(tail);
    },
  });

  const extras = (extra === undefined ? [] : [extra]).map((name) =>
    defineProcessor(registry, {
      name,
      async processEvents(run, stream) {
        let tail = run.tail;
        for await (const { id } of stream) tail = id;
        return caughtUp(tail);
      },
    }),
  );
  const app = createApp({
    activities: [lazy(starting), lazy(signaled), lazy(counting), eager(watching), ...extras.map((one) => lazy(one))],
    upstreams: { nog: { baseUrl: process.env.NOG_URL ?? "", protocol: "grpc" } },
    signalSources: [liveBroadcast],
    roots: [starting, ...extras].map((activity) => task(activity, { registry: "exreg" })),
  });
  const { wake, cron, signals, eager: lead } = createHandlers(app);
  return { wake, cron, signals, lead };
}
