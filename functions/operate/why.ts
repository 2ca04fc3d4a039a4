import { hasWaiters, type TaskRecord } from "../tasks/record.ts";
import { type Standing, standingOf } from "../tasks/standing.ts";
import { strikesToQuarantine } from "../tasks/times.ts";
import type { LastTick } from "../tick/last-tick.ts";
import type { BreakerState } from "../upstream/breaker.ts";
import { ago, at, shortened } from "./words.ts";

/** Why a task does not run now; "running" or "watching" if it does. */
export type Reason =
  | "completed"
  | "paused"
  | "parked"
  | "upstream paused"
  | "upstream out"
  | "running"
  | "watching"
  | "killed"
  | "failed"
  | "waiting"
  | "awaiting a child"
  | "asleep"
  | "between slots"
  | "to be watched"
  | "on its way"
  | "overdue";

export interface Why {
  readonly reason: Reason;
  /** The explanation, for people. It may quote a part of the task's last error. */
  readonly sentence: string;
  /** When the task is next checked or run, in milliseconds since 1970; undefined if an operator decides, or unknown. */
  readonly next: number | undefined;
  /** Whether an operator has to do something. */
  readonly needsOperator: boolean;
}

/** The facts besides the record. */
export interface Facts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The name and breaker of the task's upstream, if the app is known. */
  readonly upstream?: { readonly name: string; readonly breaker: BreakerState } | undefined;
  readonly lastTick: LastTick | undefined;
}

type Leased = Standing & { readonly type: "held" | "dead" };

/** Ticks count as missing after this time without one. A tick comes every minute. */
export const tickIsMissingMs = 180_000;
/** How long a task may be due before it counts as overdue. */
export const overdueMs = 120_000;

export function why(record: TaskRecord, facts: Facts): Why {
  const { now } = facts;
  const standing = standingOf(record, now);
  if (standing.type === "done") {
    const notifying = hasWaiters(record) ? " The tasks that wait for it are being notified." : "";
    return reason("completed", `It has completed and never runs again.${notifying}`, record.due);
  }
  if (standing.type === "stopped" && standing.why === "paused") {
    const { intervention } = record;
    const by =
      intervention?.action === "pause"
        ? ` ${ago(intervention.at, now)} by ${intervention.by}: ${intervention.reason}`
        : "";
    const still = record.status === "running" ? " The current run goes on to its end." : "";
    return operators("paused", `An operator paused it${by}.${still} It stays paused until it is resumed.`);
  }
  if (standing.type === "stopped") return operators("parked", parkedSentence(record, now));
  if (standing.type === "held" || standing.type === "dead") return whyRunning(record, standing, facts);
  return ofUpstream(facts) ?? whyIdle(record, facts);
}

function parkedSentence({ attempts, strikes, error }: TaskRecord, now: number): string {
  const after = strikes > 0 ? `${strikes} of its runs died in a row` : `it failed ${attempts} times in a row`;
  const last = error
    ? ` Its last error, ${ago(error.at, now)} after event ${error.afterEvent}: ${quoted(error.message)}`
    : "";
  return `It was parked because ${after}. It stays parked until it is resumed.${last}`;
}

function whyRunning({ leaseUntil = 0, fence, strikes }: TaskRecord, standing: Leased, { now, lastTick }: Facts): Why {
  if (standing.type === "held") {
    const { until: over, ledBy } = standing;
    if (ledBy) {
      return reason(
        "watching",
        `It is running: ${ledBy.leader} watches its stream, and hands over before ${at(leaseUntil, now)}.`,
      );
    }
    const end = at(over, now);
    const then =
      leaseUntil < now
        ? `The lease has ended, so the run was probably killed; another run may acquire the task at ${end}.`
        : `The run ends by ${end}; then another run may acquire the task.`;
    return reason("running", `It is running: run ${fence} has the lease. ${then}`, over);
  }
  const { since } = standing;
  const count = strikes > 0 ? `, after ${strikes} before it` : "";
  const quarantined = strikes + 1 >= strikesToQuarantine ? ", in quarantine" : "";
  return {
    ...reason(
      "killed",
      `Run ${fence} was killed${count}: its lease ended at ${at(since, now)}. A tick runs the task again${quarantined}.`,
      since,
    ),
    needsOperator: isTickMissing(lastTick, now),
  };
}

function ofUpstream({ upstream, now }: Facts): Why | undefined {
  if (!upstream) return undefined;
  const { name, breaker } = upstream;
  if (breaker.paused) {
    const { at: since, reason: given } = breaker.paused;
    return operators(
      "upstream paused",
      `Its upstream ${name} was paused ${ago(since, now)}: ${given}. It runs when the upstream is resumed.`,
    );
  }
  if (breaker.state !== "open") return undefined;
  const last = breaker.reason === undefined ? "" : ` The last error: ${quoted(breaker.reason)}`;
  const sentence = `Its upstream ${name} is out. The next trial is at ${at(breaker.until, now)}.${last}`;
  return reason("upstream out", sentence, breaker.until);
}

function whyIdle(record: TaskRecord, { now, lastTick }: Facts): Why {
  const { status, due, notBefore, error, attempts } = record;
  if (due !== undefined && due + overdueMs < now) {
    const cause = isTickMissing(lastTick, now)
      ? "The cron function does not tick: look at its log and its schedule."
      : "The ticks have more tasks to check than they manage, or cannot read its record: look at the cron function's log.";
    return {
      ...reason("overdue", `It is overdue: a tick should have checked it at ${at(due, now)}. ${cause}`, due),
      needsOperator: true,
    };
  }
  switch (status) {
    case "ready":
      return reason(
        "on its way",
        `It is ready: its wake is on the way. If the wake is lost, a tick sends another at ${at(due, now)}.`,
        due,
      );
    case "retrying": {
      const time = `at ${at(notBefore, now)}`;
      if (attempts === 0)
        return reason("waiting", `It waits, as its activity asked, and runs again ${time}.`, notBefore);
      const failed = error ? ` after event ${error.afterEvent} ${ago(error.at, now)}: ${quoted(error.message)}` : ".";
      const last = error ? `It failed${failed}` : "Its last run made no progress, and asked for a silent retry.";
      return reason("failed", `${last} Attempt ${attempts + 1} is ${time}.`, notBefore);
    }
    default:
      if (record.awaiting)
        return reason("awaiting a child", "It waits until a task that it started has completed.", due);
      return whyAsleep(record, now);
  }
}

function whyAsleep({ engine, due, notBefore }: TaskRecord, now: number): Why {
  switch (engine) {
    case "lazy":
      return reason(
        "asleep",
        `It has caught up and sleeps until a signal. Without a signal, a tick checks it by ${at(due, now)}.`,
        due,
      );
    case "cron":
      return reason(
        "between slots",
        `It has caught up and runs again at its next slot at ${at(notBefore, now)}.`,
        notBefore,
      );
    case "eager":
      return reason("to be watched", `It has caught up. The leader of its shard will watch it soon.`, due);
  }
}

const isTickMissing = (lastTick: LastTick | undefined, now: number): boolean =>
  lastTick === undefined || lastTick.at + tickIsMissingMs < now;

const reason = (name: Reason, sentence: string, next?: number): Why => ({
  reason: name,
  sentence,
  next,
  needsOperator: false,
});

const operators = (name: Reason, sentence: string): Why => ({ ...reason(name, sentence), needsOperator: true });

const quoted = (message: string): string => `"${shortened(message, 160)}"`;
