import { existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readOptions } from "../../torture/options.ts";
import { runTorture, type TortureOptions } from "../../torture/torture.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const patienceMs = 120_000;

const torture = (options: Partial<TortureOptions>) =>
  runTorture({
    ...{ project, seconds: 5, seed: 1, databaseUrl: undefined, say: () => {}, signal: new AbortController().signal },
    ...options,
  });

describe("a short torture", () => {
  it("breaks no promise: T1, T2, T4, T5, T7", { timeout: patienceMs }, async () => {
    let folder = "";
    const result = await torture({
      say: (text) => {
        folder ||= / is in (\S+)$/.exec(text)?.[1] ?? "";
      },
    });
    expect(result?.violations).toEqual([]);
    expect(result?.killsPerSecond).toBeGreaterThan(0.5);
    expect(result?.runs).toBeGreaterThan(30);
    expect(result?.handedOut).toBeGreaterThan(50);
    expect([folder !== "", existsSync(folder)]).toEqual([true, false]);
  });

  it("finds that an activity was not handed every event, and tells its history", { timeout: patienceMs }, async () => {
    const result = await torture({ broken: "skip-events" });
    const [first] = result?.violations ?? [];
    expect(first).toMatchObject({ promise: "T1", task: expect.stringMatching(/^repo\/note/) });
    expect(first?.history.some((line) => /^run \d+ in \S+ from /.test(line))).toBe(true);
    expect(existsSync(result?.folder ?? "")).toBe(true);
    rmSync(result?.folder ?? "", { recursive: true });
  });

  it("that is stopped compares nothing, and leaves nothing behind", { timeout: patienceMs }, async () => {
    const stopping = new AbortController();
    let folder = "";
    const result = await torture({
      seconds: 60,
      signal: stopping.signal,
      say: (text) => {
        folder ||= / is in (\S+)$/.exec(text)?.[1] ?? "";
        stopping.abort();
      },
    });
    expect(result).toBeUndefined();
    expect([folder !== "", existsSync(folder)]).toEqual([true, false]);
  });
});

describe("the command line of a torture", () => {
  it("says what it expected", () => {
    expect(readOptions(["--minutes", "2", "--seed", "7", "--json"])).toEqual({
      ...{ minutes: 2, seed: 7, database: "dynalite", json: true },
    });
    expect(readOptions(["--help"])).toBeUndefined();
    expect(() => readOptions([])).toThrow("--minutes: expected a number above 0, up to a day, received nothing");
    expect(() => readOptions(["--minutes", "1", "--seed", "x"])).toThrow(/^--seed: expected a whole number/);
    expect(() => readOptions(["--minutes", "1", "--database", "x"])).toThrow(/^--database: expected dynalite or/);
  });
});
