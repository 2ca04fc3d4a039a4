import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "./world.ts";

export type Kills = Record<"function killed" | "function frozen" | "upstream killed" | "runtime killed", number>;

/** Per hundred kills; the rest are kills of functions. */
interface Shares {
  readonly runtime: number;
  readonly upstream: number;
  readonly frozen: number;
}
const defaultShares: Shares = { runtime: 4, upstream: 10, frozen: 16 };
/** For faults that only a thawed run can cause. */
export const onlyFreezes: Shares = { runtime: 0, upstream: 0, frozen: 100 };
/** Average gap. */
const gapMs = 140;
/**
 * Longer than a lease of the lazy function plus the clock skew, 50 s, and than the wait for an eager leader, so that
 * another run has begun meanwhile; shorter than the 120 s after which the platform ends the function. At ten times the
 * speed.
 */
const minFreezeMs = 6_500;
const maxFreezeMs = 10_500;
const pollMs = 20;
/**
 * If processes start more slowly than they are killed, kills would hit nothing. So between two kills activities must
 * record this many bytes, a few lines, unless they are idle for the given time.
 */
const workBytes = 150;
const maxIdleMs = 1_500;

const functions = ["lazy", "lazy", "lazy", "lazy", "lazy", "eager", "eager", "signals", "cron"] as const;

/**
 * Kills at random moments until the signal aborts. The same random numbers choose the same victims and moments; what
 * the victims are doing differs.
 */
export async function killUntil(
  world: World,
  random: () => number,
  signal: AbortSignal,
  shares: Shares = defaultShares,
): Promise<Kills> {
  // Each sleep below adds a listener.
  setMaxListeners(0, signal);
  const kills = { "function killed": 0, "function frozen": 0, "upstream killed": 0, "runtime killed": 0 };
  const thaws = new Set<Promise<void>>();
  const alive = async (victim: () => unknown) => {
    while (!victim() && !world.failed && !signal.aborted) await asleep(pollMs, signal);
  };
  let recorded = world.recordedBytes();
  const someWorkDone = async () => {
    const end = performance.now() + maxIdleMs;
    while (world.recordedBytes() < recorded + workBytes && performance.now() < end && !signal.aborted) {
      await asleep(pollMs, signal);
    }
    recorded = world.recordedBytes();
  };
  while (!signal.aborted && !world.failed) {
    const [gap, kind, which, choice, frost] = [random(), random() * 100, random(), random(), random()];
    await asleep(2 * gap * gapMs, signal);
    await someWorkDone();
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
      const ms = minFreezeMs + frost * (maxFreezeMs - minFreezeMs);
      const thaw: Promise<void> = asleep(ms, signal)
        .then(() => world.thaw(pid))
        .finally(() => thaws.delete(thaw));
      thaws.add(thaw);
    }
  }
  await Promise.all(thaws);
  return kills;
}

/** Sleeps until the time is over or the signal aborts. */
export async function asleep(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
