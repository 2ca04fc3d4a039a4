import { isoTime } from "tailwake/operate";
import { printableJson } from "../print/printable.ts";

/** One event on one line: its time, id and JSON. */
export function eventLine({
  id,
  at,
  event,
}: {
  readonly id: string;
  readonly at: number | undefined;
  readonly event: unknown;
}) {
  const time = at === undefined ? "" : `${isoTime(at)}  `;
  return `${time}${id}  ${event === undefined ? "" : printableJson(event)}`.trimEnd();
}
