import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { RepoEvent_Type } from "../functions/nog/gen/nogfso/repos_pb.ts";
import { uuidBytes } from "../functions/nog/index.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { startUpstream, type Upstream } from "../local/upstream/server.ts";
import { sequence } from "../proof/torture/sequence.ts";
import { startRole } from "./child.ts";
import { expectCount } from "./floor.ts";
import { bundleLatencyApp } from "./latency-bundle.ts";
import { Arrivals, eventText, repoIds } from "./latency-events.ts";
import { type Figure, figure } from "./measure.ts";

/** The bundle is in .build/bench. */
const project = fileURLToPath(new URL("../..", import.meta.url));
const registry = "bench";
/** An iteration has one event for each repo; the first iteration is not counted. */
const iterations = 9;
/** 25 events per second on average. */
const maxGapMs = 80;
const readyMs = 20_000;
const lastEventMs = 10_000;
/** Pause after an iteration, so that its work ends before the next one. */
const quietMs = 200;

/** An upstream, and the arrivals of its events. */
interface Side {
  readonly name: string;
  readonly upstream: Upstream;
  readonly arrivals: Arrivals;
}

/**
 * The latency from an event's commit to an activity through everything that `npm start` starts, alternating with a bare
 * watch of a similar server in the same process.
 */
export async function measureLatency(name: string, engine: "lazy" | "eager"): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "tailwake-bench-"));
  const closing: (() => Promise<void>)[] = [];
  const failures: string[] = [];
  try {
    const floor = await startFloor(closing);
    await bundleLatencyApp(project, folder);
    const arrivals = new Arrivals();
    const runtime = await startRuntime({
      bootstrapPath: join(folder, "bootstrap.mjs"),
      functionsFolder: join(folder, "functions"),
      data: undefined,
      registry,
      engine,
      seed,
      onLog: (_, line) => arrivals.read(line),
      onFailure: (message) => failures.push(message),
    });
    closing.push(() => runtime.close());
    await allWatching(floor.upstream, runtime, engine);
    const ours: Side = { name: engine, upstream: runtime.upstream, arrivals };
    const random = sequence(1);
    for (let iteration = 0; iteration < iterations; iteration++)
      for (const side of [floor, ours]) await commitEvents(side, iteration, random);
    if (failures.length > 0) throw new Error(failures.join("\n"));
    const first = repoIds.length;
    return ([50, 99] as const).map((percent) =>
      figure(`${name}/p${percent}`, "ms", {
        value: arrivals.percentile(percent, first),
        floor: floor.arrivals.percentile(percent, first),
      }),
    );
  } finally {
    for (const close of closing.reverse()) await close();
    rmSync(folder, { recursive: true });
  }
}

/** A separate server, so that the work for signals does not slow down the floor. */
async function startFloor(closing: (() => Promise<void>)[]): Promise<Side> {
  const upstream = await startUpstream();
  closing.push(() => upstream.close());
  seed(upstream);
  const watcher = startRole("watch-arrivals", [upstream.grpcUrl]);
  closing.push(() => watcher.end());
  const arrivals = new Arrivals();
  const read = async () => {
    for (;;) arrivals.read(await watcher.line());
  };
  // The reader ends with its process.
  read().catch(() => {});
  return { name: "floor", upstream, arrivals };
}

function seed({ seed }: Upstream): void {
  seed.initRegistry(registry);
  seed.initRoot(registry, { globalRoot: "/bench", host: "localhost", hostRoot: "/bench" });
  for (const id of repoIds) {
    seed.initRepo(registry, { globalPath: `/bench/${id}`, repoId: uuidBytes(id, "repoId") });
  }
}

/** Waits until all tasks have caught up and all streams are open: those of the floor, and of the signals or tasks. */
async function allWatching(floor: Upstream, runtime: Runtime, engine: "lazy" | "eager"): Promise<void> {
  const [status, streams] = engine === "lazy" ? ["sleeping", 1] : ["running", repoIds.length];
  let tasks = 0;
  const areAll = await until(async () => {
    tasks = (await runtime.tasks()).filter((task) => task.status === status).length;
    const open = floor.openCalls === repoIds.length && runtime.upstream.openCalls === streams;
    return open && tasks === repoIds.length;
  }, readyMs);
  if (areAll) return;
  const { openCalls } = runtime.upstream;
  throw new Error(`not ready: ${tasks} tasks ${status}, ${openCalls} streams open, ${floor.openCalls} of the floor`);
}

/** Commits at irregular intervals: at regular ones all events would arrive at the same phase of a cycle. */
async function commitEvents(
  { name, upstream, arrivals }: Side,
  iteration: number,
  random: () => number,
): Promise<void> {
  let at = performance.now();
  for (const [i, repoId] of repoIds.entries()) {
    at += maxGapMs * random();
    await sleep(Math.max(0, at - performance.now()));
    const fsoRepoErrorMessage = eventText(iteration * repoIds.length + i);
    upstream.seed.appendRepoEvents(uuidBytes(repoId, "repoId"), [
      { event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage },
    ]);
  }
  const committed = (iteration + 1) * repoIds.length;
  await until(() => arrivals.count === committed, lastEventMs);
  expectCount(`events that ${name} saw`, arrivals.count, committed);
  await sleep(quietMs);
}

async function until(holds: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > end) return false;
    await sleep(20);
  }
  return true;
}
