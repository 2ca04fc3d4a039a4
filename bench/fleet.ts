import { createInterface } from "node:readline";
import { type Child, startRole } from "./child.ts";
import { expectCount } from "./floor.ts";
import { type Figure, figure, interleave } from "./measure.ts";
import { invokeAll } from "./run.ts";
import { connectTo, probes, startServers } from "./run-dynamodb.ts";

const processes = 2;
const iterations = 9;

/** The runs of `run/dynamodb` in several processes at once, compared with one process. */
export async function measureFleet(name: string): Promise<Figure> {
  const servers = await startServers();
  const fleet = Array.from({ length: processes }, () => startRole("fleet-member", servers.urls));
  try {
    const { perSecond } = await interleave(
      iterations,
      () => runIn(fleet.slice(0, 1)),
      () => runIn(fleet),
    );
    return figure(name, "runs/s", perSecond);
  } finally {
    await Promise.all([...fleet.map((member) => member.end()), servers.end()]);
  }
}

async function runIn(members: readonly Child[]): Promise<{ readonly perSecond: number }> {
  const began = performance.now();
  for (const member of members) member.tell("run");
  const runs = await Promise.all(members.map(async (member) => Number(await member.line())));
  const total = runs.reduce((sum, each) => sum + each, 0);
  expectCount("runs", total, members.length * probes.length);
  return { perSecond: (total * 1000) / (performance.now() - began) };
}

/** The role of those processes: for each line of input, runs all tasks once and prints the number of runs. */
export async function joinFleet(urls: readonly string[]): Promise<void> {
  const { app } = connectTo(urls);
  for await (const _ of createInterface(process.stdin)) {
    const before = app.runs;
    await invokeAll(app, probes);
    process.stdout.write(`${app.runs - before}\n`);
  }
}
