import type { TickBudget } from "../../tick/tick.ts";
import type { Random } from "./random.ts";

const minuteMs = 60_000;

/** How AWS is set up and how fast it is, drawn for a simulation. */
export interface Platform {
  /** The timeout of the cron function. */
  readonly tickMs: number;
  /** The timeout of the signals function and the eager function. */
  readonly leaderMs: number;
  readonly budget: TickBudget;
  /** How many times as long as usual the services of AWS take. */
  readonly slowness: number;
  /** The number of shards of the eager tasks, in each version of the app. */
  readonly eagerShards: readonly number[];
}

/** As in infra/functions.yml. */
export const usualPlatform: Platform = {
  tickMs: minuteMs,
  leaderMs: 15 * minuteMs,
  budget: { checks: 1_000, concurrency: 10 },
  slowness: 1,
  eagerShards: [1],
};

/**
 * Draws a platform: in half of the simulations as usual. A short timeout cuts ticks, or sweeps, each time. It is more
 * frequent where some tasks ail: then what is cut short must not keep from the others.
 */
export function drawnPlatform(random: Random, versions: number, isAiling: boolean): Platform {
  const eagerShards = Array.from({ length: versions }, () => random.pick([1, 1, 2, 4]));
  if (random.chance(isAiling ? 0.2 : 0.5)) return { ...usualPlatform, eagerShards };
  const maxTickMs = isAiling ? minuteMs / 2 : minuteMs;
  const slowness = random.pick([1, 1, random.magnitude(1, 8)].slice(isAiling ? 1 : 0));
  // Ticks of few checks at once must not be slow as well: then they cannot do the work of this world at all.
  const isNarrow = isAiling && slowness < 2 && random.chance(0.5);
  return {
    tickMs: random.pick([minuteMs, minuteMs, random.magnitude(5_000, maxTickMs)].slice(isAiling ? 1 : 0)),
    leaderMs: random.pick([usualPlatform.leaderMs, random.magnitude(45_000, usualPlatform.leaderMs)]),
    budget: {
      checks: random.pick([1_000, 1_000, 64]),
      concurrency: isNarrow ? 2 : usualPlatform.budget.concurrency,
    },
    slowness,
    eagerShards,
  };
}
