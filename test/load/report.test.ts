import { describe, expect, it } from "vitest";
import { Histogram } from "../../proof/load/histogram.ts";
import { beyond, inJson, inWords } from "../../proof/load/report.ts";

describe("a report of a load", () => {
  const figures = [
    { what: "within", value: 2, most: 2 },
    { what: "beyond", value: 2.01, most: 2 },
    { what: "not measured", value: Number.NaN, most: 2 },
    { what: "without a bound", value: 1_000_000 },
  ];

  it("names the figures that are beyond their bounds, in words and as JSON", () => {
    const report = { scenario: "tasks", what: "some tasks", figures };
    expect(beyond(report).map(({ what }) => what)).toEqual(["beyond", "not measured"]);
    expect(inWords(report)).toMatch(/beyond +2.01 {2}at most 2 {2}BROKEN\n/);
    expect(inWords(report)).toMatch(/without a bound +1,000,000\n/);
    expect(inWords(report)).toMatch(/2 of the bounds are broken$/);
    expect(JSON.parse(inJson(report))).toMatchObject({ scenario: "tasks", broken: [{ what: "beyond" }, {}] });
    expect(inWords({ ...report, figures: figures.slice(0, 1) })).toMatch(/every bound holds$/);
  });

  it("shows when things happened, and how spread out", () => {
    const histogram = new Histogram("runs", 10_000);
    for (const second of [5, 31, 32, 33, 34, 35, 36, 41, 42, 99]) histogram.add(second * 1_000);
    expect(histogram.counts).toEqual([1, 0, 0, 6, 2, 0, 0, 0, 0, 1]);
    expect(histogram).toMatchObject({ total: 10, largest: 6 });
    expect(histogram.spreadMs(0)).toBe(100_000);
    expect(histogram.spreadMs(0.1)).toBe(20_000);
    expect(histogram.inWords()[4]).toMatch(/^ +30 s +6 #{60}$/);
  });
});
