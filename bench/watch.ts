import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { defineProcessor } from "../functions/contract/activity.ts";
import { caughtUp } from "../functions/contract/outcome.ts";
import { eager } from "../functions/engines/binding.ts";
import { systemClock } from "../functions/foundation/clock.ts";
import { jsonLogger } from "../functions/foundation/logger.ts";
import { openInvocation } from "../functions/lambda/invocation.ts";
import { leadEagerShard } from "../functions/leaders/eager-shard.ts";
import { Repos } from "../functions/nog/gen/nogfso/repos_pb.ts";
import { repo, uuidBytes } from "../functions/nog/index.ts";
import { startTask } from "../functions/run/start.ts";
import { memoryPorts } from "../functions/testing/memory-ports.ts";
import { connectUpstream, type UpstreamConnection } from "../functions/upstream/connection.ts";

/**
 * A connection for more streams than Node's client supports by default: from about 9,500 on it refuses some. An app's
 * own limit is 5,000 (TAILWAKE_EAGER_WATCHES).
 */
export function connectForMany(baseUrl: string): UpstreamConnection {
  const sessionManager = new Http2SessionManager(baseUrl, undefined, { maxSessionMemory: 1024 });
  const transport = createGrpcTransport({ baseUrl, sessionManager, acceptCompression: [] });
  return { ...connectUpstream({ baseUrl, protocol: "grpc" }), transport };
}

/** Streams that are watched for the life of the process. */
export interface Watchers {
  /** Number of streams read up to the head. */
  readonly atHead: number;
  readonly events: number;
}

/** The floor: connect's own client with a loop for each stream. */
export function watchBare({ transport }: UpstreamConnection, repoIds: readonly string[]): Watchers {
  const watchers = { atHead: 0, events: 0 };
  const client = createClient(Repos, transport);
  const watch = async (repoId: string) => {
    let atHead = false;
    for await (const { events, willBlock } of client.events({ repo: uuidBytes(repoId, "repoId"), watch: true })) {
      watchers.events += events.length;
      if (willBlock && !atHead) watchers.atHead++;
      atHead ||= willBlock;
    }
    throw new Error(`the stream of ${repoId} ended`);
  };
  for (const repoId of repoIds) void watch(repoId);
  return watchers;
}

/** One leader with all the tasks and a table in memory. */
export async function watchWithEngine(upstream: UpstreamConnection, repoIds: readonly string[]): Promise<Watchers> {
  const watchers = { atHead: 0, events: 0 };
  const activity = defineProcessor(repo, {
    name: "count-events",
    async processEvents(run, stream) {
      let { tail } = run;
      for await (const { id } of stream) {
        watchers.events++;
        tail = id;
      }
      if (tail === run.tail) watchers.atHead++;
      return caughtUp(tail);
    },
  });
  const ports = memoryPorts({
    activities: [eager(activity)],
    clock: systemClock,
    log: jsonLogger(() => {}),
    random: Math.random,
    newToken: () => randomUUID(),
    upstream,
    limits: { eagerWatches: repoIds.length },
  });
  for (const repoId of repoIds) await startTask(ports, activity, { repoId });
  const invocation = openInvocation(ports, 900_000);
  void leadEagerShard(ports, { shard: 0, shards: 1 }, invocation).finally(() => invocation.end());
  return watchers;
}
