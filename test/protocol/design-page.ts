import { readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "../docs/regions.ts";
import { rowsUnder } from "../docs/tables.ts";
import type { Shorthands } from "./notation.ts";

/** The page that describes the protocol. */
export const page = readFileSync(join(project, "docs/design.md"), "utf8");

/** The text below a heading, up to the next one. */
export function sectionOf(heading: string): string {
  const [, text] = page.split(new RegExp(`^#+ ${heading}\\n`, "m"));
  if (text === undefined) throw new Error(`docs/design.md has no heading "${heading}"`);
  return text.split(/^#+ /m)[0] ?? "";
}

/** A row of the table of operations. */
export interface Row {
  readonly operation: string;
  readonly condition: string;
  readonly writes: string;
  readonly next: string;
  readonly due: string;
  readonly woken: string;
  readonly rules: string;
}

const columns = ["operation", "condition", "writes", "next", "due", "woken", "rules"] as const;

/** The table of operations. */
export const rows: readonly Row[] = rowsUnder(page, ...columns).map((cells) => {
  const cell = (column: (typeof columns)[number]) => cells[columns.indexOf(column)] ?? "";
  return {
    operation: cell("operation"),
    condition: cell("condition"),
    writes: cell("writes"),
    next: cell("next"),
    due: cell("due"),
    woken: cell("woken"),
    rules: cell("rules"),
  };
});

/** The words that stand for longer cells. */
export const shorthands: Shorthands = new Map(
  rowsUnder(page, "word", "stands for").map(([word = "", longer = ""]) => [word, longer]),
);

/** The value of each name for a time or a number, as the page says it. */
export const namesOnPage: ReadonlyMap<string, string> = new Map(
  rowsUnder(page, "name", "value").map(([name = "", value = ""]) => [name, value]),
);
