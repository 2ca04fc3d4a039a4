import { assumed, eachMinutes, metrics, probe, standing, wake } from "../../../cli/cost/bill.ts";
import { counted } from "../../../cli/cost/counts.ts";
import { add, times, type Usage } from "../../../cli/cost/prices.ts";
import { dayCounted } from "./day-counts.ts";
import { batchSize, type Load, type Settings } from "./quotas.ts";

const monthSeconds = assumed.monthHours * 3600;
const daySeconds = 24 * 3600;
/** Number of outcomes of an activity's runs, as in docs/cost.md. */
const outcomes = 3;

/** A month of wakes, of probes, and of the standing cost: the tick, the signals function, polling, metrics. */
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

/** Factors from the simulation to a whole day at full size. */
export const multiplied = {
  tasks: 1_000_000,
  /** Factor of the tasks and of the signals per second. */
  size: 1_000_000 / dayCounted.tasks,
  /** Factor of the time with signals. */
  time: daySeconds / dayCounted.wakingSeconds,
} as const;

const perRun = (bytes: number) => bytes / counted.tasks;

/** The bill of that day by item. Its requests come from the simulation; everything else from cli/cost. */
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
    // A check moves an entry of the index: two units in addition to the write.
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
