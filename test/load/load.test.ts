import { describe, expect, it } from "vitest";
import { loadOutage } from "../../proof/load/outage.ts";
import { beyond, type LoadReport } from "../../proof/load/report.ts";
import { loadStorm } from "../../proof/load/storm.ts";
import { loadTasks } from "../../proof/load/tasks.ts";

/** A hundredth of what `npm run load` does. */
const hundredth = { concurrency: 1, checksPerTick: 20 };

const figureOf = ({ figures }: LoadReport, what: string) => figures.find((figure) => figure.what === what)?.value;

describe("a hundredth of the load, within the same bounds", () => {
  it("a thousand tasks read, and then cost a look in a probe period and no memory", async () => {
    const report = await loadTasks({
      tasks: 1_000,
      startsPerSecond: 20,
      idleMinutes: 45,
      ...hundredth,
      checksPerTick: 100,
    });
    expect(beyond(report)).toEqual([]);
    // One for the grace of the start, then one each 15 minutes.
    expect(figureOf(report, "checks per task in the idle time")).toBeCloseTo(3, 0);
  });

  it("a thousand tasks with checks for three hundred wait longer, but none forever (T6, rule 11)", async () => {
    const report = await loadTasks({ tasks: 1_000, startsPerSecond: 20, idleMinutes: 120, ...hundredth });
    expect(beyond(report)).toEqual([]);
    expect(figureOf(report, "maximum checks of a tick")).toBe(20);
    expect(figureOf(report, "ticks cut short")).toBeGreaterThan(100);
  });

  it("a storm of signals leaves each aggregate read to its head, with no message of our own (T3)", async () => {
    const report = await loadStorm({ aggregates: 20, signalsPerSecond: 100, ...hundredth });
    expect(beyond(report)).toEqual([]);
    expect(figureOf(report, "messages sent by Tailwake per signal")).toBe(0);
  });

  it("after an outage the tasks come back one by one, and not all at once (T7, rule 12)", async () => {
    const report = await loadOutage({ tasks: 100, ...hundredth });
    expect(beyond(report)).toEqual([]);
    expect(figureOf(report, "times that the breaker opened")).toBeGreaterThan(3);
    expect(report.histogram?.total).toBe(100);
  });
});
