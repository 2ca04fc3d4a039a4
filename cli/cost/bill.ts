import { type Counts, counted, type LeaderPeriod } from "./counts.ts";
import { add, times, type Usage } from "./prices.ts";

/** Assumptions, since they depend on the deployment or on AWS. */
export const assumed = {
  /** Of each function. */
  memoryMb: 256,
  /** Duration of an invocation of the lazy function; the runs of a batch are concurrent. */
  lazyMs: 100,
  /** Duration of a tick with nothing due; probes add to it. */
  tickMs: 500,
  probeMs: 100,
  /** The default of TAILWAKE_CHECKS_AT_ONCE. */
  probesAtOnce: 20,
  /** Lambda's own log lines of an invocation. */
  platformLogBytes: 300,
  /** One receive and one delete, which Lambda's event source sends. */
  pollRequestsPerBatch: 2,
  queues: 3,
  pollersPerIdleQueue: 5,
  pollSeconds: 20,
  monthHours: 730,
} as const;

/** Custom metrics: each name counts once per combination of dimension values, in each hour with data. */
export const metrics = {
  ofService: 20,
  /** Plus one for each outcome of its runs. */
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

/** Delivery of messages to the lazy function: a rule sends each event to the queue in its own request. */
const ofDelivery = (busEvents: number, batches: number): Usage => ({
  ...ofLambda(batches, (batches * assumed.lazyMs) / 1000),
  queueRequests: busEvents + batches * assumed.pollRequestsPerBatch,
});

/** One signal, and the run that catches up. */
export function wake(way: "bus" | "direct", batchSize: 1 | 10): Usage {
  const counts = counted.wakes[way][batchSize];
  return times(add(ofCounts(counts), ofDelivery(counts.busEvents, counted.tasks / batchSize)), 1 / counted.tasks);
}

/** One probe of a sleeping lazy task that has no news. */
export function probe(): Usage {
  const seconds = assumed.probeMs / 1000 / assumed.probesAtOnce;
  return add(times(ofCounts(counted.probes), 1 / counted.tasks), ofLambda(0, seconds));
}

/** One run of a cron task that finds nothing new. */
export function cronRun(): Usage {
  return times(add(ofCounts(counted.cronRuns), ofDelivery(counted.cronRuns.busEvents, 1)), 1 / counted.tasks);
}

/** One eager task for a month of hand-overs. The cost of watching it belongs to its shard. */
export function eagerMonth(): Usage {
  return times(ofCounts(counted.shard.ofTask), monthSeconds / counted.shard.seconds);
}

/** A month of probes or runs at an interval. */
export const eachMinutes = (usage: Usage, minutes: number): Usage => times(usage, (assumed.monthHours * 60) / minutes);

/** Fixed cost per month, whether anything happens or not. */
export const standing = {
  tick: () => eachMinutes(add(ofCounts(counted.idleTick), ofLambda(1, assumed.tickMs / 1000), { schedulerRuns: 1 }), 1),
  signals: () => ofLeader(counted.signals),
  shard: () => add(ofLeader(counted.shard), times(eagerMonth(), -1)),
  polling: (): Usage => ({
    queueRequests: (assumed.queues * assumed.pollersPerIdleQueue * monthSeconds) / assumed.pollSeconds,
  }),
} as const;

const ofLeader = ({ seconds, billedSeconds, counts }: LeaderPeriod): Usage =>
  times(add(ofCounts(counts), ofLambda(1, billedSeconds)), monthSeconds / seconds);

/** One kind of request that is sent whether anything happens or not. */
export interface Constant {
  readonly perHour: number;
  readonly month: Usage;
}

/** Units per request: index reads are eventually consistent, and items are small. */
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
  lastTick: () => constantOf(counted.idleTick, 60, ["UpdateItem, control document"]),
  signalHeartbeats: () => constantOf(counted.signals.counts, counted.signals.seconds, ["UpdateItem, control document"]),
  shardHeartbeats: () => constantOf(counted.shard.counts, counted.shard.seconds, ["UpdateItem, control document"]),
  eagerIndex: () => constantOf(counted.shard.counts, counted.shard.seconds, ["Query, eager index"]),
  shardReads: () => constantOf(counted.shard.counts, counted.shard.seconds, ["GetItem, control document"]),
} as const;
