import { appendFileSync } from "node:fs";
import { caughtUp, createApp, createHandlers, defineProcessor, eager, lazy } from "../../functions/index.ts";
import { liveBroadcast, registry, repo } from "../../functions/nog/index.ts";

/**
 * An app whose activities record each event on a line: `activity entity event`. One of them blocks the event loop for
 * the repos named in BLOCKING.
 */
const seen = process.env.SEEN_FILE ?? "";
const blocking = new Set((process.env.BLOCKING ?? "").split(","));

const record = (activity: string, entity: string, id: string) => appendFileSync(seen, `${activity} ${entity} ${id}\n`);

const watching = defineProcessor(repo, {
  name: "watching",
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id } of stream) {
      record("watching", run.address.repoId, id);
      tail = id;
    }
    return caughtUp(tail);
  },
});

const signaled = defineProcessor(repo, {
  name: "signaled",
  async processEvents(run, stream) {
    // It never awaits, so it never sees an abort.
    while (blocking.has(run.address.repoId));
    let tail = run.tail;
    for await (const { id } of stream) {
      record("signaled", run.address.repoId, id);
      tail = id;
    }
    return caughtUp(tail);
  },
});

/** Starts both for each repo of the registry. */
const starting = defineProcessor(registry, {
  name: "starting",
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id, event } of stream) {
      if (event.type === "repoAdded") {
        await run.start(watching, { repoId: event.repoId });
        await run.start(signaled, { repoId: event.repoId });
      }
      tail = id;
    }
    return caughtUp(tail);
  },
});

const app = createApp({
  activities: [eager(watching), lazy(signaled), lazy(starting)],
  upstreams: { nog: { baseUrl: process.env.NOG_URL ?? "", protocol: "grpc" } },
  signalSources: [liveBroadcast],
  roots: [{ activity: starting, address: { registry: "exreg" } }],
});

export const { wake, cron, signals, eager: lead } = createHandlers(app);
