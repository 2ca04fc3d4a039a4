import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type Clock, systemClock } from "../../functions/foundation/clock.ts";
import { Access, type AccessOptions } from "./access.ts";
import { Calls } from "./calls.ts";
import { createDomain } from "./domain.ts";
import { Journal } from "./journal.ts";
import { listenHttp1, listenHttp2 } from "./listener.ts";
import { routes } from "./routes.ts";
import { Seed } from "./seed.ts";
import type { SignalLoss } from "./signal-set.ts";

export interface UpstreamOptions extends AccessOptions {
  /** Clock of event ids and heartbeats; the system's if absent. */
  readonly clock?: Clock;
  /** Port for gRPC; default 0, any free port. The host is always 127.0.0.1. */
  readonly port?: number;
  /** Port for Connect and gRPC-Web; default 0, any free port. */
  readonly webPort?: number;
  /** Directory of the journal; in memory if absent. Only one process at a time may use it. */
  readonly dataDir?: string;
  /** Events per stream message; default 1, as in nog. */
  readonly eventsPerMessage?: number;
  /** Default "none". */
  readonly signalLoss?: SignalLoss;
  /** Interval of the empty messages of an idle watch, in milliseconds; default 10,000. */
  readonly heartbeatMs?: number;
}

/** A running upstream. */
export interface Upstream {
  /** gRPC over HTTP/2 cleartext. */
  readonly grpcUrl: string;
  /** Connect and gRPC-Web over HTTP/1.1. */
  readonly webUrl: string;
  /** Fills the journal in process. */
  readonly seed: Seed;
  readonly journal: Journal;
  /** Streams and waiting calls that have not ended. */
  readonly openCalls: number;
  /** Ends open streams with Unavailable "shutdown", then closes ports, connections and journal. Idempotent. */
  close(): Promise<void>;
}

/** Starts an upstream. Throws a `JournalCorruptError`, or an error of binding the ports. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const { clock = systemClock, eventsPerMessage = 1, heartbeatMs = 10_000, signalLoss = "none" } = options;
  if (!Number.isInteger(eventsPerMessage) || eventsPerMessage < 1) {
    throw new Error(`eventsPerMessage: expected a positive integer, received ${eventsPerMessage}`);
  }
  const journal = Journal.open(options.dataDir);
  const domain = createDomain(journal, clock);
  const calls = new Calls();
  const access = new Access(options);
  const handler = connectNodeAdapter({
    // Compression costs a local server more than it gains.
    acceptCompression: [],
    routes: routes({ domain, calls, access, eventsPerMessage, heartbeatMs, signalLoss }),
  });
  const [grpc, web] = await listenBoth(handler, options).catch((error) => {
    journal.close();
    throw error;
  });

  let closing: Promise<void> | undefined;
  return {
    grpcUrl: grpc.url,
    webUrl: web.url,
    seed: new Seed(domain),
    journal,
    get openCalls() {
      return calls.open;
    },
    close() {
      closing ??= close();
      return closing;
    },
  };

  async function close(): Promise<void> {
    calls.shutdown();
    await Promise.all([grpc.close(), web.close()]);
    journal.close();
  }
}

async function listenBoth(handler: ReturnType<typeof connectNodeAdapter>, ports: UpstreamOptions) {
  const grpc = await listenHttp2(handler, ports.port ?? 0);
  try {
    return [grpc, await listenHttp1(handler, ports.webPort ?? 0)] as const;
  } catch (error) {
    await grpc.close();
    throw error;
  }
}
