import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assumed, constant, metrics as deployed, standing, wake } from "../../cli/cost/bill.ts";
import { counted } from "../../cli/cost/counts.ts";
import { add, dollars, pricesOf } from "../../cli/cost/prices.ts";
import { costTables } from "../../cli/cost/tables.ts";
import { metrics } from "../../functions/engines/meter.ts";
import { dueShards } from "../../functions/tasks/record.ts";
import { project } from "../docs/regions.ts";
import { cronRuns, idleProbes, idleTick, shardPeriod, signaledRuns, signalsPeriod } from "./scenarios.ts";

/** Counts again on the real adapters; copy differences to cli/cost/counts.ts. */
describe("the requests that the costs are computed from", () => {
  it.each([
    ["bus", 10],
    ["bus", 1],
    ["direct", 10],
    ["direct", 1],
  ] as const)("are those of signaled runs: %s, %i at once", async (way, batchSize) => {
    expect(await signaledRuns(batchSize, way === "direct")).toEqual(counted.wakes[way][batchSize]);
  });

  it("are those of probes without news", async () => {
    expect(await idleProbes()).toEqual(counted.probes);
  });

  it("are those of cron runs", async () => {
    expect(await cronRuns()).toEqual(counted.cronRuns);
  });

  it("are those of a tick with nothing due", async () => {
    expect(await idleTick()).toEqual(counted.idleTick);
  });

  it("are those of one signals function after the other", async () => {
    expect(await signalsPeriod()).toEqual(counted.signals);
  });

  it("are those of one eager function after the other", async () => {
    expect(await shardPeriod()).toEqual(counted.shard);
  });
});

describe("the costs", () => {
  it("are sums of what is used, each at its price", () => {
    expect(dollars({})).toBe(0);
    expect(dollars({ busEvents: 2e6, writeUnits: 1e6, logGb: 3 })).toBeCloseTo(2 + 0.625 + 1.5, 10);
    expect(dollars({ gbSeconds: 730 * 3600 * 0.25 })).toBeCloseTo(8.76, 2);
  });

  it("that go on all the time are of requests that were counted", () => {
    for (const each of Object.values(constant)) expect(each().perHour).toBeGreaterThan(0);
    expect(constant.dueIndex().perHour).toBe(dueShards * 60);
    // Together they are the table's reads and writes of an idle app.
    const reads = add(constant.dueIndex().month, constant.tickReads().month).readUnits;
    expect(reads).toBeCloseTo(standing.tick().readUnits ?? 0, 6);
    expect(constant.lastTick().month.writeUnits).toBeCloseTo(standing.tick().writeUnits ?? 0, 6);
    const units = add(constant.shardHeartbeats().month, constant.eagerIndex().month, constant.shardReads().month);
    expect(units.writeUnits).toBeCloseTo(standing.shard().writeUnits ?? 0, 6);
    expect(units.readUnits).toBeCloseTo(standing.shard().readUnits ?? 0, 6);
  });

  it("of a wake are those of its way: an event and a request of its rule, or a share of a batch", () => {
    expect(wake("bus", 10)).toMatchObject({ busEvents: 1, invocations: 0.1, writeUnits: 2 });
    expect(wake("bus", 10).queueRequests).toBeCloseTo(1 + 0.2, 10);
    expect(wake("direct", 10)).toMatchObject({ busEvents: 0, invocations: 0.1, writeUnits: 2 });
    expect(wake("direct", 10).queueRequests).toBeCloseTo(0.1 + 0.2, 10);
    expect(wake("direct", 1).queueRequests).toBeCloseTo(1 + 2, 10);
  });
});

describe("docs/cost.md", () => {
  const text = readFileSync(join(project, "docs/cost.md"), "utf8");
  const tables = Object.values(costTables());

  it.each(Object.entries(costTables()))("has the table of %s as it is computed", (_name, table) => {
    const [head = ""] = table.split("\n");
    const from = text.indexOf(head);
    expect(from, `no table that begins with ${head}`).toBeGreaterThanOrEqual(0);
    expect(text.slice(from).split("\n\n")[0]?.trimEnd()).toBe(table.trimEnd());
  });

  it("has the memory and the standing costs of what is deployed", () => {
    const infra = (file: string) => readFileSync(join(project, "infra", file), "utf8");
    const memory = [...infra("settings.yml").matchAll(/^ {2}(\w+)MemoryMb: (\d+)$/gm)].map(([, name, mb]) => [
      name,
      Number(mb),
    ]);
    const { memoryMb } = assumed;
    expect(Object.fromEntries(memory)).toEqual({
      lazy: 2 * memoryMb,
      cron: memoryMb,
      signals: memoryMb,
      eager: memoryMb,
    });
    for (const [file, row] of [
      ["signals.yml", "the signals function"],
      ["eager.yml", "one shard of eager tasks"],
    ] as const) {
      const [, month] = new RegExp(`^\\| ${row} \\|.*(\\$[\\d.]+) \\|$`, "m").exec(text) ?? [];
      expect(infra(file).split("Resources:")[0]).toContain(`${month} a month`);
    }
    expect(infra("alarms.yml").match(/AWS::CloudWatch::Alarm$/gm)).toHaveLength(5);
    const dimensions = Object.values(metrics).flatMap((metric) => ("by" in metric ? [metric.by.join()] : []));
    expect(Object.keys(metrics)).toHaveLength(deployed.ofService);
    expect(dimensions.filter((by) => by === "activity")).toHaveLength(deployed.ofActivity);
    expect(dimensions.filter((by) => by !== "activity")).toEqual(["activity,outcome"]);
    expect(text).toContain("five alarms and a dashboard");
  });

  it("has no other tables, and says of when the prices are", () => {
    expect(text.match(/^\|-/gm)).toHaveLength(tables.length);
    expect(text).toContain(pricesOf);
  });
});
