import { connectUpstream } from "../functions/upstream/connection.ts";
import { startRole } from "./child.ts";
import { countWithEngine, type Reading } from "./engine.ts";
import { startEventServer } from "./event-server.ts";
import { countWithBareLoop, expectCount } from "./floor.ts";
import { type Figure, figure, interleave, timed } from "./measure.ts";
import { RawClient } from "./raw-floor.ts";

const events = 200_000;
const rounds = 15;

/** One run that drains one long stream over gRPC, against nothing but HTTP/2 and the decoding of its messages. */
export async function measureRawDrain(
  name: string,
  perMessage: number,
  reading: Reading,
  roundTripMs = 0,
): Promise<Figure> {
  const server = await startEventServer({ events, perMessage, calls: 1 });
  const far = roundTripMs > 0 ? startRole("delay-proxy", [server.url, roundTripMs / 2]) : undefined;
  const url = far ? await far.line() : server.url;
  const raw = new RawClient(url);
  const connection = connectUpstream({ baseUrl: url, protocol: "grpc" });
  try {
    const { perSecond } = await interleave(
      rounds,
      () => timed(events, async () => expectCount("raw", await raw.count(), events)),
      () => timed(events, async () => expectCount("engine", await countWithEngine(connection, reading), events)),
    );
    return figure(name, "events/s", perSecond);
  } finally {
    raw.close();
    connection.close();
    await far?.end();
    await server.child.end();
  }
}

/** One run that drains one long stream, against the bare loop on a connection of its own. */
export async function measureDrain(name: string, perMessage: number, reading: Reading): Promise<Figure> {
  const { url, child } = await startEventServer({ events, perMessage, calls: 1 });
  const [forFloor, forEngine] = [url, url].map((baseUrl) => connectUpstream({ baseUrl, protocol: "grpc" }));
  try {
    if (!forFloor || !forEngine) throw new Error("no connections");
    const { perSecond } = await interleave(
      rounds,
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
