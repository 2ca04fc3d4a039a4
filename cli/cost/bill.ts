import { type Counts, counted, type HeldPeriod } from "./counts.ts";
import { add, times, type Usage } from "./prices.ts";

/** What cannot be counted here: it depends on the deployment, or is AWS's own doing. */
export const assumed = {
  /** Of every function. */
  memoryMb: 256,
  /** An invocation of the lazy function; the runs of a batch go on beside each other. */
  lazyMs: 100,
  /** A tick with nothing due; the probes of one come on top. */
  tickMs: 500,
  probeMs: 100,
  /** The default of TAILWAKE_CHECKS_AT_ONCE. */
  probesAtOnce: 20,
  /** Lambda's own lines. */
  platformLogBytes: 300,
  /** One receives, one deletes; Lambda's event sources take that from us. */
  pollRequestsPerBatch: 2,
  queues: 3,
  pollersPerIdleQueue: 5,
  pollSeconds: 20,
  monthHours: 730,
} as const;

/** Metrics of one's own: each name counts once for each value of its dimensions, in the hours in which it is measured. */
export const metrics = {
  ofService: 20,
  /** Beside one for each outcome that its runs end with. */
  ofActivity: 4,
} as const;

const monthSeconds = assumed.monthHours * 3600;

const ofCounts = (counts: Counts): Usage => ({
  writeUnits: counts.writeUnits,
  readUnits: counts.readUnits,
  busEvents: counts.busEvents,
  queueRequests: Object.entries(counts.requests).reduce((sum, [name, n]) => sum + (name.startsWith("SQS ") ? n : 0), 0),
  logGb: (counts.logBytes + counts.metricBytes) / 1e9,
});

const ofLambda = (invocations: number, seconds: number): Usage => ({
  invocations,
  gbSeconds: (seconds * assumed.memoryMb) / 1024,
  logGb: (invocations * assumed.platformLogBytes) / 1e9,
});

/** What it takes to bring messages into the lazy function: a rule sends each event into the queue by itself. */
const ofDelivery = (busEvents: number, batches: number): Usage => ({
  ...ofLambda(batches, (batches * assumed.lazyMs) / 1000),
  queueRequests: busEvents + batches * assumed.pollRequestsPerBatch,
});

/** One signal, and the run that catches up. */
export function wake(way: "bus" | "direct", batchSize: 1 | 10): Usage {
  const counts = counted.wakes[way][batchSize];
  return times(add(ofCounts(counts), ofDelivery(counts.busEvents, counted.tasks / batchSize)), 1 / counted.tasks);
}

/** One check a sleeping task that has no news. */
export function probe(): Usage {
  const seconds = assumed.probeMs / 1000 / assumed.probesAtOnce;
  return add(times(ofCounts(counted.probes), 1 / counted.tasks), ofLambda(0, seconds));
}

/** One run of a cron task that finds nothing new. */
export function cronRun(): Usage {
  return times(add(ofCounts(counted.cronRuns), ofDelivery(counted.cronRuns.busEvents, 1)), 1 / counted.tasks);
}

/** One eager task, for a month of hand-overs. What it takes to watch it is its shard's. */
export function eagerMonth(): Usage {
  return times(ofCounts(counted.shard.ofTask), monthSeconds / counted.shard.seconds);
}

/** A lazy or cron task for a month of looks, or runs, at an interval. */
export const eachMinutes = (usage: Usage, minutes: number): Usage => times(usage, (assumed.monthHours * 60) / minutes);

/** What is there whether anything happens or not, a month. */
export const standing = {
  tick: () => eachMinutes(add(ofCounts(counted.idleTick), ofLambda(1, assumed.tickMs / 1000), { schedulerRuns: 1 }), 1),
  signals: () => held(counted.signals),
  shard: () => add(held(counted.shard), times(eagerMonth(), -1)),
  polling: (): Usage => ({
    queueRequests: (assumed.queues * assumed.pollersPerIdleQueue * monthSeconds) / assumed.pollSeconds,
  }),
} as const;

const held = ({ seconds, billedSeconds, counts }: HeldPeriod): Usage =>
  times(add(ofCounts(counts), ofLambda(1, billedSeconds)), monthSeconds / seconds);

/** One kind of request that is sent whether anything happens or not. */
export interface Constant {
  readonly perHour: number;
  readonly month: Usage;
}

/** The units of one: an index is read eventually consistently, and what is read and written is small. */
const unitsOf: Readonly<Record<string, Usage>> = {
  Query: { readUnits: 0.5 },
  GetItem: { readUnits: 1 },
  UpdateItem: { writeUnits: 1 },
};

function constantOf({ requests }: Counts, seconds: number, names: readonly string[]): Constant {
  const each = names.map((name) => {
    const perHour = ((requests[`DynamoDB ${name}`] ?? 0) * 3600) / seconds;
    const [operation = ""] = name.split(",");
    return { perHour, month: times(unitsOf[operation] ?? {}, perHour * assumed.monthHours) };
  });
  return {
    perHour: each.reduce((sum, { perHour }) => sum + perHour, 0),
    month: add(...each.map(({ month }) => month)),
  };
}

export const constant = {
  dueIndex: () => constantOf(counted.idleTick, 60, ["Query, due index"]),
  tickReads: () => constantOf(counted.idleTick, 60, ["GetItem, control document", "GetItem, task"]),
  tickWord: () => constantOf(counted.idleTick, 60, ["UpdateItem, control document"]),
  signalBeats: () => constantOf(counted.signals.counts, counted.signals.seconds, ["UpdateItem, control document"]),
  shardBeats: () => constantOf(counted.shard.counts, counted.shard.seconds, ["UpdateItem, control document"]),
  eagerIndex: () => constantOf(counted.shard.counts, counted.shard.seconds, ["Query, eager index"]),
  shardReads: () => constantOf(counted.shard.counts, counted.shard.seconds, ["GetItem, control document"]),
} as const;
