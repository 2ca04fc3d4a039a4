import { assumed } from "../../../cli/cost/bill.ts";
import { dueShards } from "../../../functions/tasks/record.ts";

/** The load of a deployment. */
export interface Load {
  readonly tasks: number;
  /** Signals per second, each of which causes a run. */
  readonly wakesPerSecond: number;
}

/** The relevant settings of a deployment; names as in infra/settings.yml, or of environment variables. */
export interface Settings {
  readonly signalsGo: "through-the-bus" | "direct";
  readonly probeMinutes: number;
  readonly checksPerTick: number;
  readonly TAILWAKE_CHECKS_AT_ONCE: number;
  readonly lazyConcurrency: number;
  readonly signalsMemoryMb: number;
}

/** The settings of `--stage prod`. */
export const production: Settings = {
  signalsGo: "through-the-bus",
  probeMinutes: 15,
  checksPerTick: 2_000,
  TAILWAKE_CHECKS_AT_ONCE: 20,
  lazyConcurrency: 20,
  signalsMemoryMb: 256,
};

/** Assumptions in addition to those of cli/cost. */
const assumptions = {
  /** Signals per second from which batches are full, with ten signals each. */
  fullBatchesFrom: 100,
  /** Round trip of a request of the signals function. */
  sendMs: 15,
  /** Time on a whole CPU; bench's `run/dynamodb` measures the SDK's calls. */
  sendCpuMs: 0.5,
  /** Memory of a function with a whole CPU. */
  wholeCpuMb: 1_769,
  /** Percentage of wakes that are followed by a wait of more than a minute. */
  longWaits: 1,
  /** Seconds of a tick that are available for checks. */
  checkSeconds: 52,
} as const;

/** Concurrent requests of the signals function (functions/wake/batch-sender.ts). */
export const sendsAtOnce = 8;
const perRequest = 10;
/** A check moves an entry of the index: one put, one delete. */
const indexWritesOfCheck = 2;
const writesOfWake = 2;
const writesOfCheck = 1 + indexWritesOfCheck;

/** Two of the quarantine queue, two ticks, a leader of the signals, one of the eager tasks, and their successors. */
const otherExecutions = 8;

export const batchSize = ({ wakesPerSecond }: Load): 1 | 10 => (wakesPerSecond < assumptions.fullBatchesFrom ? 1 : 10);
export const checksPerMinute = ({ tasks }: Load, { probeMinutes }: Settings): number => tasks / probeMinutes;
export const writesPerSecond = (load: Load, settings: Settings): number =>
  load.wakesPerSecond * writesOfWake + (checksPerMinute(load, settings) / 60) * writesOfCheck;
/** A Query per wake, a read of the breaker per batch, a GetItem per check. */
export const readsPerSecond = (load: Load, settings: Settings): number =>
  load.wakesPerSecond * (1 + 1 / batchSize(load)) + checksPerMinute(load, settings) / 60;
/** Concurrent invocations of the lazy function. */
export const batchesAtOnce = (load: Load): number => ((load.wakesPerSecond / batchSize(load)) * assumed.lazyMs) / 1000;
export const busEventsPerSecond = (load: Load, { signalsGo }: Settings): number =>
  signalsGo === "direct" ? 0 : load.wakesPerSecond;
/** Requests of the signals function, to the bus or to the queue. */
export const sendsPerSecond = (load: Load): number => load.wakesPerSecond / batchSize(load);

export interface Limit {
  readonly name: string;
  /** The unit, and the cause of the limit. */
  readonly unit: string;
  readonly max: number;
  /** The lowest value of a region, if AWS sets the limit. */
  readonly min?: number;
  /** The settings or quota that change the limit or its use. */
  readonly adjust: string;
  used(load: Load): number;
}

