import { connectUpstream } from "../functions/upstream/connection.ts";
import { startRole } from "./child.ts";
import { CountingApp } from "./engine.ts";
import { startEventServer } from "./event-server.ts";
import { expectCount } from "./floor.ts";
import { type Figure, figure } from "./measure.ts";
import { repoId } from "./repo-id.ts";
import { residentBytes } from "./resident.ts";

const repos = 1_000;
const perRun = 100;
const perMessage = 10;
const perBatch = 10;
const events = 1_000_000;
/** Events before the second half. */
const half = events / 2;

/**
 * The memory of a process of the lazy function after a million events in runs of a hundred, compared with half of them:
 * live objects and resident memory.
 */
export async function measureLazyMemory(name: string): Promise<readonly Figure[]> {
  const { url, child } = await startEventServer({ events: perRun, perMessage, calls: 1_009 });
  const drainer = startRole("run-lazily", [url], ["--expose-gc"]);
  try {
    const { floor, value, counted } = JSON.parse(await drainer.line());
    expectCount(name, counted, events);
    return [
      figure(`${name}/live`, "MB", { value: value.live, floor: floor.live }),
      figure(name, "MB", { value: value.resident, floor: floor.resident }),
    ];
  } finally {
    await drainer.end();
    await child.end();
  }
}

/** The role of that process: prints its memory after the first half and after all events. */
export async function runLazily([baseUrl = ""]: readonly string[]): Promise<void> {
  const connection = connectUpstream({ baseUrl, protocol: "grpc" });
  const app = new CountingApp(connection, "events");
  const ids = Array.from({ length: repos }, (_, i) => repoId(i));
  for (const id of ids) await app.start(id);
  app.alarms.take();
  const drainUntil = async (count: number) => {
    for (let next = 0; app.counted < count; next = (next + perBatch) % repos) {
      const batch = ids.slice(next, next + perBatch);
      await app.invoke(batch.map((entity) => ({ class: "signal", entity, kind: "repo" })));
    }
    return heldMegabytes();
  };
  const floor = await drainUntil(half);
  const value = await drainUntil(events);
  connection.close();
  process.stdout.write(`${JSON.stringify({ floor, value, counted: app.counted })}\n`);
}

async function heldMegabytes(): Promise<{ readonly live: number; readonly resident: number }> {
  const resident = await residentBytes();
  const { heapUsed, external } = process.memoryUsage();
  return { live: (heapUsed + external) / 2 ** 20, resident: resident / 2 ** 20 };
}
