import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type MetricName, metrics } from "../../functions/engines/meter.ts";
import { emfMeter } from "../../functions/lambda/emf-meter.ts";
import { TestClock } from "../support/test-clock.ts";

/** A line of the log, as CloudWatch reads it. */
interface Document {
  readonly _aws: { readonly Timestamp: number; readonly CloudWatchMetrics: readonly Directive[] };
  readonly [member: string]: unknown;
}
interface Directive {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
}

/** Takes what has been printed; each line has to be what CloudWatch accepts (AWS: CloudWatch embedded metric format). */
function printed(): () => Document[] {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  const warn = vi.spyOn(console, "warn").mockImplementation((text) => expect.fail(`a warning: ${text}`));
  onTestFinished(() => {
    write.mockRestore();
    warn.mockRestore();
  });
  return () =>
    lines.splice(0).map((line) => {
      expect(line).toMatch(/^[^\n]+\n$/);
      const document: Document = JSON.parse(line);
      expectAccepted(document);
      return document;
    });
}

function expectAccepted(document: Document): void {
  const { Timestamp, CloudWatchMetrics } = document._aws;
  expect(Number.isSafeInteger(Timestamp)).toBe(true);
  for (const { Namespace, Dimensions, Metrics } of CloudWatchMetrics) {
    expect(Namespace).toBe("Tailwake");
    expect(Metrics.length).toBeGreaterThan(0);
    expect(Metrics.length).toBeLessThanOrEqual(100);
    expect(new Set(Dimensions.map((set) => set.join())).size).toBe(Dimensions.length);
    for (const set of Dimensions) {
      expect(set.length).toBeGreaterThan(0);
      expect(set.length).toBeLessThanOrEqual(30);
      for (const name of set) expect(document[name]).toEqual(expect.stringMatching(/^.{1,1024}$/));
    }
    for (const { Name, Unit } of Metrics) {
      expect(["Count", "Seconds", "Milliseconds", "Bytes"]).toContain(Unit);
      const values = [document[Name]].flat();
      expect(values.length).toBeGreaterThan(0);
      expect(values.length).toBeLessThanOrEqual(100);
      for (const value of values) expect(value).toSatisfy(Number.isFinite);
    }
  }
}

const start = () => {
  const clock = new TestClock();
  return { clock, take: printed(), meter: emfMeter("orders-prod", clock) };
};
const directive = ({ _aws }: Document) => _aws.CloudWatchMetrics[0];

