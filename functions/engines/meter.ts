import type { Outcome } from "../contract/outcome.ts";

interface Metric {
  readonly unit: "Count" | "Seconds" | "Milliseconds" | "Bytes";
  /** What becomes of the measurements of a line: counts add up, of a level the highest counts, of times each is kept. */
  readonly keeps: "sum" | "highest" | "each";
  /** The dimensions beside `service`, under which each is also there alone. Every value of them is a metric to pay. */
  readonly by?: readonly (keyof Dimensions)[];
}

export interface Dimensions {
  readonly activity: string;
  readonly outcome: Outcome["type"];
}

/**
 * What the functions measure. The alarms and the dashboard in `infra/` use these names; docs/operations.md says what
 * each of them is for.
 */
export const metrics = {
  /** Rounds of runs: each call of an activity. */
  Runs: { unit: "Count", keeps: "sum", by: ["activity", "outcome"] },
  /** Of these, those that ended with `retry`, or a throw: an alarm cannot add up activities. */
  Retries: { unit: "Count", keeps: "sum" },
  /** A round, from before its stream is opened until its outcome is written. */
  RunMs: { unit: "Milliseconds", keeps: "each", by: ["activity"] },
  /** Events handed out to activities. */
  Events: { unit: "Count", keeps: "sum", by: ["activity"] },
  /** How old the last event that a round read was when its outcome was written; of events with a known time. */
  LagSeconds: { unit: "Seconds", keeps: "each", by: ["activity"] },
  /** Views that were written, as JSON. */
  ViewBytes: { unit: "Bytes", keeps: "highest", by: ["activity"] },
  /** From when a message was sent, or its time had come, until its task was acquired; of first deliveries. */
  WakeToRunMs: { unit: "Milliseconds", keeps: "each" },
  /** Tasks parked for an operator. */
  Parked: { unit: "Count", keeps: "sum" },
  /** Runs that found, when they wrote, that another had their task. */
  LeasesLost: { unit: "Count", keeps: "sum" },
  /** Tasks taken from a run that had died. */
  LeasesExpired: { unit: "Count", keeps: "sum" },
  /** Ticks that ended well. */
  Ticks: { unit: "Count", keeps: "sum" },
  /** Overdue entries of the due index that a tick found, as far as it looked. */
  DueBacklog: { unit: "Count", keeps: "highest" },
  /** How long the most overdue task that a tick saw had been due; how late the queue is if the tick left it alone. */
  OldestDueSeconds: { unit: "Seconds", keeps: "highest" },
  /** Overdue tasks that a tick woke, by the status they were in: something was lost, or a cron task's slot has come. */
  Rescues: { unit: "Count", keeps: "sum" },
  /** Sleeping tasks that had news though nothing had signaled it. */
  ProbesWithNews: { unit: "Count", keeps: "sum" },
  /** Signals that servers sent to the signals function. */
  SignalsReceived: { unit: "Count", keeps: "sum" },
  /** Of these, those that went with another one of the same aggregate. */
  SignalsCoalesced: { unit: "Count", keeps: "sum" },
  /** From a leader's last sign of life until the first stream of the next: that of signals is asked for, others are open. */
  HandOverGapMs: { unit: "Milliseconds", keeps: "each" },
  /** Streams that could not be opened, or broke, by the code of the error. */
  StreamFailures: { unit: "Count", keeps: "sum" },
  /** Requests that DynamoDB refused for being too many. */
  Throttles: { unit: "Count", keeps: "sum" },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metrics;

/** What a measurement is about. */
export interface About extends Partial<Dimensions> {
  /** Why it came to be measured. It is no dimension: it is counted beside the metric, for a query of the log. */
  readonly why?: string;
}

/** Takes measurements. It must not throw. */
export interface Meter {
  add(name: MetricName, value: number, about?: About): void;
  /** Called at the end of each invocation. */
  publish(): void;
}

export const noMeter: Meter = { add() {}, publish() {} };
