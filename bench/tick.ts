import { type Child, startRole } from "./child.ts";
import { expectCount } from "./floor.ts";
import { type Figure, figure, interleave } from "./measure.ts";

const many = 1_000_000;
const few = 100;
const iterations = 15;

/** The cost of a tick that finds nothing due among many sleeping tasks, compared with few. */
export async function measureTick(name: string): Promise<readonly Figure[]> {
  const among = (tasks: number) => startRole("tick", [tasks], ["--max-old-space-size=4096"]);
  const [forFloor, ours] = [among(few), among(many)];
  try {
    for (const [child, tasks] of [
      [forFloor, few],
      [ours, many],
    ] as const) {
      expectCount("tasks stored", Number(await child.line()), tasks);
    }
    const { cpuMicros, queries } = await interleave(
      iterations,
      () => tickIn(forFloor),
      () => tickIn(ours),
    );
    return [figure(name, "µs of CPU", cpuMicros), figure(`${name}/queries`, "queries of the due index", queries)];
  } finally {
    await Promise.all([forFloor.end(), ours.end()]);
  }
}

async function tickIn(child: Child): Promise<{ readonly cpuMicros: number; readonly queries: number }> {
  child.tell("tick");
  return JSON.parse(await child.line());
}
