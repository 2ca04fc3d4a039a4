import { isoTime, type Rehearsal } from "tailwake/operate";
import type { Output } from "../print/output.ts";
import { printableJson } from "../print/printable.ts";

/** Prints action an action would write and send: for `--dry-run`. */
export function printRehearsal(stdout: Output, action: string, { changes, wakes }: Rehearsal): void {
  stdout.line(`would ${action}`);
  if (changes.length > 0) {
    stdout.table(
      [{ title: "ATTRIBUTE" }, { title: "FROM", cut: true }, { title: "TO", cut: true }],
      changes.map(({ attribute, from, to }) => [attribute, textOf(attribute, from), textOf(attribute, to)]),
    );
  }
  for (const { wake, at } of wakes) {
    stdout.line(`and send a wake, ${wake.class}${at === undefined ? "" : `, for ${isoTime(at)}`}`);
  }
}

const times = ["due", "leaseUntil", "notBefore", "startedAt"];

function textOf(attribute: string, value: unknown): string {
  if (value === undefined) return "–";
  if (typeof value === "number" && times.includes(attribute)) return isoTime(value);
  return typeof value === "string" ? value : printableJson(value);
}
