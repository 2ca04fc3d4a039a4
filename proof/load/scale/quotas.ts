import { assumed } from "../../../cli/cost/bill.ts";
import { dueShards } from "../../../functions/tasks/record.ts";

/** How much there is to do. */
export interface Load {
  readonly tasks: number;
  /** Signals, each of which comes to a run. */
  readonly wakesPerSecond: number;
}

/** What of a deployment's settings has to do with it; names as in infra/settings.yml, or of environment variables. */
export interface Settings {
  readonly signalsGo: "through-the-bus" | "direct";
  readonly probeMinutes: number;
  readonly checksPerTick: number;
  readonly TAILWAKE_CHECKS_AT_ONCE: number;
  readonly lazyConcurrency: number;
  readonly signalsMemoryMb: number;
}

/** What `--stage prod` deploys. */
export const production: Settings = {
  signalsGo: "through-the-bus",
  probeMinutes: 15,
  checksPerTick: 2_000,
  TAILWAKE_CHECKS_AT_ONCE: 20,
  lazyConcurrency: 20,
  signalsMemoryMb: 256,
};

/** Beside what cli/cost assumes. */
const supposed = {
  /** Signals come together in batches of ten from so many a second on. */
  fullBatchesFrom: 100,
  /** A request of the signals function, there and back. */
  sendMs: 15,
  /** Of a whole CPU; bench's `run/dynamodb` has the SDK's calls. */
  sendCpuMs: 0.5,
  /** MB of a function that has a whole CPU. */
  wholeCpuMb: 1_769,
  /** Of a hundred wakes, those that are followed by a wait of more than a minute. */
  longWaits: 1,
  /** Of a tick's minute. */
  checkSeconds: 52,
} as const;

/** Requests of the signals function under way at once (functions/wake/batch-sender.ts). */
export const sendsAtOnce = 8;
const perRequest = 10;
/** A look moves an entry of the index: one put, one taken away. */
const indexWritesOfCheck = 2;
const writesOfWake = 2;
const writesOfCheck = 1 + indexWritesOfCheck;

/** Two of the queue of one at a time, two ticks, a leader of the signals, one of the eager tasks, and their successors. */
const otherExecutions = 8;

export const batchSize = ({ wakesPerSecond }: Load): 1 | 10 => (wakesPerSecond < supposed.fullBatchesFrom ? 1 : 10);
export const checksPerMinute = ({ tasks }: Load, { probeMinutes }: Settings): number => tasks / probeMinutes;
export const writesPerSecond = (load: Load, settings: Settings): number =>
  load.wakesPerSecond * writesOfWake + (checksPerMinute(load, settings) / 60) * writesOfCheck;
/** A Query a wake, a look at the breaker a batch, a GetItem a look. */
export const readsPerSecond = (load: Load, settings: Settings): number =>
  load.wakesPerSecond * (1 + 1 / batchSize(load)) + checksPerMinute(load, settings) / 60;
/** Invocations of the lazy function at once. */
export const batchesAtOnce = (load: Load): number => ((load.wakesPerSecond / batchSize(load)) * assumed.lazyMs) / 1000;
export const busEventsPerSecond = (load: Load, { signalsGo }: Settings): number =>
  signalsGo === "direct" ? 0 : load.wakesPerSecond;
/** Of the signals function, whichever way. */
export const sendsPerSecond = (load: Load): number => load.wakesPerSecond / batchSize(load);

export interface Limit {
  readonly name: string;
  /** How it is measured, and what is behind it. */
  readonly unit: string;
  readonly most: number;
  /** In the regions that have least of it, if that is AWS's to say. */
  readonly least?: number;
  /** What moves it. */
  readonly moves: string;
  used(load: Load): number;
}

