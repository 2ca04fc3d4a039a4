/**
 * What the functions measure. The alarms and the dashboard in `infra/` use these names; docs/operations.md says what
 * each of them is for.
 */
export const metricUnits = {
  /** Rounds of runs: each call of an activity. */
  Runs: "Count",
  /** Of these, those that ended with `retry`, or a throw. */
  Retries: "Count",
  /** Tasks parked for an operator. */
  Parked: "Count",
  /** Ticks that ended well. */
  Ticks: "Count",
  /** How long the most overdue task that a tick saw had been due; how late the queue is if the tick left it alone. */
  OldestDueSeconds: "Seconds",
  /** Overdue tasks that a tick woke: a retry or a signal was lost, or a cron task's slot has come. */
  Rescues: "Count",
  /** Sleeping tasks that had news though nothing had signaled it. */
  ProbesWithNews: "Count",
} as const;

export type MetricName = keyof typeof metricUnits;

/** Takes measurements: counts add up, of seconds the most counts. It must not throw. */
export interface Meter {
  add(name: MetricName, value: number): void;
  /** Called at the end of each invocation. */
  publish(): void;
}

export const noMeter: Meter = { add() {}, publish() {} };
