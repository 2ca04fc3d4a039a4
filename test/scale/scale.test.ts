import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pricesOf } from "../../cli/cost/prices.ts";
import { appSettings, readSettings } from "../../functions/settings.ts";
import { countDay } from "../../proof/load/day.ts";
import { dayCounted } from "../../proof/load/scale/day-counts.ts";
import {
  checksPerMinute,
  limitsOf,
  production,
  sendsAtOnce,
  settingsFor,
  usesOf,
  writesPerSecond,
} from "../../proof/load/scale/quotas.ts";
import { loads, scaleTables } from "../../proof/load/scale/tables.ts";
import { project } from "../docs/regions.ts";

const read = (file: string) => readFileSync(join(project, file), "utf8");

describe("the settings that the page begins with", () => {
  it("are those of a stage prod, and the defaults of what it does not set", () => {
    const settings = read("infra/settings.yml");
    const prod = settings.slice(settings.indexOf("\nprod:"));
    const stored = (name: string) => {
      const pattern = new RegExp(`^ {2}${name}: (\\S+)$`, "m");
      return pattern.exec(prod)?.[1] ?? pattern.exec(settings)?.[1];
    };
    const { TAILWAKE_CHECKS_AT_ONCE } = readSettings(
      {},
      { TAILWAKE_CHECKS_AT_ONCE: appSettings.TAILWAKE_CHECKS_AT_ONCE },
    );
    const { TAILWAKE_CHECKS_AT_ONCE: checksAtOnce, ...ofInfra } = production;
    expect(checksAtOnce).toBe(TAILWAKE_CHECKS_AT_ONCE);
    for (const [name, value] of Object.entries(ofInfra)) expect(stored(name), name).toBe(String(value));
  });

  it("send as many requests at once as the code does", () => {
    expect(read("functions/wake/batch-sender.ts")).toContain(`const callsAtOnce = ${sendsAtOnce};`);
  });

  it("meet quotas that docs/operations.md names too", () => {
    const operations = read("docs/operations.md");
    const quotas = limitsOf(production).filter(({ min }) => min !== undefined);
    expect(quotas).toHaveLength(4);
    for (const { max, min = 0 } of quotas) {
      expect(operations).toContain(`${max.toLocaleString("en-US")}/s`);
      expect(operations).toContain(`${min}/s`);
    }
  });
});

describe("what is used of the limits", () => {
  it("is two writes a wake, and three write units a look", () => {
    const load = { tasks: 15 * 60, wakesPerSecond: 5 };
    expect(checksPerMinute(load, production)).toBe(60);
    expect(writesPerSecond(load, production)).toBe(5 * 2 + 1 * 3);
  });

  it("is sorted: with a million tasks the checks of a tick are the first that do not suffice", () => {
    const [first, second] = usesOf({ tasks: 1_000_000, wakesPerSecond: 10 }, production);
    expect(first?.limit.name).toBe("checks of a tick");
    expect(first?.share).toBeCloseTo(1_000_000 / 15 / 2_000, 6);
    expect(first?.share).toBeGreaterThan(second?.share ?? Number.NaN);
  });

  it("is within them with the settings for a load, except limits that no setting changes", () => {
    for (const load of loads) {
      const over = usesOf(load, settingsFor(load)).filter(({ share }) => share > 1);
      for (const { limit } of over) expect(["warm throughput", "nothing"]).toContain(limit.adjust.split(":")[0]);
    }
  });
});

describe("the counts of the simulated day", () => {
  it("are, for each wake and each look, those of a hundredth of it", async () => {
    const { tasks, wakesPerSecond, wakingSeconds, probeMinutes } = dayCounted;
    const size = { tasks: tasks / 100, wakesPerSecond: wakesPerSecond / 100, wakingSeconds, probeMinutes };
    const { waking, idle, behind } = await countDay({ ...size, concurrency: 1 });
    expect(behind).toBe(0);
    for (const each of ["writes", "queries", "refusedWrites", "sent"] as const) {
      expect(waking[each] / waking.wakes, each).toBeCloseTo(dayCounted.waking[each] / dayCounted.waking.wakes, 1);
    }
    expect(idle.checks / size.tasks).toBeCloseTo(dayCounted.idle.checks / tasks, 1);
    expect(idle.ticks).toBe(dayCounted.idle.ticks);
    for (const each of ["writes", "reads"] as const) {
      expect(idle[each] / idle.checks, each).toBeCloseTo(dayCounted.idle[each] / dayCounted.idle.checks, 1);
    }
  });
});

describe("docs/scale.md", () => {
  const text = read("docs/scale.md");

  it.each(Object.entries(scaleTables()))("has the table of %s as it is computed", (_name, table) => {
    const [head = ""] = table.split("\n");
    const from = text.indexOf(head);
    expect(from, `no table that begins with ${head}`).toBeGreaterThanOrEqual(0);
    expect(text.slice(from).split("\n\n")[0]?.trimEnd()).toBe(table.trimEnd());
  });

  it("has no other tables, and says of when the prices are", () => {
    expect(text.match(/^\|-/gm)).toHaveLength(Object.keys(scaleTables()).length);
    expect(text).toContain(pricesOf);
  });
});
