import type { Outcome } from "../contract/outcome.ts";

interface Metric {
  readonly unit: "Count" | "Seconds" | "Milliseconds" | "Bytes";
  /** How the values of a line are combined: the sum of counts, the highest of levels, each of times. */
  readonly keeps: "sum" | "highest" | "each";
  /** Dimensions besides `service`, which a metric also has alone. Each value of a dimension is a metric that costs. */
  readonly by?: readonly (keyof Dimensions)[];
}

export interface Dimensions {
  readonly activity: string;
  readonly outcome: Outcome["type"];
}

/**
 * The metrics of the functions. The alarms and the dashboard in `infra/` use these names; docs/operations.md says what
 * each one is for.
 */
export const metrics = {
  /** Passes of runs: each is a call of an activity. */
  Runs: { unit: "Count", keeps: "sum", by: ["activity", "outcome"] },
  /** Passes that ended with `retry` or a throw. A metric of its own, since an alarm cannot add up activities. */
  Retries: { unit: "Count", keeps: "sum" },
  /** The duration of a pass, from before its stream is opened until its outcome is written. */
  RunMs: { unit: "Milliseconds", keeps: "each", by: ["activity"] },
  /** Events handed out to activities. */
  Events: { unit: "Count", keeps: "sum", by: ["activity"] },
  /** The age of the last event that a pass read, when its outcome was written; for events with a known time. */
  LagSeconds: { unit: "Seconds", keeps: "each", by: ["activity"] },
  /** The size of a view that was written, as JSON. */
  ViewBytes: { unit: "Bytes", keeps: "highest", by: ["activity"] },
  /** From the time a message was sent, or was due, until its task was acquired; for first deliveries. */
  WakeToRunMs: { unit: "Milliseconds", keeps: "each" },
  /** Tasks parked for an operator. */
  Parked: { unit: "Count", keeps: "sum" },
  /** Runs whose write was refused because another run had their task. */
  LeasesLost: { unit: "Count", keeps: "sum" },
  /** Tasks acquired from a run that had died. */
  LeasesExpired: { unit: "Count", keeps: "sum" },
  /** Ticks that ended without an error. */
  Ticks: { unit: "Count", keeps: "sum" },
  /** Overdue tasks of the app's activities, as far as a tick got to them. */
  DueBacklog: { unit: "Count", keeps: "highest" },
  /** How long the most overdue task of a tick had been due; the age of the queue if that kept the tick from checking. */
  OldestDueSeconds: { unit: "Seconds", keeps: "highest" },
  /** Overdue tasks that a tick woke, by status: a message was lost, or the slot of a cron task has come. */
  Rescues: { unit: "Count", keeps: "sum" },
  /** Sleeping tasks that had news without a signal. */
  ProbesWithNews: { unit: "Count", keeps: "sum" },
  /** Signals that servers sent to the signals function. */
  SignalsReceived: { unit: "Count", keeps: "sum" },
  /** Received signals that were combined with another one of the same aggregate. */
  SignalsCoalesced: { unit: "Count", keeps: "sum" },
  /** From a leader's last heartbeat or release until its successor requests the signals, or has its first open stream. */
  HandOverGapMs: { unit: "Milliseconds", keeps: "each" },
  /** Streams that could not be opened or that broke, by error code. */
  StreamFailures: { unit: "Count", keeps: "sum" },
  /** Requests that DynamoDB throttled. */
  Throttles: { unit: "Count", keeps: "sum" },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metrics;

/** The dimensions of a measurement, and its reason. */
export interface About extends Partial<Dimensions> {
  /** The reason. Not a dimension: it is counted in the same log line, for queries of the log. */
  readonly why?: string;
}

/** Takes measurements. It must not throw. */
export interface Meter {
  add(name: MetricName, value: number, about?: About): void;
  /** Called at the end of each invocation. */
  publish(): void;
}

export const noMeter: Meter = { add() {}, publish() {} };
