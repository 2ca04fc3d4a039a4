import { printableJson } from "../print/printable.ts";

/** One event on one line: when it was made, its id, and what it says. */
export function eventLine({
  id,
  at,
  event,
}: {
  readonly id: string;
  readonly at: number | undefined;
  readonly event: unknown;
}) {
  const time = at === undefined ? "" : `${new Date(at).toISOString()}  `;
  return `${time}${id}  ${event === undefined ? "" : printableJson(event)}`.trimEnd();
}
