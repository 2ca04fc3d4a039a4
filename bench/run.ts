import { createInterface } from "node:readline";
import { connectUpstream } from "../functions/upstream/connection.ts";
import { Limiter } from "../functions/upstream/limiter.ts";
import type { WakeMessage } from "../functions/wake/wake.ts";
import { type Child, startRole } from "./child.ts";
import { CountingApp } from "./engine.ts";
import { startEventServer } from "./event-server.ts";
import { countWithBareLoop, expectCount } from "./floor.ts";
import { type Figure, figure, interleave, timed } from "./measure.ts";
import { repoId } from "./repo-id.ts";

const repos = 1_000;
const perBatch = 10;
/** Concurrent runs, and concurrent calls of the floor. */
const atOnce = 20;
/** Number of wakes of each repo in one sample. */
const sweeps = 3;
const iterations = 9;
/** Coprime to the number of repos, so that no repo gets the same event twice in a row. */
const differentCalls = 1_009;

export const repoIds = Array.from({ length: repos }, (_, i) => repoId(i));

/**
 * Short runs: a signal wakes each; it opens its stream, reads no event or one, and commits. They and the floor run in
 * separate processes, so that garbage collection of one does not affect the other.
 */
export async function measureRuns(name: string, eventsEach: 0 | 1): Promise<readonly Figure[]> {
  const server = await startEventServer({ events: eventsEach, perMessage: 1, calls: differentCalls });
  const start = (side: Side) => startRole("run-shortly", [side, server.url, eventsEach]);
  const [bare, engine] = [start("bare"), start("engine")];
  try {
    return await figuresOf(name, { bare: () => sampleOf(bare), engine: () => sampleOf(engine) });
  } finally {
    await Promise.all([bare.end(), engine.end()]);
    await server.child.end();
  }
}

async function sampleOf(child: Child): Promise<Sample> {
  child.tell("again");
  return JSON.parse(await child.line());
}

/** The role of those processes: for each line of input, takes a sample of its side and prints it. */
export async function runShortly([side = "", url = "", eventsEach = ""]: readonly string[]): Promise<void> {
  const connection = connectUpstream({ baseUrl: url, protocol: "grpc" });
  const app = new CountingApp(connection, "events");
  for (const id of repoIds) await app.start(id);
  app.alarms.take();
  const messages = repoIds.map((entity) => ({ class: "signal", entity, kind: "repo" }) as const);
  const bare = () => countWithBareLoop(connection);
  const sides = sidesOf({ app, messages, sweeps, eventsEach: Number(eventsEach), bare });
  for await (const _ of createInterface(process.stdin)) {
    process.stdout.write(`${JSON.stringify(await sides[side as Side]())}\n`);
  }
}

type Side = "bare" | "engine";
type Sample = Awaited<ReturnType<typeof timed>>;

export interface ComparedRuns {
  readonly app: CountingApp;
  /** Each message causes a run. */
  readonly messages: readonly WakeMessage[];
  /** Number of times that they are delivered in one sample. */
  readonly sweeps: number;
  readonly eventsEach: number;
  /** The floor of one run; resolves to its number of events. */
  bare(): Promise<number>;
}

/** The app's runs in batches, and as many bare ones with the same concurrency: their rate, and this process's CPU. */
export function sidesOf(compared: ComparedRuns): Readonly<Record<Side, () => Promise<Sample>>> {
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
  return { bare: () => timed(runs, workers), engine: () => timed(runs, engine) };
}

export async function figuresOf(
  name: string,
  { bare, engine }: Readonly<Record<Side, () => Promise<Sample>>>,
): Promise<readonly Figure[]> {
  const { perSecond, cpuMicros } = await interleave(iterations, bare, engine);
  return [figure(name, "runs/s", perSecond), figure(`${name}/cpu`, "µs of client CPU/run", cpuMicros)];
}

/** Delivers messages in batches, with the same concurrency as the floor. */
export async function invokeAll(app: CountingApp, messages: readonly WakeMessage[]): Promise<void> {
  const batches = Array.from({ length: messages.length / perBatch }, (_, i) =>
    messages.slice(i * perBatch, (i + 1) * perBatch),
  );
  const limiter = new Limiter(atOnce / perBatch);
  await Promise.all(batches.map((batch) => limiter.run(() => app.invoke(batch))));
}
