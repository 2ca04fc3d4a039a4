import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "./world.ts";

export type Kills = Record<"function killed" | "function frozen" | "upstream killed" | "runtime killed", number>;

/** Of a hundred kills; the rest ends functions. */
interface Shares {
  readonly runtime: number;
  readonly upstream: number;
  readonly frozen: number;
}
const usualShares: Shares = { runtime: 4, upstream: 10, frozen: 16 };
/** To see what only a thawed run can do. */
export const onlyFrost: Shares = { runtime: 0, upstream: 0, frozen: 100 };
/** On average. */
const gapMs = 140;
/**
 * Longer than a lease of the lazy function with the clocks' skew, 50 s, and than anybody waits for an eager leader, so
 * that another run has begun meanwhile; shorter than the 120 s after which the platform ends the function. At ten times
 * the speed.
 */
const shortestFrostMs = 6_500;
const maxFrostMs = 10_500;
const readingMaxAgeMs = 20;
/**
 * Where processes start more slowly than they are killed, nothing would be under way: between two kills activities write
 * down so much, a few lines, unless they have nothing to do for so long.
 */
const workBytes = 150;
const maxIdleMs = 1_500;

const functions = ["lazy", "lazy", "lazy", "lazy", "lazy", "eager", "eager", "signals", "cron"] as const;

/**
 * Kills at random moments until the signal aborts. The same random numbers choose the same victims and moments; what
 * they find under way is what differs.
 */
export async function killUntil(
  world: World,
  random: () => number,
  signal: AbortSignal,
  shares: Shares = usualShares,
): Promise<Kills> {
  // Each one that sleeps here listens.
  setMaxListeners(0, signal);
  const kills = { "function killed": 0, "function frozen": 0, "upstream killed": 0, "runtime killed": 0 };
  const thaws = new Set<Promise<void>>();
  const alive = async (victim: () => unknown) => {
    while (!victim() && !world.failed && !signal.aborted) await asleep(readingMaxAgeMs, signal);
  };
  let recorded = world.recordedBytes();
  const somethingDone = async () => {
    const end = performance.now() + maxIdleMs;
    while (world.recordedBytes() < recorded + workBytes && performance.now() < end && !signal.aborted) {
      await asleep(readingMaxAgeMs, signal);
    }
    recorded = world.recordedBytes();
  };
  while (!signal.aborted && !world.failed) {
    const [gap, kind, which, choice, frost] = [random(), random() * 100, random(), random(), random()];
    await asleep(2 * gap * gapMs, signal);
    await somethingDone();
    if (kind < shares.runtime) {
      await alive(() => world.runtime);
      if (signal.aborted) break;
      kills["runtime killed"]++;
      void world.killRuntime();
    } else if (kind < shares.runtime + shares.upstream) {
      await alive(() => world.upstream);
      if (signal.aborted) break;
      kills["upstream killed"]++;
      void world.killUpstream();
    } else {
      await alive(() => world.runtime);
      const functionName = functions[Math.floor(which * functions.length)] ?? "lazy";
      const freezes = kind < shares.runtime + shares.upstream + shares.frozen;
      const pid = signal.aborted
        ? undefined
        : await world.signal(functionName, freezes ? "SIGSTOP" : "SIGKILL", choice);
      if (pid === undefined) continue;
      kills[freezes ? "function frozen" : "function killed"]++;
      if (!freezes) continue;
      const ms = shortestFrostMs + frost * (maxFrostMs - shortestFrostMs);
      const thaw: Promise<void> = asleep(ms, signal)
        .then(() => world.thaw(pid))
        .finally(() => thaws.delete(thaw));
      thaws.add(thaw);
    }
  }
  await Promise.all(thaws);
  return kills;
}

/** Resolves at the latest when the signal aborts. */
export async function asleep(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