describe("the meter of CloudWatch", () => {
  it("leaves one line an invocation of what has no dimension but the service, and none where nothing was measured", () => {
    const { take, meter } = start();
    meter.publish();
    expect(take()).toEqual([]);
    const plain = (Object.keys(metrics) as MetricName[]).filter((name) => !("by" in metrics[name]));
    for (const name of plain) meter.add(name, 2);
    expect(take()).toEqual([]);
    meter.publish();
    const [line, ...more] = take();
    expect(more).toEqual([]);
    expect(line).toMatchObject({ service: "orders-prod", Ticks: 2, OldestDueSeconds: 2, WakeToRunMs: 2 });
    expect(line && directive(line)).toEqual({
      Namespace: "Tailwake",
      Dimensions: [["service"]],
      Metrics: plain.map((Name) => ({ Name, Unit: metrics[Name].unit })),
    });
    meter.publish();
    expect(take()).toEqual([]);
  });

  it("has what is of an activity twice: alone by service, and by activity; of runs also by outcome", () => {
    const { take, meter } = start();
    meter.add("Runs", 1, { activity: "ship-order", outcome: "caughtUp" });
    meter.add("RunMs", 12, { activity: "ship-order" });
    meter.add("Events", 3, { activity: "ship-order" });
    meter.publish();
    const [runs, times, ...more] = take();
    expect(more).toEqual([]);
    expect(runs).toMatchObject({ service: "orders-prod", activity: "ship-order", outcome: "caughtUp", Runs: 1 });
    expect(runs && directive(runs)?.Dimensions).toEqual([["service"], ["service", "activity", "outcome"]]);
    expect(times).toMatchObject({ service: "orders-prod", activity: "ship-order", RunMs: 12, Events: 3 });
    expect(times && directive(times)?.Dimensions).toEqual([["service"], ["service", "activity"]]);
    expect(times).not.toHaveProperty("outcome");
  });

  it("keeps activities, and outcomes, apart", () => {
    const { take, meter } = start();
    for (const activity of ["a", "b", "a"]) {
      meter.add("Events", 2, { activity });
      for (const outcome of ["caughtUp", "retry"] as const) meter.add("Runs", 1, { activity, outcome });
    }
    meter.publish();
    const lines = take().map(({ activity, outcome, Runs, Events }) => [activity, outcome, Runs ?? Events]);
    expect(lines).toEqual([
      ["a", undefined, 4],
      ["a", "caughtUp", 2],
      ["a", "retry", 2],
      ["b", undefined, 2],
      ["b", "caughtUp", 1],
      ["b", "retry", 1],
    ]);
  });

  it("adds counts, keeps the highest level, and keeps each time, so that there are percentiles", () => {
    const { take, meter } = start();
    for (const value of [4, 9, 1]) {
      meter.add("Rescues", value);
      meter.add("DueBacklog", value);
      meter.add("WakeToRunMs", value);
    }
    meter.publish();
    expect(take()).toMatchObject([{ Rescues: 14, DueBacklog: 9, WakeToRunMs: [4, 9, 1] }]);
  });

  it("counts reasons beside the metric, where they cost no dimension", () => {
    const { take, meter } = start();
    for (const why of ["Unavailable", "Aborted", "Unavailable"]) meter.add("StreamFailures", 1, { why });
    meter.publish();
    const [line] = take();
    expect(line).toMatchObject({ StreamFailures: 3, StreamFailures_Unavailable: "2", StreamFailures_Aborted: "1" });
    expect(line && directive(line)?.Dimensions).toEqual([["service"]]);
    meter.add("StreamFailures", 1);
    meter.publish();
    expect(Object.keys(take()[0] ?? {})).not.toContain("StreamFailures_Unavailable");
  });

  it("leaves out a count of nothing, which would be a metric to pay, and not a level of nothing", () => {
    const { take, meter } = start();
    meter.add("Parked", 0);
    meter.publish();
    expect(take()).toEqual([]);
    meter.add("Parked", 0);
    meter.add("DueBacklog", 0);
    meter.publish();
    const [line] = take();
    expect(line).toMatchObject({ DueBacklog: 0 });
    expect(line).not.toHaveProperty("Parked");
  });

  it("prints a line that is full, with all its dimensions, and loses nothing", () => {
    const { take, meter } = start();
    for (let run = 1; run <= 250; run++) {
      meter.add("Events", 1, { activity: "a" });
      meter.add("RunMs", run, { activity: "a" });
    }
    const early = take();
    expect(early).toHaveLength(2);
    meter.publish();
    const lines = [...early, ...take()];
    expect(lines.flatMap(({ RunMs }) => RunMs)).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
    expect(lines.reduce((sum, { Events }) => sum + Number(Events), 0)).toBe(250);
    for (const line of lines) expect(directive(line)?.Dimensions).toEqual([["service"], ["service", "activity"]]);
  });

  it("does not wait for the end of an invocation that takes minutes, though nothing more is measured", async () => {
    const { clock, take, meter } = start();
    meter.add("Rescues", 1);
    await clock.advance(59_000);
    meter.add("Rescues", 1);
    expect(take()).toEqual([]);
    await clock.advance(1_000);
    expect(take()).toMatchObject([{ Rescues: 2 }]);
    expect(clock.sleeping).toBe(0);
  });

  it("leaves no timer when an invocation has ended", () => {
    const { clock, take, meter } = start();
    meter.add("Rescues", 1);
    meter.publish();
    expect(clock.sleeping).toBe(0);
    expect(take()).toHaveLength(1);
  });
});
