import { connectUpstream } from "../functions/upstream/connection.ts";
import { Limiter } from "../functions/upstream/limiter.ts";
import type { WakeMessage } from "../functions/wake/wake.ts";
import { CountingApp } from "./engine.ts";
import { startEventServer } from "./event-server.ts";
import { countWithBareLoop, expectCount } from "./floor.ts";
import { type Figure, figure, interleave, timed } from "./measure.ts";
import { repoId } from "./repo-id.ts";

const repos = 1_000;
const perBatch = 10;
/** Runs at once, and calls at once of the floor. */
const atOnce = 20;
/** One sample wakes each repo so often. */
const sweeps = 3;
const rounds = 9;
/** Prime to the repos: no repo gets the same event twice in a row. */
const differentCalls = 1_009;

export const repoIds = Array.from({ length: repos }, (_, i) => repoId(i));

/** Short runs: each is woken by a signal, opens its stream, reads no event or one, and commits. */
export async function measureRuns(name: string, eventsEach: 0 | 1): Promise<readonly Figure[]> {
  const { url, child } = await startEventServer({ events: eventsEach, perMessage: 1, calls: differentCalls });
  const connection = connectUpstream({ baseUrl: url, protocol: "grpc" });
  try {
    const app = new CountingApp(connection, "events");
    for (const id of repoIds) await app.start(id);
    app.wakes.take();
    const messages = repoIds.map((entity) => ({ class: "signal", entity, kind: "repo" }) as const);
    return await compareRuns(name, { app, messages, sweeps, eventsEach, bare: () => countWithBareLoop(connection) });
  } finally {
    connection.close();
    await child.end();
  }
}

export interface ComparedRuns {
  readonly app: CountingApp;
  /** Each of which causes a run. */
  readonly messages: readonly WakeMessage[];
  /** How often they come in one sample. */
  readonly sweeps: number;
  readonly eventsEach: number;
  /** The floor of one run; resolves to its events. */
  bare(): Promise<number>;
}

/** The app's runs by batches, against as many bare ones with as many under way at once: their rate, and this process's CPU. */
export async function compareRuns(name: string, compared: ComparedRuns): Promise<readonly Figure[]> {
  const { app, messages, sweeps, eventsEach, bare } = compared;
  const runs = messages.length * sweeps;
  const engine = async () => {
    const before = app.runs;
    await invokeAll(app, Array.from({ length: sweeps }, () => messages).flat());
    expectCount("runs", app.runs - before, runs);
  };
  const workers = async () => {
    let left = runs;
    let events = 0;
    const worker = async () => {
      while (left-- > 0) {
        const counted = await bare();
        events += counted;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    expectCount("bare runs' events", events, runs * eventsEach);
  };
  const { perSecond, cpuMicros } = await interleave(
    rounds,
    () => timed(runs, workers),
    () => timed(runs, engine),
  );
  return [figure(name, "runs/s", perSecond), figure(`${name}/cpu`, "µs of client CPU/run", cpuMicros)];
}

/** Delivers messages in batches, with as many runs at once as the floor has calls. */
export async function invokeAll(app: CountingApp, messages: readonly WakeMessage[]): Promise<void> {
  const batches = Array.from({ length: messages.length / perBatch }, (_, i) =>
    messages.slice(i * perBatch, (i + 1) * perBatch),
  );
  const limiter = new Limiter(atOnce / perBatch);
  await Promise.all(batches.map((batch) => limiter.run(() => app.invoke(batch))));
}
