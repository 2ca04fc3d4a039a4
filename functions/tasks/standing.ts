import { strikeDelayMs } from "./backoff.ts";
import { type LeaderEpoch, ledBy } from "./lease-token.ts";
import type { TaskRecord } from "./record.ts";
import { clockSkewMs, timerSlackMs } from "./times.ts";

/**
 * May this record's task be acquired? The one answer, for batches, leaders, ticks and operators. It says what the record
 * says; which wake may acquire what is the business of the {@link AcquireRule} and of the engine. Times are in
 * milliseconds since 1970.
 *
 * | type     | the task                                                                                   |
 * |----------|--------------------------------------------------------------------------------------------|
 * | done     | has completed: nobody ever acquires it (T4)                                                |
 * | stopped  | is paused or parked: an operator decides                                                   |
 * | takeable | is ready, or retries and its time has come                                                 |
 * | held     | runs, or may still run, until then (rule 7), and longer after strikes (rule 8)             |
 * | dead     | was left by a run that died: acquiring it is a strike                                      |
 * | waiting  | waits for a time; an early wake acquires it all the same                                   |
 * | asleep   | has caught up; `slot`: the time of its next cron slot; `awaiting`: until a child completes |
 */
export type Standing =
  | { readonly type: "done" }
  | { readonly type: "stopped"; readonly why: "paused" | "parked" }
  | { readonly type: "takeable" }
  | {
      readonly type: "held";
      readonly token: string;
      readonly until: number;
      readonly ledBy: LeaderEpoch | undefined;
      readonly strikes: number;
    }
  | {
      readonly type: "dead";
      readonly token: string;
      readonly since: number;
      readonly ledBy: LeaderEpoch | undefined;
      readonly strikes: number;
    }
  | { readonly type: "waiting"; readonly until: number }
  | { readonly type: "asleep"; readonly slot: number; readonly awaiting: boolean };

export function standingOf(record: TaskRecord, now: number): Standing {
  if (record.status === "completed") return { type: "done" };
  if (record.paused) return { type: "stopped", why: "paused" };
  switch (record.status) {
    case "parked":
      return { type: "stopped", why: "parked" };
    case "ready":
      return { type: "takeable" };
    case "running": {
      const { token = "", strikes } = record;
      const over = leaseOverAt(record);
      const lease = { token, ledBy: ledBy(token), strikes };
      return now <= over ? { type: "held", until: over, ...lease } : { type: "dead", since: over, ...lease };
    }
    case "retrying": {
      const until = record.notBefore ?? 0;
      return until <= now + timerSlackMs ? { type: "takeable" } : { type: "waiting", until };
    }
    case "sleeping":
      return { type: "asleep", slot: record.notBefore ?? 0, awaiting: record.awaiting === true };
  }
}

/** The last moment at which the run of a record may count on its lease, and at which nobody may acquire over it. */
export function leaseOverAt({ leaseUntil = 0, strikes }: Pick<TaskRecord, "leaseUntil" | "strikes">): number {
  return leaseUntil + clockSkewMs + strikeDelayMs(strikes);
}

/** Strikes that a run of this record would have: acquiring over a dead lease adds the one of the run that died. */
export function strikesIfAcquired({ status, strikes }: Pick<TaskRecord, "status" | "strikes">): number {
  return status === "running" ? strikes + 1 : strikes;
}
