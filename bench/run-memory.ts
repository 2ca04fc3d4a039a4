import { connectUpstream } from "../functions/upstream/connection.ts";
import { Limiter } from "../functions/upstream/limiter.ts";
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
const runs = repos * sweeps;
const rounds = 9;
/** Prime to the repos: no repo gets the same event twice in a row. */
const differentCalls = 1_009;

/** Short runs: each is woken by a signal, opens its stream, reads one event and commits. */
export async function measureRuns(name: string): Promise<readonly Figure[]> {
  const { url, child } = await startEventServer({ events: 1, perMessage: 1, calls: differentCalls });
  const connection = connectUpstream({ baseUrl: url, protocol: "grpc" });
  try {
    const app = new CountingApp(connection, "events");
    const ids = Array.from({ length: repos }, (_, i) => repoId(i));
    for (const id of ids) await app.start(id);
    app.wakes.take();
    const batches = Array.from({ length: repos / perBatch }, (_, i) =>
      ids.slice(i * perBatch, (i + 1) * perBatch).map((entity) => ({ class: "signal", entity, kind: "repo" }) as const),
    );
    const engine = async () => {
      const before = app.runs;
      const queue = Array.from({ length: sweeps }, () => batches).flat();
      const limiter = new Limiter(atOnce / perBatch);
      await Promise.all(queue.map((batch) => limiter.run(() => app.invoke(batch))));
      expectCount("runs", app.runs - before, runs);
    };
    const bare = async () => {
      let left = runs;
      let events = 0;
      const worker = async () => {
        while (left-- > 0) {
          const counted = await countWithBareLoop(connection);
          events += counted;
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      expectCount("bare calls", events, runs);
    };
    const { perSecond, cpuMicros } = await interleave(
      rounds,
      () => timed(runs, bare),
      () => timed(runs, engine),
    );
    return [figure(name, "runs/s", perSecond), figure(`${name}/cpu`, "µs of client CPU/run", cpuMicros)];
  } finally {
    connection.close();
    await child.end();
  }
}
