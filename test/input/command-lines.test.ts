import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { commands } from "../../cli/commands.ts";
import { readOptions, UsageError } from "../../local/options.ts";
import { printers } from "../cli/printers.ts";
import { type } from "../cli/typed.ts";
import { hostileText } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { outcomeOf } from "./named-error.ts";

/** No operating system hands a program a NUL or a lone surrogate, nor words of more than 128 KB. */
const word = hostileText.map((text) => Buffer.from(text).toString().replaceAll("\0", ""));
const wordsOf = (known: readonly string[]) =>
  fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, { weight: 2, arbitrary: word }), {
    maxLength: 5,
  });

const maxLine = 1_000;

describe("a command line", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tailwake-input-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const tailwake = [
    ...commands.flatMap(({ name, options }) => [name, ...Object.keys(options).map((option) => `--${option}`)]),
    ...["help", "--help", "-h", "--", "-x", "--json", "--local", "--name", "--app", "--from=x", "--to=y", "--limit=1"],
    ...["orders", "b", "thing/reader@b", "thing/", "reader", "thingId=b", "epoch", "e1", "2026-01-01", "--reason=r"],
  ];
  forEachCase(
    "command-lines/tailwake",
    "of tailwake is done, failed or not understood, and says which word it was",
    wordsOf(tailwake),
    async (args) => {
      const { desk } = await printers();
      // What goes on for ever, or waits for a clock that stands, ends at once.
      const { code, out, err } = await type(args, { desk, folder, stopping: AbortSignal.abort() });
      expect([0, 1, 2, 3]).toContain(code);
      expect(out + err).not.toBe("");
      if (code === 1) expect(err).not.toBe("");
      if (code !== 2) return;
      const [said = "", usage] = err.split("\n\nUsage: tailwake ");
      expect(usage).toBeDefined();
      expect(said.length).toBeLessThan(maxLine);
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
      expect(outcome.error.message.length).toBeLessThan(maxLine);
    },
  );
});
