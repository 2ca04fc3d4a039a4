import { strikeDelayMs } from "./backoff.ts";
import { type LeaderEpoch, ledBy } from "./lease-token.ts";
import type { TaskRecord } from "./record.ts";
import { clockSkewMs, timerSlackMs } from "./times.ts";

/**
 * Whether a task may be acquired, as its record says; for batches, leaders, ticks and operators. The
 * {@link AcquireRule} and the engine decide which wake may acquire which task. Times are in milliseconds since 1970.
 *
 * | type       | the task                                                                                   |
 * |------------|--------------------------------------------------------------------------------------------|
 * | done       | has completed: nobody ever acquires it (T4)                                                |
 * | stopped    | is paused or parked: an operator decides                                                   |
 * | acquirable | is ready, or is retrying and its time has come                                             |
 * | held       | is running, or may be, until `until` (rule 7), which is later after strikes (rule 8)       |
 * | dead       | was left by a run that died: to acquire it is a strike                                     |
 * | waiting    | waits for a time; only an early wake acquires it before                                    |
 * | asleep     | has caught up; `slot`: the time of its next cron slot; `awaiting`: until a child completes |
 */
export type Standing =
  | { readonly type: "done" }
  | { readonly type: "stopped"; readonly why: "paused" | "parked" }
  | { readonly type: "acquirable" }
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
      return { type: "acquirable" };
    case "running": {
      const { token = "", strikes } = record;
      const over = leaseOverAt(record);
      const lease = { token, ledBy: ledBy(token), strikes };
      return now <= over ? { type: "held", until: over, ...lease } : { type: "dead", since: over, ...lease };
    }
    case "retrying": {
      const until = record.notBefore ?? 0;
      return until <= now + timerSlackMs ? { type: "acquirable" } : { type: "waiting", until };
    }
    case "sleeping":
      return { type: "asleep", slot: record.notBefore ?? 0, awaiting: record.awaiting === true };
  }
}

/** The last moment at which the run may rely on its lease and nobody may acquire over it, in milliseconds since 1970. */
export function leaseOverAt({ leaseUntil = 0, strikes }: Pick<TaskRecord, "leaseUntil" | "strikes">): number {
  return leaseUntil + clockSkewMs + strikeDelayMs(strikes);
}

/** The strikes of the next run. To acquire over a dead lease adds one, for the run that died. */
export function strikesIfAcquired({ status, strikes }: Pick<TaskRecord, "status" | "strikes">): number {
  return status === "running" ? strikes + 1 : strikes;
}
