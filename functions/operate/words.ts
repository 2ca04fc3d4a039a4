/** A span of time as people say it: two units at most, as `2 h 5 min`. */
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

export const ago = (time: number, now: number): string =>
  time <= now ? `${span(now - time)} ago` : `in ${span(time - now)}`;

/** A time and how far away it is: `2026-01-01T00:05:00Z (in 5 min)`; "some time" if there is none. */
export function at(time: number | undefined, now: number): string {
  if (time === undefined || !Number.isFinite(time)) return "some time";
  return `${new Date(time).toISOString().replace(/\.\d+Z$/, "Z")} (${ago(time, now)})`;
}

export const shortened = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most)}…` : text;
