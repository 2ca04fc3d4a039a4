import type { TaskRecord } from "../tasks/record.ts";
import { type Standing, standingOf } from "../tasks/standing.ts";
import { strikesToQuarantine } from "../tasks/times.ts";
import type { LastTick } from "../tick/last-tick.ts";
import type { BreakerState } from "../upstream/breaker.ts";
import { ago, at, shortened } from "./words.ts";

/** Why a task does not run now, or that it does. */
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
  /** One sentence for people. It may quote an error of the task's own, in part. */
  readonly sentence: string;
  /** When something happens to the task next, in milliseconds since 1970; undefined if an operator or a signal decides. */
  readonly next: number | undefined;
  /** Does someone have to do something? */
  readonly needsOperator: boolean;
}

/** What is known besides the record. */
export interface Facts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Name and breaker of the task's upstream, if the app is known. */
  readonly upstream?: { readonly name: string; readonly breaker: BreakerState } | undefined;
  readonly lastTick: LastTick | undefined;
}

type Leased = Standing & { readonly type: "held" | "dead" };

/** A tick comes every minute; after so long without one, something is wrong with it. */
export const tickIsMissingMs = 180_000;
/** How late a due time may be before it says that a tick has missed it. */
export const overdueMs = 120_000;

export function why(record: TaskRecord, facts: Facts): Why {
  const { now } = facts;
  const standing = standingOf(record, now);
  if (standing.type === "done") {
    const told = record.waiters ? ", and the tasks that wait for it are being told" : "";
    return reason("completed", `It has completed${told}: it never runs again.`, record.due);
  }
  if (standing.type === "stopped" && standing.why === "paused") {
    const { intervention } = record;
    const by =
      intervention?.action === "pause"
        ? ` ${ago(intervention.at, now)} by ${intervention.by}: ${intervention.reason}`
        : "";
    const still = record.status === "running" ? " The run that is under way goes on to its end." : "";
    return operators("paused", `An operator has paused it${by}.${still} It stays so until it is resumed.`);
  }
  if (standing.type === "stopped") return operators("parked", parkedSentence(record, now));
  if (standing.type === "held" || standing.type === "dead") return whyRunning(record, standing, facts);
  return ofUpstream(facts) ?? whyIdle(record, facts);
}

function parkedSentence({ attempts, strikes, error }: TaskRecord, now: number): string {
  const after = strikes > 0 ? `${strikes} runs of it died in a row` : `it had failed ${attempts} times in a row`;
  const last = error
    ? ` The last error, ${ago(error.at, now)} after event ${error.afterEvent}: ${quoted(error.message)}`
    : "";
  return `It was parked because ${after}, and stays so until it is resumed.${last}`;
}

function whyRunning({ leaseUntil = 0, fence, strikes }: TaskRecord, standing: Leased, { now, lastTick }: Facts): Why {
  if (standing.type === "held") {
    const { until: over, ledBy } = standing;
    if (ledBy) {
      return reason(
        "watching",
        `It runs: ${ledBy.leader} holds its stream open, and hands it over before ${at(leaseUntil, now)}.`,
      );
    }
    const dead =
      leaseUntil < now
        ? " Its lease is over, so it was probably killed, and is taken over"
        : " It hands over, or is taken over,";
    return reason("running", `It runs: run ${fence} has the lease.${dead} by ${at(over, now)}.`, over);
  }
  const { since } = standing;
  const count = strikes > 0 ? `, as ${strikes} before it` : "";
  const alone = strikes + 1 >= strikesToQuarantine ? ", alone" : "";
  return {
    ...reason(
      "killed",
      `Run ${fence} was killed${count}: its lease is over since ${at(since, now)}. A tick has it run again${alone}.`,
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
      `Its upstream ${name} was paused ${ago(since, now)}: ${given}. It runs when that is resumed.`,
    );
  }
  if (breaker.state !== "open") return undefined;
  const last = breaker.reason === undefined ? "" : ` The error: ${quoted(breaker.reason)}`;
  const sentence = `Its upstream ${name} is out; it is tried again at ${at(breaker.until, now)}.${last}`;
  return reason("upstream out", sentence, breaker.until);
}

function whyIdle(record: TaskRecord, { now, lastTick }: Facts): Why {
  const { status, due, notBefore, error, attempts } = record;
  if (due !== undefined && due + overdueMs < now) {
    const cause = isTickMissing(lastTick, now)
      ? "The cron function does not tick: look at its log and its schedule."
      : "The ticks have more to do than they get through, or cannot read it: look at the cron function's log.";
    return {
      ...reason("overdue", `Something should have happened to it at ${at(due, now)}. ${cause}`, due),
      needsOperator: true,
    };
  }
  switch (status) {
    case "ready":
      return reason(
        "on its way",
        `It is to run: its wake is on the way. If that was lost, a tick wakes it at ${at(due, now)}.`,
        due,
      );
    case "retrying": {
      const time = `at ${at(notBefore, now)}`;
      if (attempts === 0)
        return reason("waiting", `It waits, as its activity asked, and runs again ${time}.`, notBefore);
      const failed = error ? ` after event ${error.afterEvent} ${ago(error.at, now)}: ${quoted(error.message)}` : ".";
      const last = error ? `It failed${failed}` : "Its last run ended without progress, silently.";
      return reason("failed", `${last} Attempt ${attempts + 1} comes ${time}.`, notBefore);
    }
    default:
      if (record.awaiting) return reason("awaiting a child", "It waits for a task that it started to complete.", due);
      return whyAsleep(record, now);
  }
}

function whyAsleep({ engine, due, notBefore }: TaskRecord, now: number): Why {
  switch (engine) {
    case "lazy":
      return reason(
        "asleep",
        `It has caught up and sleeps until a signal. Without one it is checked by ${at(due, now)}.`,
        due,
      );
    case "cron":
      return reason(
        "between slots",
        `It has caught up and runs again in its slot at ${at(notBefore, now)}.`,
        notBefore,
      );
    case "eager":
      return reason("to be watched", `It has caught up; a leader of the eager function watches it soon.`, due);
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
