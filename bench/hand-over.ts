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

/** Each has a table of its own, and in it a chain of leaders for each place. */
const apps = 4;
const tasksOfApp = 10;
const handOvers = 12;
/** How long an invocation may take. A leader's own work is three fifths of it, and its successor is there for the last fifth of that. */
const invocationMs = 5_000;
/** The start of a function, which takes its time while its predecessor is at work. */
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

/** When a leader's streams were open, in milliseconds. */
interface Held {
  opened: number | undefined;
  closed: number;
}

/**
 * From a leader's last stream to its successor's first one, at the real handlers and a database of this machine, whose
 * invocations are seconds long instead of minutes. The floor: one claim of a place, a read and a write.
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
      return [eagerLeader(0, 1), "signals" as const].map(async (place) => {
        // Not all at the same moment.
        await sleep((app * invocationMs) / 2 / apps);
        if (place !== "signals") await startTasks(appOf, app, upstream);
        gaps[place === "signals" ? "signals" : "eager"].push(
          ...gapsOf(await leadersOf(place, appOf, upstream.grpcUrl)),
        );
      });
    });
    await Promise.all(chains);
    measured.abort();
    const floors = await claims;
    return (["eager", "signals"] as const).flatMap((place) =>
      [50, 99].map((percent) =>
        figure(`${name}/${place}/p${percent}`, "ms", {
          value: percentile(gaps[place], percent),
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

/** Leaders of a place, each started by the one before it. Resolves to when their streams were open. */
async function leadersOf(place: LeaderName, appOf: AppOf, baseUrl: string): Promise<readonly Held[]> {
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
    const ports = appOf(observed(connection, held, place), wakes);
    const context = { getRemainingTimeInMillis: () => invocationMs, awsRequestId: "bench" };
    leaders.push(held);
    const detail = { holder: place };
    const hold = async () =>
      place === "signals"
        ? signalsHandler(ports, {}, context)
        : eagerHandler(ports, { source: wakeSource, "detail-type": detailTypes.holdEager, detail }, context);
    return hold().finally(() => connection.close());
  };
  running.push(start());
  // Each of them starts the next one before it ends.
  for (let i = 0; i < running.length; i++) await running[i];
  if (leaders.length !== handOvers + 1)
    throw new Error(`${place}: expected ${handOvers} hand-overs, saw ${leaders.length - 1}`);
  return leaders;
}

/**
 * A connection that notes when its first stream was there, and when the last one ended. The server says nothing on a
 * stream of signals before the first one: that is there when it has been asked for.
 */
function observed(connection: UpstreamConnection, held: Held, place: LeaderName): UpstreamConnection {
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
        const response = place === "signals" ? answered : await answered;
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
