import { assumed, eachMinutes, metrics, probe, standing, wake } from "../../../cli/cost/bill.ts";
import { counted } from "../../../cli/cost/counts.ts";
import { add, times, type Usage } from "../../../cli/cost/prices.ts";
import { dayCounted } from "./day-counts.ts";
import { batchSize, type Load, type Settings } from "./quotas.ts";

const monthSeconds = assumed.monthHours * 3600;
const daySeconds = 24 * 3600;
/** Outcomes that the runs of an activity end with: as docs/cost.md has it. */
const outcomes = 3;

/** A month of wakes, of probes, and of what is there in any case: the tick, the signals function, polling, metrics. */
export function monthOf(load: Load, { signalsGo, probeMinutes, signalsMemoryMb }: Settings) {
  const { gbSeconds = 0, ...signals } = standing.signals();
  const leader = { ...signals, gbSeconds: (gbSeconds * signalsMemoryMb) / assumed.memoryMb };
  const way = signalsGo === "direct" ? "direct" : "bus";
  return {
    wakes: times(wake(way, batchSize(load)), load.wakesPerSecond * monthSeconds),
    probes: times(eachMinutes(probe(), probeMinutes), load.tasks),
    standing: add(standing.tick(), leader, standing.polling(), {
      metrics: metrics.ofService + metrics.ofActivity + outcomes,
    }),
  };
}

/** What the simulation counted, times so many for a whole day at full size. */
export const multiplied = {
  tasks: 1_000_000,
  /** Of the tasks, and of the signals a second. */
  size: 1_000_000 / dayCounted.tasks,
  /** Of the time in which signals came. */
  time: daySeconds / dayCounted.wakingSeconds,
} as const;

const perRun = (bytes: number) => bytes / counted.tasks;

/** The bill of that day, by what it is for. Its requests are the simulation's; what no request shows is cli/cost's. */
export function simulatedDay(way: "bus" | "direct") {
  const { waking, idle } = dayCounted;
  const busy = multiplied.size * multiplied.time;
  const { logBytes, metricBytes } = counted.wakes[way][10];
  const wakes = waking.wakes * busy;
  const batches = waking.batches * busy;
  const ofSignals: Usage = {
    busEvents: way === "bus" ? wakes : 0,
    queueRequests: (way === "bus" ? wakes : wakes / 10) + batches * assumed.pollRequestsPerBatch,
  };
  const ofRuns: Usage = {
    writeUnits: (waking.writes + waking.refusedWrites + waking.documentWrites) * busy,
    readUnits: (waking.reads + waking.queries + waking.documentReads + waking.dueQueries / 2) * busy,
  };
  const ofLambda: Usage = { invocations: batches, gbSeconds: seconds(batches * assumed.lazyMs) };
  const ofLogs: Usage = {
    logGb: (wakes * perRun(logBytes + metricBytes) + batches * assumed.platformLogBytes) / 1e9,
  };
  const ofIdle: Usage = {
    // A look moves an entry of the index: two units more than the write.
    writeUnits: (idle.writes + idle.refusedWrites + 2 * idle.checks) * multiplied.size + idle.documentWrites,
    readUnits: (idle.reads + idle.queries) * multiplied.size + idle.documentReads + idle.dueQueries / 2,
    invocations: idle.ticks,
    gbSeconds: seconds(
      idle.ticks * assumed.tickMs + (idle.checks * multiplied.size * assumed.probeMs) / assumed.probesAtOnce,
    ),
  };
  const ofLeader = times(standing.signals(), daySeconds / monthSeconds);
  return {
    "bus and queues": ofSignals,
    "table, for the runs": ofRuns,
    "lazy function": ofLambda,
    logs: ofLogs,
    "ticks and probes": ofIdle,
    "signals function": ofLeader,
  } as const;
}

/** The same day as cli/cost computes it, with full batches. */
export function computedDay(load: Load, settings: Settings): Usage {
  const { wakes, probes, standing: always } = monthOf(load, settings);
  return times(add(wakes, probes, { ...always, metrics: 0 }), daySeconds / monthSeconds);
}

const seconds = (ms: number) => ((ms / 1000) * assumed.memoryMb) / 1024;
