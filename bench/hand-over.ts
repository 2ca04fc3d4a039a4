import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { defineProcessor } from "../functions/contract/activity.ts";
import { caughtUp } from "../functions/contract/outcome.ts";
import { eager } from "../functions/engines/binding.ts";
import type { Ports } from "../functions/engines/ports.ts";
import { systemClock } from "../functions/foundation/clock.ts";
import { jsonLogger } from "../functions/foundation/logger.ts";
import { eagerHandler, signalsHandler } from "../functions/lambda/leader-event.ts";
import { Leadership } from "../functions/leaders/leadership.ts";
import { liveBroadcast, repo, uuidBytes } from "../functions/nog/index.ts";
import { startTask } from "../functions/run/start.ts";
import { DynamoTaskStore } from "../functions/tasks/dynamodb.ts";
import { DynamoControlStore } from "../functions/tasks/dynamodb-control.ts";
import { memoryPorts } from "../functions/testing/memory-ports.ts";
import { connectUpstream, type UpstreamConnection } from "../functions/upstream/connection.ts";
import { eagerLeader, type LeaderName } from "../functions/wake/leader-name.ts";
import { MemoryAlarms } from "../functions/wake/memory.ts";
import { detailTypes, wakeSource } from "../functions/wake/wake.ts";
import { createTaskTable } from "../local/database.ts";
import { startUpstream } from "../local/upstream/server.ts";
import { startRole } from "./child.ts";
import { type Figure, figure, percentile } from "./measure.ts";
import { repoId } from "./repo-id.ts";

/** Each app has its own table, and a chain of leaders for each leadership. */
const apps = 4;
const tasksOfApp = 10;
const handOvers = 12;
/**
 * Duration of an invocation. A leader leads for three fifths of it, and its successor runs during the last fifth of
 * that.
 */
const invocationMs = 5_000;
/** Start time of a function, while its predecessor is active. */
const startMs = 200;
const betweenClaimsMs = 100;

const activity = defineProcessor(repo, {
  name: "count-events",
  async processEvents(run, stream) {
    let { tail } = run;
    for await (const { id } of stream) tail = id;
    return caughtUp(tail);
  },
});

/** The times at which a leader's streams were open, in milliseconds. */
interface Held {
  opened: number | undefined;
  closed: number;
}

/**
 * The time from a leader's last stream to its successor's first one, with the real handlers and a local database;
 * invocations last seconds instead of minutes. The floor is one claim of a leadership: a read and a write.
 */
export async function measureHandOver(name: string): Promise<readonly Figure[]> {
  const database = startRole("serve-database", []);
  const upstream = await startUpstream();
  const credentials = { accessKeyId: "bench", secretAccessKey: "bench" };
  const dynamo = new DynamoDBClient({ endpoint: await database.line(), region: "us-east-1", credentials });
  try {
    upstream.seed.initRegistry("bench");
    upstream.seed.initRoot("bench", { globalRoot: "/bench", host: "localhost", hostRoot: "/bench" });
    const tables = Array.from({ length: apps }, (_, app) => `tasks-${app}`);
    for (const table of tables) await createTaskTable(dynamo, table);
    const measured = new AbortController();
    const claims = claimOften(new DynamoControlStore(dynamo, "tasks-0"), measured.signal);
    const gaps = { eager: [] as number[], signals: [] as number[] };
    const chains = tables.flatMap((table, app) => {
      const appOf = (connection: UpstreamConnection, alarms: MemoryAlarms) =>
        memoryPorts({
          activities: [eager(activity)],
          signalSources: [liveBroadcast],
          store: new DynamoTaskStore(dynamo, table),
          control: new DynamoControlStore(dynamo, table),
          clock: systemClock,
          log: jsonLogger(() => {}),
          random: Math.random,
          newToken: () => randomUUID(),
          upstream: connection,
          alarms,
        });
      return [eagerLeader(0, 1), "signals" as const].map(async (leadership) => {
        // Spread the apps over time.
        await sleep((app * invocationMs) / 2 / apps);
        if (leadership !== "signals") await startTasks(appOf, app, upstream);
        gaps[leadership === "signals" ? "signals" : "eager"].push(
          ...gapsOf(await leadersOf(leadership, appOf, upstream.grpcUrl)),
        );
      });
    });
    await Promise.all(chains);
    measured.abort();
    const floors = await claims;
    return (["eager", "signals"] as const).flatMap((leadership) =>
      [50, 99].map((percent) =>
        figure(`${name}/${leadership}/p${percent}`, "ms", {
          value: percentile(gaps[leadership], percent),
          floor: percentile(floors, percent),
        }),
      ),
    );
  } finally {
    dynamo.destroy();
    await Promise.all([upstream.close(), database.end()]);
  }
}

