import { compileCron } from "./cron-expression.ts";
import { ServiceError } from "./service-error.ts";
import { isTimeZone, momentOfWallTime } from "./zoned-time.ts";

/** When a schedule is due; all times in milliseconds since 1970-01-01T00:00:00Z. */
export interface ScheduleExpression {
  readonly kind: "at" | "rate" | "cron";
  /**
   * The first due time after `afterMs`, or undefined when there is none. Rates count from `anchorMs`, which is the
   * first due time.
   */
  next(afterMs: number, anchorMs: number): number | undefined;
}

const unitMs: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * Parses `at(yyyy-mm-ddThh:mm:ss)`, `rate(value unit)` and `cron(fields)` (EventBridge Scheduler API reference,
 * CreateSchedule). Refuses anything else with ValidationException.
 */
export function parseScheduleExpression(text: string, timeZone = "UTC"): ScheduleExpression {
  if (!isTimeZone(timeZone)) {
    throw new ServiceError("ValidationException", `Invalid ScheduleExpressionTimezone '${timeZone}'.`);
  }
  const [, kind, content = ""] = /^(at|rate|cron)\((.*)\)$/.exec(text) ?? [];
  try {
    if (kind === "at") return parseAt(content, timeZone);
    if (kind === "rate") return parseRate(content);
    if (kind === "cron") {
      const next = compileCron(content, timeZone);
      return { kind, next: (afterMs) => next(afterMs) };
    }
    throw new Error("it must be at(...), rate(...) or cron(...)");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ServiceError("ValidationException", `Invalid Schedule Expression ${text}: ${reason}.`);
  }
}

function parseAt(content: string, timeZone: string): ScheduleExpression {
  const isWellFormed = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/.test(content);
  const wallTime = isWellFormed ? new Date(`${content}Z`) : undefined;
  if (!wallTime || Number.isNaN(wallTime.getTime()) || !wallTime.toISOString().startsWith(content)) {
    throw new Error("at(...) must hold a time of the form yyyy-mm-ddThh:mm:ss");
  }
  const moment = momentOfWallTime(wallTime.getTime(), timeZone);
  if (moment === undefined) throw new Error(`the clocks of ${timeZone} skip that time`);
  return { kind: "at", next: (afterMs) => (moment > afterMs ? moment : undefined) };
}

function parseRate(content: string): ScheduleExpression {
  const [, value, unit = ""] = /^([1-9]\d{0,8})\s+(minute|hour|day)s?$/.exec(content.trim()) ?? [];
  const periodMs = Number(value) * (unitMs[unit] ?? Number.NaN);
  if (Number.isNaN(periodMs)) throw new Error("rate(...) must hold a positive integer and minutes, hours or days");
  return {
    kind: "rate",
    next: (afterMs, anchorMs) => {
      const periods = Math.floor((afterMs - anchorMs) / periodMs) + 1;
      return anchorMs + Math.max(0, periods) * periodMs;
    },
  };
}
