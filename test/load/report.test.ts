import { describe, expect, it } from "vitest";
import { Histogram } from "../../proof/load/histogram.ts";
import { beyond, formatReport, inJson } from "../../proof/load/report.ts";

describe("a report of a load", () => {
  const figures = [
    { what: "within", value: 2, max: 2 },
    { what: "beyond", value: 2.01, max: 2 },
    { what: "not measured", value: Number.NaN, max: 2 },
    { what: "without a bound", value: 1_000_000 },
  ];

  it("names the figures that are beyond their bounds, in words and as JSON", () => {
    const report = { scenario: "tasks", what: "some tasks", figures };
    expect(beyond(report).map(({ what }) => what)).toEqual(["beyond", "not measured"]);
    expect(formatReport(report)).toMatch(/beyond +2.01 {2}at most 2 {2}BROKEN\n/);
    expect(formatReport(report)).toMatch(/without a bound +1,000,000\n/);
    expect(formatReport(report)).toMatch(/2 bounds are broken$/);
    expect(JSON.parse(inJson(report))).toMatchObject({ scenario: "tasks", broken: [{ what: "beyond" }, {}] });
    expect(formatReport({ ...report, figures: figures.slice(0, 1) })).toMatch(/every bound holds$/);
  });

  it("shows when things happened, and how spread out", () => {
    const histogram = new Histogram("runs", 10_000);
    for (const second of [5, 31, 32, 33, 34, 35, 36, 41, 42, 99]) histogram.add(second * 1_000);
    expect(histogram.counts).toEqual([1, 0, 0, 6, 2, 0, 0, 0, 0, 1]);
    expect(histogram).toMatchObject({ total: 10, maxCount: 6 });
    expect(histogram.spreadMs(0)).toBe(100_000);
    expect(histogram.spreadMs(0.1)).toBe(20_000);
    expect(histogram.format()[4]).toMatch(/^ +30 s +6 #{60}$/);
  });
});
