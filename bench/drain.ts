import { connectUpstream } from "../functions/upstream/connection.ts";
import { startRole } from "./child.ts";
import { countWithEngine, type Reading } from "./engine.ts";
import { type Protocol, startEventServer } from "./event-server.ts";
import { countWithBareLoop, expectCount } from "./floor.ts";
import { type Figure, figure, interleave, timed } from "./measure.ts";
import { rawClient } from "./raw-floor.ts";

const events = 200_000;
const iterations = 15;
/** Events of all streams together: enough that the cost of starting and ending runs does not matter. */
const eventsOfMany = 1_000_000;

export interface RawDrain {
  readonly protocol: Protocol;
  readonly perMessage: number;
  readonly reading: Reading;
  /** Number of concurrent streams, which share the events; default 1. */
  readonly streams?: number;
  readonly roundTripMs?: number;
}

/** Runs that drain long streams, compared with plain HTTP and decoding of the messages. */
export async function measureRawDrain(name: string, drain: RawDrain): Promise<readonly Figure[]> {
  const { protocol, perMessage, reading, streams = 1, roundTripMs = 0 } = drain;
  const total = streams === 1 ? events : eventsOfMany;
  const server = await startEventServer({ events: total / streams, perMessage, calls: 1, protocol });
  const far = roundTripMs > 0 ? startRole("delay-proxy", [server.url, roundTripMs / 2]) : undefined;
  const url = far ? await far.line() : server.url;
  const raw = rawClient(url, protocol);
  const connection = connectUpstream({ baseUrl: url, protocol });
  const countRaw = async () => {
    const counts = await Promise.all(Array.from({ length: streams }, () => raw.count()));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  try {
    const { perSecond, cpuMicros } = await interleave(
      iterations,
      () => timed(total, async () => expectCount("raw", await countRaw(), total)),
      () => timed(total, async () => expectCount("engine", await countWithEngine(connection, reading, streams), total)),
    );
    return [figure(name, "events/s", perSecond), figure(`${name}/cpu`, "µs of client CPU/event", cpuMicros)];
  } finally {
    raw.close();
    connection.close();
    await far?.end();
    await server.child.end();
  }
}

/** One run that drains one long stream, compared with the bare loop on a separate connection. */
export async function measureDrain(name: string, perMessage: number, reading: Reading): Promise<Figure> {
  const { url, child } = await startEventServer({ events, perMessage, calls: 1 });
  const [forFloor, forEngine] = [url, url].map((baseUrl) => connectUpstream({ baseUrl, protocol: "grpc" }));
  try {
    if (!forFloor || !forEngine) throw new Error("no connections");
    const { perSecond } = await interleave(
      iterations,
      () => timed(events, async () => expectCount("bare loop", await countWithBareLoop(forFloor), events)),
      () => timed(events, async () => expectCount("engine", await countWithEngine(forEngine, reading), events)),
    );
    return figure(name, "events/s", perSecond);
  } finally {
    forFloor?.close();
    forEngine?.close();
    await child.end();
  }
}