/** The limits that a load can exceed with these settings; AWS's own are the defaults of us-east-1. */
export function limitsOf(settings: Settings): readonly Limit[] {
  const { lazyConcurrency, checksPerTick, TAILWAKE_CHECKS_AT_ONCE, signalsMemoryMb } = settings;
  const checks = (load: Load) => checksPerMinute(load, settings);
  const writes = (load: Load) => writesPerSecond(load, settings);
  const busEvents = (load: Load) => busEventsPerSecond(load, settings);
  const longWaits = ({ wakesPerSecond }: Load) => (wakesPerSecond * assumptions.longWaits) / 100;
  return [
    {
      name: "checks of a tick",
      unit: "per minute; `checksPerTick`",
      max: checksPerTick,
      adjust: "`probeMinutes`, `checksPerTick`",
      used: checks,
    },
    {
      name: "time of a tick",
      unit: `checks in ${assumptions.checkSeconds} s, ${TAILWAKE_CHECKS_AT_ONCE} concurrent`,
      max: (assumptions.checkSeconds * 1000 * TAILWAKE_CHECKS_AT_ONCE) / assumed.probeMs,
      adjust: "`TAILWAKE_CHECKS_AT_ONCE`, `probeMinutes`",
      used: checks,
    },
    {
      name: "one shard of the due index",
      unit: "writes/s while a tick checks it; a partition of DynamoDB",
      max: 1_000,
      adjust: "a lower `TAILWAKE_CHECKS_AT_ONCE`",
      used: (load) => {
        // A tick checks one shard after the other with this concurrency: a few checks end in less than a second.
        const ofShard = checks(load) / dueShards;
        return indexWritesOfCheck * Math.min((TAILWAKE_CHECKS_AT_ONCE * 1000) / assumed.probeMs, ofShard);
      },
    },
    {
      name: "invocations of the lazy function",
      unit: "concurrent; `lazyConcurrency`",
      max: lazyConcurrency,
      adjust: "`lazyConcurrency`",
      used: batchesAtOnce,
    },
    {
      name: "Lambda's concurrent executions",
      unit: "concurrent, per account",
      max: 1_000,
      adjust: "the quota",
      used: (load) => Math.min(lazyConcurrency, batchesAtOnce(load)) + otherExecutions,
    },
    {
      name: "a new DynamoDB table",
      unit: "write units/s; later twice its last peak",
      max: 4_000,
      adjust: "warm throughput",
      used: writes,
    },
    { name: "a DynamoDB table", unit: "write units/s", max: 40_000, adjust: "the quota", used: writes },
    {
      name: "the signals function's CPU",
      unit: `requests/s with ${signalsMemoryMb} MB`,
      max: (signalsMemoryMb / assumptions.wholeCpuMb) * (1000 / assumptions.sendCpuMs),
      adjust: "`signalsMemoryMb`",
      used: sendsPerSecond,
    },
    {
      name: "the signals function's requests",
      unit: `requests/s, ${sendsAtOnce} concurrent`,
      max: (sendsAtOnce * 1000) / assumptions.sendMs,
      adjust: "nothing: signal from your own services, `createTasks(app).signal`",
      used: sendsPerSecond,
    },
    {
      name: "EventBridge PutEvents",
      unit: "requests/s, ten events each",
      max: 10_000,
      min: 400,
      adjust: "`signalsGo`, the quota",
      used: (load) => busEvents(load) / batchSize(load),
    },
    {
      name: "EventBridge invocations",
      unit: "events/s delivered by rules",
      max: 18_750,
      min: 750,
      adjust: "`signalsGo`, the quota",
      used: busEvents,
    },
    {
      name: "Scheduler CreateSchedule",
      unit: "requests/s",
      max: 5_000,
      min: 250,
      adjust: "the quota",
      used: longWaits,
    },
    { name: "Scheduler invocations", unit: "per second", max: 1_000, min: 500, adjust: "the quota", used: longWaits },
    {
      name: "SQS messages in flight",
      unit: "per queue",
      max: 120_000,
      adjust: "not reached: a thousand invocations have at most ten each",
      used: (load) => Math.min(lazyConcurrency, batchesAtOnce(load)) * perRequest,
    },
  ];
}

export interface Use {
  readonly limit: Limit;
  /** Share of the limit. */
  readonly share: number;
}

/** All limits, the most used first. */
export function usesOf(load: Load, settings: Settings): readonly Use[] {
  return limitsOf(settings)
    .map((limit) => ({ limit, share: limit.used(load) / limit.max }))
    .sort((a, b) => b.share - a.share);
}

const probePeriods = [15, 60, 240, 720, 1_440];

/** Settings that leave some room at a load, as far as settings can. */
export function settingsFor(load: Load): Settings {
  const { checksPerTick } = production;
  const isEnough = (probeMinutes: number) => load.tasks / probeMinutes <= checksPerTick * 0.8;
  const lazyConcurrency = Math.max(production.lazyConcurrency, Math.ceil(batchesAtOnce(load) * 2));
  const cpuMb = (sendsPerSecond(load) * assumptions.sendCpuMs * assumptions.wholeCpuMb) / 1000;
  return {
    ...production,
    signalsGo: "direct",
    probeMinutes: probePeriods.find(isEnough) ?? 1_440,
    lazyConcurrency,
    signalsMemoryMb: Math.max(production.signalsMemoryMb, Math.ceil((cpuMb * 1.5) / 128) * 128),
  };
}
