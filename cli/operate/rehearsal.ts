import type { Rehearsal } from "tailwake/operate";
import type { Paper } from "../print/paper.ts";
import { printableJson } from "../print/printable.ts";

/** What an act would write and send: for `--dry-run`. */
export function printRehearsal(paper: Paper, what: string, { changes, wakes }: Rehearsal): void {
  paper.line(`would ${what}`);
  if (changes.length > 0) {
    paper.table(
      [{ title: "ATTRIBUTE" }, { title: "FROM", cut: true }, { title: "TO", cut: true }],
      changes.map(({ attribute, from, to }) => [attribute, textOf(attribute, from), textOf(attribute, to)]),
    );
  }
  for (const { wake, at } of wakes) {
    paper.line(`and send a wake, ${wake.class}${at === undefined ? "" : `, for ${new Date(at).toISOString()}`}`);
  }
}

const times = ["due", "leaseUntil", "notBefore", "startedAt"];

function textOf(attribute: string, value: unknown): string {
  if (value === undefined) return "–";
  if (typeof value === "number" && times.includes(attribute)) return new Date(value).toISOString();
  return typeof value === "string" ? value : printableJson(value);
}
