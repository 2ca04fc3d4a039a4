import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { systemClock } from "../functions/foundation/clock.ts";
import { readLeader } from "../functions/leaders/leadership.ts";
import type { ControlStore } from "../functions/tasks/control.ts";
import { connectUpstream, type UpstreamConnection } from "../functions/upstream/connection.ts";
import { lockDirectory } from "./data-lock.ts";
import { startDatabase } from "./database.ts";
import { type FunctionOptions, type Platform, startPlatform } from "./platform.ts";
import { startUpstream, type Upstream } from "./upstream/server.ts";

export interface RuntimeOptions extends FunctionOptions {
  /** Directory for tails and journal; in memory if absent. */
  readonly data: string | undefined;
  /** Fills the journal before the functions start. */
  readonly seed: (upstream: Upstream) => void;
  /** Called before the functions start. */
  readonly beforeFunctions?: (nog: UpstreamConnection) => Promise<void>;
}

export interface Runtime extends Omit<Platform, "control"> {
  readonly nog: UpstreamConnection;
  readonly upstream: Upstream;
  /** Writes to the table since the start. */
  readonly writes: number;
}

/** Maximum wait for the leader of the signals. */
const leaderStartMs = 20_000;
const leaderPollMs = 20;

/** Starts everything on this machine: the servers, then the functions. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { data } = options;
  const closing: (() => unknown)[] = [];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    if (data !== undefined) {
      const lock = await lockDirectory(data);
      closing.push(() => lock.release());
    }
    // Only the functions of this start have the token: another user of this machine cannot read the streams.
    const token = randomBytes(24).toString("hex");
    const upstream = await startUpstream({ token, ...(data === undefined ? {} : { dataDir: join(data, "journal") }) });
    closing.push(() => upstream.close());
    options.seed(upstream);
    const nog = connectUpstream({ baseUrl: upstream.grpcUrl, protocol: "grpc", authorization: async () => token });
    closing.push(() => nog.close());
    await options.beforeFunctions?.(nog);
    const database = await startDatabase(data === undefined ? undefined : join(data, "tasks"));
    closing.push(() => database.close());
    const { grpcUrl } = upstream;
    const platform = await startPlatform({ ...options, databaseUrl: database.url, upstream: { grpcUrl, token } });
    closing.push(() => platform.close());
    if (options.engine === "lazy") await untilSignalsLed(platform.control, upstream);
    const { lambda, aws, environment, restarted, earlierRuns, tasks } = platform;
    return {
      ...{ nog, upstream, lambda, aws, environment, restarted, earlierRuns, tasks, close },
      get writes() {
        return database.writes;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Waits until the signals have a leader: only its sweeps would find what is committed before it has subscribed. */
async function untilSignalsLed(control: ControlStore, upstream: Upstream): Promise<void> {
  const end = systemClock.now() + leaderStartMs;
  while (systemClock.now() < end) {
    const { state } = await readLeader(control, "signals");
    if (state && state.aliveUntil > systemClock.now() && upstream.openCalls > 0) return;
    await systemClock.sleep(leaderPollMs);
  }
}
