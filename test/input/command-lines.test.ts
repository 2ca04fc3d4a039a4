import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, vi } from "vitest";
import { readOptions, UsageError } from "../../local/options.ts";
import { hostileText } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { outcomeOf } from "./named-error.ts";

/** No operating system hands a program a NUL or a lone surrogate, nor words of more than 128 KB. */
const word = hostileText.map((text) => Buffer.from(text).toString().replaceAll("\0", ""));
const wordsOf = (known: readonly string[]) =>
  fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, { weight: 2, arbitrary: word }), {
    maxLength: 5,
  });

const longestLine = 1_000;

describe("a command line", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tailwake-input-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const tailwake = [
    "init",
    "package",
    "help",
    "--help",
    "-h",
    "--from",
    "--to",
    "--from=x",
    "--to=y",
    "--",
    "-x",
    "orders",
  ];
  forEachCase(
    "command-lines/tailwake",
    "of tailwake is done, failed or not understood, and says which word it was",
    wordsOf(tailwake),
    async (args) => {
      const { code, stdout, stderr } = await runTailwake(folder, args);
      expect([0, 1, 2]).toContain(code);
      expect(stderr === "").toBe(code === 0);
      expect(stdout === "").toBe(code !== 0);
      const [said = ""] = stderr.split("\n\nUsage: ");
      expect(said.length).toBeLessThan(longestLine);
      if (code === 2) expect(stderr).toContain("Usage: tailwake <command>");
    },
  );

  const start = [
    "--root",
    "--engine",
    "lazy",
    "eager",
    "--once",
    "--json",
    "--data",
    "--help",
    "--root=/",
    "--engine=",
    ".",
  ];
  forEachCase(
    "command-lines/start",
    "of npm start is read, or refused by the name of its option",
    wordsOf(start),
    async (args) => {
      const outcome = await outcomeOf(() => readOptions(args));
      if (!("error" in outcome)) {
        const options = outcome.value;
        if (options) expect(options.root.startsWith("/") && /^(lazy|eager)$/.test(options.engine)).toBe(true);
        return;
      }
      if (!(outcome.error instanceof UsageError)) throw new Error("expected a UsageError", { cause: outcome.error });
      expect(outcome.error.message).toMatch(/option|argument|--\w/i);
      expect(outcome.error.message.length).toBeLessThan(longestLine);
    },
  );
});

/** The program in this process: a process of its own would take a hundred times as long. */
async function runTailwake(folder: string, args: readonly string[]) {
  const said = { stdout: "", stderr: "" };
  const { argv, exitCode } = process;
  for (const stream of ["stdout", "stderr"] as const) {
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      said[stream] += String(text);
      return true;
    });
  }
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  vi.resetModules();
  process.argv = [process.execPath, "tailwake", ...args];
  try {
    await import("../../cli/main.ts");
    return { ...said, code: process.exitCode };
  } finally {
    process.argv = argv;
    process.exitCode = exitCode;
    vi.restoreAllMocks();
    vi.resetModules();
  }
}
