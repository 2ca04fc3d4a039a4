import { printable } from "../../functions/operate/printable.ts";
import { ago, isoTime, shortened } from "../../functions/operate/words.ts";
import { useNow } from "./clock.ts";

const defaultMaxLength = 400;

/** Escapes unprintable characters of an external text. Keeps line ends if `lines`. */
export function visible(text: string, { lines = false } = {}): string {
  return lines ? text.replaceAll(/[^\n\t]+/g, printable) : printable(text);
}

/** An external text on one line, cut if it is too long. In a control document the value may be of another type. */
export function Text({ of, max = defaultMaxLength }: { readonly of: string; readonly max?: number }) {
  return <bdi>{visible(shortened(String(of), max))}</bdi>;
}

/** An external text of several lines: an error, a view, a record. */
export function Block({ of, max = 200_000 }: { readonly of: string; readonly max?: number }) {
  return <pre>{visible(shortened(String(of), max), { lines: true })}</pre>;
}

/** A time relative to now, with the absolute time as its title. */
export function Time({ at }: { readonly at: number }) {
  const text = isoTime(at);
  if (!text.endsWith("Z")) return <>{text}</>;
  return (
    <time dateTime={text} title={text}>
      {ago(at, useNow())}
    </time>
  );
}

/** The local time of day, with the date unless it is today. */
export function clockTime(at: number): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return isoTime(at);
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? time.toLocaleTimeString("en-GB") : time.toLocaleString("en-GB");
}

export const grouped = (count: number): string => count.toLocaleString("en-US");
