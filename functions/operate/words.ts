import { latestTime } from "../contract/outcome.ts";

/** A duration for people, in milliseconds: at most two units, as `2 h 5 min`. */
export function span(ms: number): string {
  const total = Math.round(Math.abs(ms) / 1000);
  if (total < 1) return "less than 1 s";
  const units = [
    ["d", Math.floor(total / 86_400)],
    ["h", Math.floor(total / 3_600) % 24],
    ["min", Math.floor(total / 60) % 60],
    ["s", total % 60],
  ] as const;
  const first = units.findIndex(([, count]) => count > 0);
  return units
    .slice(first, first + 2)
    .flatMap(([unit, count]) => (count > 0 ? `${count} ${unit}` : []))
    .join(" ");
}

/** A time relative to now, both in milliseconds since 1970: `5 min ago` or `in 5 min`. */
export const ago = (time: number, now: number): string =>
  time <= now ? `${span(now - time)} ago` : `in ${span(time - now)}`;

/** A time, in milliseconds since 1970, as `2026-01-01T00:05:00.000Z`. Never throws: a record may have any number. */
export function isoTime(time: number): string {
  if (time > latestTime) return "a time after the year 9999";
  return Math.abs(time) <= latestTime ? new Date(time).toISOString() : "an unknown time";
}

/** A time, absolute and relative: `2026-01-01T00:05:00Z (in 5 min)`; "an unknown time" if there is none. */
export function at(time: number | undefined, now: number): string {
  if (time === undefined || !Number.isFinite(time)) return "an unknown time";
  const text = isoTime(time);
  return text.endsWith("Z") ? `${text.replace(/\.\d+Z$/, "Z")} (${ago(time, now)})` : text;
}

/** The first `maxLength` characters of a text, with an ellipsis if it is longer. */
export const shortened = (text: string, maxLength: number): string =>
  text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
