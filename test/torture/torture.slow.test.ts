import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readOptions } from "../../proof/torture/options.ts";
import { runTorture, type TortureOptions } from "../../proof/torture/torture.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

const torture = (options: Partial<TortureOptions>) =>
  runTorture({
    ...{ project, seconds: 4, seed: 1, databaseUrl: undefined, say: () => {}, signal: new AbortController().signal },
    ...options,
  });

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "tailwake-torture-test-"));
  vi.stubEnv("TMPDIR", scratch);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true });
});

describe("a short torture", () => {
  it("breaks no promise: T1, T2, T4, T5, T7", async () => {
    const result = await torture({});
    expect(result?.violations).toEqual([]);
    expect(result?.killsPerSecond).toBeGreaterThan(0);
    expect(result?.runs).toBeGreaterThan(30);
    expect(result?.handedOut).toBeGreaterThan(50);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("finds that an activity was not handed every event, and tells its history", async () => {
    const result = await torture({ broken: "skip-events", settleSeconds: 4 });
    const found = result?.violations.find(({ promise, task }) => promise === "T1" && task.startsWith("repo/read"));
    expect(found?.what).toMatch(/was handed #\d+ after (epoch|#\d+)$|was never handed out$/);
    expect(found?.history.some((line) => /^run \d+ in \S+ from /.test(line))).toBe(true);
    // It keeps what was written down.
    expect(readdirSync(result?.folder ?? "")).toContain("recordings");
    rmSync(result?.folder ?? "", { recursive: true });
  });

  it("that is stopped compares nothing, and leaves nothing behind", async () => {
    expect(await torture({ signal: AbortSignal.abort() })).toBeUndefined();
    expect(readdirSync(scratch)).toEqual([]);
  });
});

describe("the command line of a torture", () => {
  it("says what it expected", () => {
    expect(readOptions(["--minutes", "2", "--seed", "7", "--json"])).toEqual({
      ...{ minutes: 2, seed: 7, database: "dynalite", broken: undefined, json: true },
    });
    expect(readOptions(["--help"])).toBeUndefined();
    expect(() => readOptions([])).toThrow("--minutes: expected a number above 0, up to a day, received nothing");
    expect(() => readOptions(["--minutes", "1", "--seed", "x"])).toThrow(/^--seed: expected a whole number/);
    expect(() => readOptions(["--minutes", "1", "--database", "x"])).toThrow(/^--database: expected dynalite or/);
    expect(() => readOptions(["--minutes", "1", "--broken", "x"])).toThrow(/^--broken: expected skip-events or/);
  });
});
