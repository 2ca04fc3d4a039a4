/** A result of a benchmark: our value, and the floor measured in the same run. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly floor: number;
  /** `value / floor`. */
  readonly ratio: number;
}

export interface Pair {
  readonly value: number;
  readonly floor: number;
}

export function figure(name: string, unit: string, { value, floor }: Pair): Figure {
  return { name, value, unit, floor, ratio: value / floor };
}

type Samples<K extends string> = Readonly<Record<K, number>>;

/**
 * Measures floor and ours alternately, so that other load affects both, and returns the median of each. Discards one
 * warm-up iteration, which compiles, connects and fills caches.
 */
export async function interleave<K extends string>(
  iterations: number,
  floor: () => Promise<Samples<K>>,
  ours: () => Promise<Samples<K>>,
): Promise<Readonly<Record<K, Pair>>> {
  const floors: Samples<K>[] = [];
  const values: Samples<K>[] = [];
  await floor();
  await ours();
  for (let iteration = 0; iteration < iterations; iteration++) {
    floors.push(await floor());
    values.push(await ours());
  }
  const pairs = Object.keys(floors[0] ?? {}).map((key): [string, Pair] => {
    const medianOf = (samples: readonly Samples<K>[]) => median(samples.map((sample) => sample[key as K]));
    return [key, { value: medianOf(values), floor: medianOf(floors) }];
  });
  return Object.fromEntries(pairs) as Record<K, Pair>;
}

/** Measures `work`: units per second, and microseconds of this process's CPU per unit. */
export async function timed(
  units: number,
  work: () => Promise<unknown>,
): Promise<{ readonly perSecond: number; readonly cpuMicros: number }> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: units / seconds, cpuMicros: (user + system) / units };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (low === undefined || high === undefined) throw new Error("the median of no values");
  return (low + high) / 2;
}

/** The value that so many percent of the values do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN;
}
