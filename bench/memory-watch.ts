import { setTimeout as sleep } from "node:timers/promises";
import { type Child, startRole } from "./child.ts";
import { expectCount } from "./floor.ts";
import { type Figure, figure } from "./measure.ts";
import { repoId } from "./repo-id.ts";
import { residentBytes } from "./resident.ts";
import { connectForMany, watchBare, watchWithEngine } from "./watch.ts";

const watches = 10_000;
/** Long enough for a heartbeat on each stream. */
const idleMs = 11_000;
const openMs = 60_000;
/** Maximum time for one event to reach all watches. */
const eventMs = 10_000;

/** The memory of an idle watch in a process that has many of them on one connection. */
export async function measureWatchMemory(name: string): Promise<Figure> {
  const server = startRole("serve-watches", []);
  try {
    const url = await server.line();
    const floor = await kibibytesIn("watch-bare", url, server);
    const value = await kibibytesIn("watch-engine", url, server);
    return figure(name, "KiB/watch", { value, floor });
  } finally {
    await server.end();
  }
}

async function kibibytesIn(role: string, url: string, server: Child): Promise<number> {
  const leader = startRole(role, [url], ["--expose-gc"]);
  try {
    const kibibytes = Number(await leader.line());
    // The figure is only valid if all watches are alive.
    server.tell("event");
    expectCount(`${role}: watches that saw an event`, Number(await leader.line()), watches);
    return kibibytes;
  } finally {
    await leader.end();
  }
}

/**
 * The role of those processes: prints the KiB per idle watch, then the number of watches that received the next event.
 */
export async function holdWatches(role: "watch-bare" | "watch-engine", [baseUrl = ""]: readonly string[]) {
  const connection = connectForMany(baseUrl);
  const repoIds = Array.from({ length: watches }, (_, i) => repoId(i));
  const before = await residentBytes();
  const watchers = await (role === "watch-bare" ? watchBare : watchWithEngine)(connection, repoIds);
  await until(() => watchers.atHead >= watches, openMs);
  expectCount(`${role}: watches`, watchers.atHead, watches);
  await sleep(idleMs);
  process.stdout.write(`${((await residentBytes()) - before) / 1024 / watches}\n`);
  await until(() => watchers.events >= watches, eventMs);
  process.stdout.write(`${watchers.events}\n`);
}

async function until(holds: () => boolean, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (!holds() && performance.now() < end) await sleep(20);
}