type AppOf = (connection: UpstreamConnection, alarms: MemoryAlarms) => Ports;

async function startTasks(appOf: AppOf, app: number, { grpcUrl, seed }: Awaited<ReturnType<typeof startUpstream>>) {
  const connection = connectUpstream({ baseUrl: grpcUrl, protocol: "grpc" });
  const ports = appOf(connection, new MemoryAlarms(systemClock));
  for (let i = 0; i < tasksOfApp; i++) {
    const id = repoId(app * tasksOfApp + i);
    seed.initRepo("bench", { globalPath: `/bench/${id}`, repoId: uuidBytes(id, "repoId") });
    await startTask(ports, activity, { repoId: id });
  }
  connection.close();
}

/** Runs a chain of leaders, each started by its predecessor. Resolves to the times when their streams were open. */
async function leadersOf(leadership: LeaderName, appOf: AppOf, baseUrl: string): Promise<readonly Held[]> {
  const leaders: Held[] = [];
  const running: Promise<unknown>[] = [];
  const start = (): Promise<unknown> => {
    const held: Held = { opened: undefined, closed: 0 };
    const connection = connectUpstream({ baseUrl, protocol: "grpc" });
    const wakes = new (class extends MemoryAlarms {
      override async startLeader(): Promise<void> {
        if (leaders.length <= handOvers) running.push(sleep(startMs).then(start));
      }
    })(systemClock);
    const ports = appOf(observed(connection, held, leadership), wakes);
    const context = { getRemainingTimeInMillis: () => invocationMs, awsRequestId: "bench" };
    leaders.push(held);
    const detail = { holder: leadership };
    const lead = async () =>
      leadership === "signals"
        ? signalsHandler(ports, {}, context)
        : eagerHandler(ports, { source: wakeSource, "detail-type": detailTypes.holdEager, detail }, context);
    return lead().finally(() => connection.close());
  };
  running.push(start());
  // Each of them starts its successor before it ends.
  for (let i = 0; i < running.length; i++) await running[i];
  if (leaders.length !== handOvers + 1)
    throw new Error(`${leadership}: expected ${handOvers} hand-overs, saw ${leaders.length - 1}`);
  return leaders;
}

/**
 * A connection that records when its first stream opened and its last one ended. A server sends nothing on a stream of
 * signals before the first one, so that stream counts as open when it is requested.
 */
function observed(connection: UpstreamConnection, held: Held, leadership: LeaderName): UpstreamConnection {
  const { unary, stream } = connection.transport;
  return {
    ...connection,
    transport: {
      unary,
      stream: async (method, signal, ...rest) => {
        signal?.addEventListener("abort", () => {
          held.closed = performance.now();
        });
        const answered = stream(method, signal, ...rest);
        const response = leadership === "signals" ? answered : await answered;
        held.opened ??= performance.now();
        return response;
      },
    },
  };
}

function gapsOf(leaders: readonly Held[]): number[] {
  return leaders.slice(1).map(({ opened }, i) => {
    const before = leaders[i];
    if (opened === undefined || !before) throw new Error("a leader opened no stream");
    return Math.max(0, opened - before.closed);
  });
}

async function claimOften(control: DynamoControlStore, signal: AbortSignal): Promise<readonly number[]> {
  const times: number[] = [];
  while (!signal.aborted) {
    const began = performance.now();
    await Leadership.claim({ control, clock: systemClock }, eagerLeader(0, 99), randomUUID(), () => true);
    times.push(performance.now() - began);
    await sleep(betweenClaimsMs);
  }
  return times;
}
