import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { project } from "./regions.ts";
import { rowsUnder } from "./tables.ts";

const page = readFileSync(join(project, "docs/decisions.md"), "utf8");
const headings = [...page.matchAll(/^(##+) (.+)$/gm)].map(([, marks = "", title = ""]) => ({
  level: marks.length,
  title,
}));

describe("the page of decisions", () => {
  it("lists its subjects, in their order", () => {
    const listed = [...page.matchAll(/^- \[([^\]]+)\]\(#/gm)].map(([, subject]) => subject);
    expect(listed).toEqual(headings.filter(({ level }) => level === 2).map(({ title }) => title));
  });

  it("has a heading of its own for each decision", () => {
    const titles = headings.map(({ title }) => title);
    expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
    expect(titles.length).toBeGreaterThan(50);
  });

  it("names the files that translate a stored name", () => {
    const rows = rowsUnder(page, "stored", "in the code", "translated in");
    expect(rows.length).toBeGreaterThan(3);
    for (const [stored = "", inCode = "", files = ""] of rows) {
      const [name = ""] = /^\w+#?/.exec(stored) ?? [];
      for (const file of files.split(", ")) {
        const text = readFileSync(join(project, file), "utf8");
        expect(text, `${file} has ${name}`).toContain(name);
        expect(text, `${file} has ${inCode}`).toContain(inCode);
      }
    }
  });
});
