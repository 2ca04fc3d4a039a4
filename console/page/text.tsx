import { printable } from "../../functions/operate/printable.ts";
import { ago, shortened } from "../../functions/operate/words.ts";
import { useNow } from "./clock.ts";

const longest = 400;

/** A text from outside with what cannot be seen written out. Line ends stay if `lines`. */
export function visible(text: string, { lines = false } = {}): string {
  return lines ? text.replaceAll(/[^\n\t]+/g, printable) : printable(text);
}

/** A text from outside, in one line; what is too long for it is cut. Of documents it need not be a text. */
export function Text({ of, most = longest }: { readonly of: string; readonly most?: number }) {
  return <bdi>{visible(shortened(String(of), most))}</bdi>;
}

/** A text from outside of several lines: an error, a view, a record. */
export function Block({ of, most = 200_000 }: { readonly of: string; readonly most?: number }) {
  return <pre>{visible(shortened(String(of), most), { lines: true })}</pre>;
}

/** How far away a time is, and which one it is. */
export function Time({ at }: { readonly at: number }) {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return <>some time</>;
  return (
    <time dateTime={time.toISOString()} title={time.toISOString()}>
      {ago(at, useNow())}
    </time>
  );
}

/** The time of day here, with the date if it was another day. */
export function clockTime(at: number): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return "some time";
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? time.toLocaleTimeString("en-GB") : time.toLocaleString("en-GB");
}

export const grouped = (count: number): string => count.toLocaleString("en-US");
