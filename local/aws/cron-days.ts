import { type CronFieldRange, parseCronField, parseCronNumber } from "./cron-field.ts";

export interface CalendarDay {
  readonly year: number;
  /** 1-12. */
  readonly month: number;
  /** 1-31. */
  readonly day: number;
}

export type DayTest = (day: CalendarDay) => boolean;

const monthDays: CronFieldRange = { name: "day of the month", min: 1, max: 31 };
const weekDays: CronFieldRange = {
  name: "day of the week",
  min: 1,
  max: 7,
  names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};

/**
 * The days that the day-of-month and day-of-week fields of an AWS cron expression select. Exactly one of them must be
 * `?`; `L` is the last day, `nW` the weekday nearest to day n, `n#k` the k-th weekday n (EventBridge Scheduler User
 * Guide, "Cron-based schedules"). Throws an Error that says what is wrong.
 */
export function compileCronDays(dayOfMonth: string, dayOfWeek: string): DayTest {
  if ((dayOfMonth === "?") === (dayOfWeek === "?")) {
    throw new Error("exactly one of day of the month and day of the week must be '?'");
  }
  const field = dayOfWeek === "?" ? dayOfMonth : dayOfWeek;
  const compile = dayOfWeek === "?" ? compileMonthDay : compileWeekDay;
  const tests = field.split(",").map(compile);
  return (day) => tests.some((selects) => selects(day));
}

function compileMonthDay(item: string): DayTest {
  if (item === "L") return (date) => date.day === daysInMonth(date);
  if (item === "LW") return (date) => date.day === nearestWeekday(date, daysInMonth(date));
  const nearest = /^(\d{1,2})W$/.exec(item)?.[1];
  if (nearest !== undefined) {
    const wanted = parseCronNumber(nearest, monthDays);
    return (date) => wanted <= daysInMonth(date) && date.day === nearestWeekday(date, wanted);
  }
  const days = parseCronField(item, monthDays);
  return (date) => days.has(date.day);
}

function compileWeekDay(item: string): DayTest {
  if (item === "L") return (date) => weekDayOf(date) === weekDays.max;
  const [, lastOf] = /^(\w+)L$/.exec(item) ?? [];
  if (lastOf !== undefined) {
    const wanted = parseCronNumber(lastOf, weekDays);
    return (date) => weekDayOf(date) === wanted && date.day + 7 > daysInMonth(date);
  }
  const [, weekDay, position] = /^(\w+)#([1-5])$/.exec(item) ?? [];
  if (weekDay !== undefined) {
    const wanted = parseCronNumber(weekDay, weekDays);
    return (date) => weekDayOf(date) === wanted && Math.ceil(date.day / 7) === Number(position);
  }
  const days = parseCronField(item, weekDays);
  return (date) => days.has(weekDayOf(date));
}

/** 1 is Sunday. */
function weekDayOf({ year, month, day }: CalendarDay): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 1;
}

function daysInMonth({ year, month }: CalendarDay): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** The Monday to Friday nearest to a day, within its month. */
function nearestWeekday(date: CalendarDay, wanted: number): number {
  const weekDay = weekDayOf({ ...date, day: wanted });
  if (weekDay === 7) return wanted === 1 ? 3 : wanted - 1;
  if (weekDay === 1) return wanted === daysInMonth(date) ? wanted - 2 : wanted + 1;
  return wanted;
}
