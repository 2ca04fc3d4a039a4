import { describe, expect, it } from "vitest";
import { readOptions, UsageError } from "../../local/options.ts";

describe("the options of npm start", () => {
  it.each([
    ["--root", ["--root", "x".repeat(5_000)]],
    ["--root", ["--root", "package.json/x"]],
    ["--engine", ["--engine", "y".repeat(100_000)]],
    ["--data", ["--data="]],
    ["--zzz", [`--${"z".repeat(100_000)}`]],
  ])("are refused by the name of %s, in one short message", (name, args) => {
    try {
      readOptions(args);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      expect((error as UsageError).message).toContain(name);
      expect((error as UsageError).message.length).toBeLessThan(300);
    }
  });

  it("find a directory, from where npm was called", () => {
    expect(readOptions(["--root", ".", "--engine", "eager"])).toMatchObject({ engine: "eager", once: false });
    expect(readOptions(["-h"])).toBeUndefined();
  });
});
