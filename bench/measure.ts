/** What one benchmark says: our value, and the floor measured beside it. */
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
 * Measures floor and ours in turn, so that what else the machine does meets both, and takes the median of each. One
 * round before the first is thrown away: it compiles, connects and fills caches.
 */
export async function interleave<K extends string>(
  rounds: number,
  floor: () => Promise<Samples<K>>,
  ours: () => Promise<Samples<K>>,
): Promise<Readonly<Record<K, Pair>>> {
  const floors: Samples<K>[] = [];
  const values: Samples<K>[] = [];
  await floor();
  await ours();
  for (let round = 0; round < rounds; round++) {
    floors.push(await floor());
    values.push(await ours());
  }
  const pairs = Object.keys(floors[0] ?? {}).map((key): [string, Pair] => {
    const medianOf = (samples: readonly Samples<K>[]) => median(samples.map((sample) => sample[key as K]));
    return [key, { value: medianOf(values), floor: medianOf(floors) }];
  });
  return Object.fromEntries(pairs) as Record<K, Pair>;
}

/** What `work` took: units of work a second, and microseconds of this process's CPU a unit. */
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

/** What so many percent of the values are at most. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN;
}
