import { connectUpstream } from "../functions/upstream/connection.ts";
import { startRole } from "./child.ts";
import { startEventServer } from "./event-server.ts";
import { expectCount } from "./floor.ts";
import { type Figure, figure, interleave } from "./measure.ts";

const events = 200_000;
const iterations = 7;

/** The peak memory of a process that drains one long stream, in a new process each time. */
export async function measureMemory(name: string): Promise<Figure> {
  const { url, child } = await startEventServer({ events, perMessage: 1, calls: 1 });
  const drainIn = async (role: string) => {
    const drainer = startRole(role, [url]);
    try {
      const { counted, megabytes } = JSON.parse(await drainer.line());
      expectCount(role, counted, events);
      return { megabytes: Number(megabytes) };
    } finally {
      await drainer.end();
    }
  };
  try {
    const { megabytes } = await interleave(
      iterations,
      () => drainIn("drain-bare"),
      () => drainIn("drain-engine"),
    );
    return figure(name, "MB", megabytes);
  } finally {
    await child.end();
  }
}

/** The role of those processes: loads only what it needs, drains once, and prints its peak memory. */
export async function drainOnce(role: "drain-bare" | "drain-engine", [baseUrl = ""]: readonly string[]): Promise<void> {
  const connection = connectUpstream({ baseUrl, protocol: "grpc" });
  const counted =
    role === "drain-bare"
      ? await (await import("./floor.ts")).countWithBareLoop(connection)
      : await (await import("./engine.ts")).countWithEngine(connection, "events");
  connection.close();
  const megabytes = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(`${JSON.stringify({ counted, megabytes })}\n`);
}
