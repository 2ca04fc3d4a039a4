import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffOf } from "../../functions/operate/line-diff.ts";

describe("what became of a text, line by line,", () => {
  const textOf = (lines: ReturnType<typeof diffOf>, left: "added" | "removed") =>
    lines.flatMap(({ change, line }) => (change === left ? [] : [line])).join("\n");

  it("is the fewest lines that were changed", () => {
    expect(diffOf("a\nb\nc\nd", "a\nc\nx\nd")).toEqual([
      { change: "same", line: "a" },
      { change: "removed", line: "b" },
      { change: "same", line: "c" },
      { change: "added", line: "x" },
      { change: "same", line: "d" },
    ]);
  });

  it("has both texts in it, whatever they are", () => {
    const text = fc.array(fc.constantFrom("a", "b", "", "  c"), { maxLength: 12 }).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffOf(before, after);
        expect(textOf(lines, "added")).toBe(before);
        expect(textOf(lines, "removed")).toBe(after);
      }),
    );
  });

  it("is all of both where they differ, if they are too long to look for the best way", () => {
    const [before, after] = ["x", "y"].map((word) => Array.from({ length: 1_500 }, (_, i) => `${word}${i}`).join("\n"));
    const lines = diffOf(before ?? "", after ?? "");
    expect(lines.map(({ change }) => change)).toEqual([...Array(1_500).fill("removed"), ...Array(1_500).fill("added")]);
  });
});
