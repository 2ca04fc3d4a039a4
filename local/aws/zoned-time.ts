/**
 * Wall clock times in time zones. A wall time is a number: the milliseconds since 1970-01-01T00:00:00Z at which a clock
 * in UTC shows the same date and time.
 */

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Throws a RangeError for a name that is no IANA time zone. */
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const cached = formatters.get(timeZone);
  if (cached) return cached;
  const formatter = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formatters.set(timeZone, formatter);
  return formatter;
}

export function isTimeZone(timeZone: string): boolean {
  try {
    formatterOf(timeZone);
    return true;
  } catch {
    return false;
  }
}

/** The wall time in a zone at a given moment, both in milliseconds. */
export function wallTimeMs(moment: number, timeZone: string): number {
  if (timeZone === "UTC") return moment;
  const parts = new Map(
    formatterOf(timeZone)
      .formatToParts(moment)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const whole = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return whole + (((moment % 1000) + 1000) % 1000);
}

/** The first moment at which a zone's clocks show a wall time; undefined when they skip it. */
export function momentOfWallTime(wallTime: number, timeZone: string): number | undefined {
  if (timeZone === "UTC") return wallTime;
  const dayMs = 86_400_000;
  const candidates = [wallTime - dayMs, wallTime + dayMs]
    .map((near) => wallTime - (wallTimeMs(near, timeZone) - near))
    .filter((moment) => wallTimeMs(moment, timeZone) === wallTime);
  return candidates.length > 0 ? Math.min(...candidates) : undefined;
}