/** What can be too little, with these settings; AWS's own are the defaults of us-east-1. */
export function limitsOf(settings: Settings): readonly Limit[] {
  const { lazyConcurrency, checksPerTick, TAILWAKE_CHECKS_AT_ONCE, signalsMemoryMb } = settings;
  const checks = (load: Load) => checksPerMinute(load, settings);
  const writes = (load: Load) => writesPerSecond(load, settings);
  const busEvents = (load: Load) => busEventsPerSecond(load, settings);
  const longWaits = ({ wakesPerSecond }: Load) => (wakesPerSecond * supposed.longWaits) / 100;
  return [
    {
      name: "checks of a tick",
      unit: "per minute; `checksPerTick`",
      most: checksPerTick,
      moves: "`probeMinutes`, `checksPerTick`",
      used: checks,
    },
    {
      name: "time of a tick",
      unit: `checks in ${supposed.checkSeconds} s, ${TAILWAKE_CHECKS_AT_ONCE} at once`,
      most: (supposed.checkSeconds * 1000 * TAILWAKE_CHECKS_AT_ONCE) / assumed.probeMs,
      moves: "`TAILWAKE_CHECKS_AT_ONCE`, `probeMinutes`",
      used: checks,
    },
    {
      name: "one shard of the due index",
      unit: "writes/s while a tick processes it; a partition of DynamoDB",
      most: 1_000,
      moves: "a lower `TAILWAKE_CHECKS_AT_ONCE`",
      used: (load) => {
        // A tick goes through one shard after the other, so many looks at once: a few are over sooner than a second.
        const ofShard = checks(load) / dueShards;
        return indexWritesOfCheck * Math.min((TAILWAKE_CHECKS_AT_ONCE * 1000) / assumed.probeMs, ofShard);
      },
    },
    {
      name: "invocations of the lazy function",
      unit: "at once; `lazyConcurrency`",
      most: lazyConcurrency,
      moves: "`lazyConcurrency`",
      used: batchesAtOnce,
    },
    {
      name: "Lambda's concurrent executions",
      unit: "at once, in the account",
      most: 1_000,
      moves: "the quota",
      used: (load) => Math.min(lazyConcurrency, batchesAtOnce(load)) + otherExecutions,
    },
    {
      name: "a new DynamoDB table",
      unit: "write units/s; twice its last peak later",
      most: 4_000,
      moves: "warm throughput",
      used: writes,
    },
    { name: "a DynamoDB table", unit: "write units/s", most: 40_000, moves: "the quota", used: writes },
    {
      name: "the signals function's CPU",
      unit: `requests/s with ${signalsMemoryMb} MB`,
      most: (signalsMemoryMb / supposed.wholeCpuMb) * (1000 / supposed.sendCpuMs),
      moves: "`signalsMemoryMb`",
      used: sendsPerSecond,
    },
    {
      name: "the signals function's requests",
      unit: `requests/s, ${sendsAtOnce} at once`,
      most: (sendsAtOnce * 1000) / supposed.sendMs,
      moves: "nothing: signal from your own services, `createTasks(app).signal`",
      used: sendsPerSecond,
    },
    {
      name: "EventBridge PutEvents",
      unit: "requests/s, ten events each",
      most: 10_000,
      least: 400,
      moves: "`signalsGo`, the quota",
      used: (load) => busEvents(load) / batchSize(load),
    },
    {
      name: "EventBridge invocations",
      unit: "events/s that a rule delivers",
      most: 18_750,
      least: 750,
      moves: "`signalsGo`, the quota",
      used: busEvents,
    },
    {
      name: "Scheduler CreateSchedule",
      unit: "requests/s",
      most: 5_000,
      least: 250,
      moves: "the quota",
      used: longWaits,
    },
    { name: "Scheduler invocations", unit: "per second", most: 1_000, least: 500, moves: "the quota", used: longWaits },
    {
      name: "SQS messages in flight",
      unit: "in a queue",
      most: 120_000,
      moves: "not reached: 1,000 invocations have ten each",
      used: (load) => Math.min(lazyConcurrency, batchesAtOnce(load)) * perRequest,
    },
  ];
}

export interface Use {
  readonly limit: Limit;
  /** Of its most. */
  readonly share: number;
}

/** All limits, the one that is used most first. */
export function usesOf(load: Load, settings: Settings): readonly Use[] {
  return limitsOf(settings)
    .map((limit) => ({ limit, share: limit.used(load) / limit.most }))
    .sort((a, b) => b.share - a.share);
}

const probePeriods = [15, 60, 240, 720, 1_440];

/** Settings that leave some room at a load: what of it they can move. */
export function settingsFor(load: Load): Settings {
  const { checksPerTick } = production;
  const fits = (probeMinutes: number) => load.tasks / probeMinutes <= checksPerTick * 0.8;
  const lazyConcurrency = Math.max(production.lazyConcurrency, Math.ceil(batchesAtOnce(load) * 2));
  const cpuMb = (sendsPerSecond(load) * supposed.sendCpuMs * supposed.wholeCpuMb) / 1000;
  return {
    ...production,
    signalsGo: "direct",
    probeMinutes: probePeriods.find(fits) ?? 1_440,
    lazyConcurrency,
    signalsMemoryMb: Math.max(production.signalsMemoryMb, Math.ceil((cpuMb * 1.5) / 128) * 128),
  };
}
