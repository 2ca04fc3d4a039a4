import { compileCronDays } from "./cron-days.ts";
import { parseCronField } from "./cron-field.ts";
import { momentOfWallTime, wallTimeMs } from "./zoned-time.ts";

/** The first moment after `afterMs` that a cron expression selects, in milliseconds; undefined when there is none. */
export type NextCronTime = (afterMs: number) => number | undefined;

const monthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const years = { name: "year", min: 1970, max: 2199 };
const minuteMs = 60_000;
const dayMs = 86_400_000;

/**
 * Compiles the six fields of an AWS cron expression: minutes, hours, day of month, month, day of week, year. Times that
 * a zone's clocks skip are left out and times they show twice happen once, the first time (EventBridge Scheduler User
 * Guide, "Daylight savings time"). Throws an Error that says what is wrong.
 */
export function compileCron(fields: string, timeZone: string): NextCronTime {
  const parts = fields.trim().split(/\s+/);
  const [minuteField, hourField, dayOfMonth, monthField, dayOfWeek, yearField] = parts;
  if (parts.length !== 6 || !minuteField || !hourField || !dayOfMonth || !monthField || !dayOfWeek || !yearField) {
    throw new Error(`a cron expression must have 6 fields, but has ${parts.length}`);
  }
  const minutes = ascending(parseCronField(minuteField, { name: "minute", min: 0, max: 59 }));
  const hours = ascending(parseCronField(hourField, { name: "hour", min: 0, max: 23 }));
  const months = parseCronField(monthField, { name: "month", min: 1, max: 12, names: monthNames });
  const selectedYears = parseCronField(yearField, years);
  const isSelectedDay = compileCronDays(dayOfMonth, dayOfWeek);
  const lastYear = Math.max(...selectedYears);

  const isSelected = (date: Date) => {
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + 1];
    if (!selectedYears.has(year) || !months.has(month)) return false;
    return isSelectedDay({ year, month, day: date.getUTCDate() });
  };

  return (afterMs) => {
    const firstDay = Math.floor(wallTimeMs(afterMs, timeZone) / dayMs) * dayMs;
    for (let day = firstDay; new Date(day).getUTCFullYear() <= lastYear; day += dayMs) {
      if (!isSelected(new Date(day))) continue;
      for (const hour of hours) {
        for (const minute of minutes) {
          const moment = momentOfWallTime(day + (hour * 60 + minute) * minuteMs, timeZone);
          if (moment !== undefined && moment > afterMs) return moment;
        }
      }
    }
    return undefined;
  };
}

function ascending(numbers: ReadonlySet<number>): readonly number[] {
  return [...numbers].sort((a, b) => a - b);
}
