import type { DayCounts, DaySize } from "../day.ts";

/**
 * The last result of `npm run load -- day`. A test counts a hundredth of it again and compares the cost of a wake and
 * of a check.
 */
export const dayCounted: DaySize & Pick<DayCounts, "waking" | "idle"> = {
  tasks: 100_000,
  wakesPerSecond: 1_000,
  wakingSeconds: 600,
  concurrency: 30,
  probeMinutes: 1_440,
  waking: {
    wakes: 600_000,
    batches: 96_386,
    sent: 0,
    reads: 0,
    queries: 599_980,
    writes: 1_199_960,
    refusedWrites: 682,
    dueQueries: 320,
    documentReads: 9_968,
    documentWrites: 10,
  },
  idle: {
    checks: 100_000,
    ticks: 1_440,
    sent: 0,
    reads: 100_000,
    queries: 0,
    writes: 100_000,
    refusedWrites: 0,
    dueQueries: 46_114,
    documentReads: 1_502,
    documentWrites: 1_440,
  },
};
