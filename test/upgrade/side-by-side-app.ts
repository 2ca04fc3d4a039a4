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

/** In what two versions of the app differ. */
export interface Version<V extends { ids: string[] }> {
  readonly name: string;
  readonly view: { readonly version: number; readonly initial: () => V };
  /** Follows the registry, and is known to this version alone. */
  readonly extra?: string;
}

/** A run of the lazy `signaled` of one aggregate waits while this file is there. */
const { GATE: gate = "", GATED: gated = "" } = process.env;

/**
 * The handlers of one version. Its activities write down what they see, a line each: the version, the activity, the
 * aggregate, the run's fence, and the event; `counting` writes its view instead, each time it acts.
 */
export function createVersion<V extends { ids: string[] }>({ name: version, view, extra }: Version<V>) {
  const note = (...words: readonly (string | number)[]) =>
    appendFileSync(process.env.SEEN_FILE ?? "", `${[version, ...words].join(" ")}\n`);

  const following = (name: string) =>
    defineProcessor(repo, {
      name,
      async processEvents(run, stream) {
        let tail = run.tail;
        for await (const { id } of stream) {
          note(name, run.address.repoId, run.fence, id);
          tail = id;
        }
        if (name === "signaled" && run.address.repoId === gated && existsSync(gate)) {
          note("waiting", gated, run.fence);
          while (existsSync(gate) && !run.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
          note(run.signal.aborted ? "aborted" : "released", gated, run.fence);
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
      note("counting", run.address.repoId, run.fence, JSON.stringify(seen));
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
  const { wake, cron, signals, eager: hold } = createHandlers(app);
  return { wake, cron, signals, hold };
}
