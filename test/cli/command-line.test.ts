import { describe, expect, it } from "vitest";
import { command, deskCommand, exitCodes } from "../../cli/command.ts";
import { commands } from "../../cli/commands.ts";
import { printers } from "./printers.ts";
import { type } from "./typed.ts";

describe("the command line", () => {
  it("prints its commands and exit codes, and the options of each command", async () => {
    const help = await type(["help"]);
    for (const asked of [["--help"], ["-h"]]) expect(await type(asked)).toEqual(help);
    expect(help).toMatchObject({ code: 0, err: "" });
    for (const { name, description, options } of commands) {
      expect(help.out).toContain(description);
      const own = await type(["help", name]);
      expect(own).toEqual(await type([name, "--help"]));
      expect(await type([name, "-h"])).toEqual(own);
      for (const option of Object.keys(options)) expect(own.out).toContain(`--${option}`);
    }
    for (const description of Object.values(exitCodes)) expect(help.out).toContain(description);
  });

  it("ends with 2 and the usage of the command for arguments that it does not understand", async () => {
    for (const [args, word] of [
      [[], "expected a command, received none"],
      [["paws"], "unknown command paws"],
      [["why"], "why: expected TASK, received none"],
      [["why", "a", "b"], "why: expected TASK, received a b"],
      [["status", "x"], "status: expected no arguments, received x"],
      [["ls", "--colour"], "'--colour'"],
      [["ls", "--status"], "--status"],
      [["ls", "--limit", "0"], "--limit: expected a whole number from 1 to 1000000, received 0"],
      [["ls", "--limit", "many"], "received many"],
      [["help", "paws"], "help: expected one command"],
      [["init"], "init: expected NAME, received none"],
      [["init", "../x"], "init: expected a name"],
    ] as const) {
      const { desk } = await printers();
      const { code, out, err } = await type(args, { desk });
      expect({ code, out }, args.join(" ")).toEqual({ code: 2, out: "" });
      expect(err).toContain(word);
      expect(err).toMatch(/\n\nUsage: tailwake /);
    }
  });

  it("ends with 1, and without the usage, for what goes wrong", async () => {
    expect(await type(["status"])).toEqual({ code: 1, out: "", err: "there is nothing to connect to\n" });
    const failing = command({
      name: "fail",
      positionals: "[WORD…]",
      description: "fails",
      options: {},
      run: async () => {
        throw new Error("x".repeat(100_000));
      },
    });
    const { code, err } = await type(["fail", "a", "b"], { commands: [failing] });
    expect(code).toBe(1);
    expect(err.length).toBeLessThan(2_100);
  });

  it("closes what it has connected to, also when a command fails", async () => {
    const { desk } = await printers();
    const broken = deskCommand({
      name: "broken",
      positionals: "",
      description: "",
      options: {},
      run: async () => Promise.reject(new Error("broken")),
    });
    let closed = 0;
    expect((await type(["broken"], { desk, commands: [broken], onClose: () => closed++ })).err).toBe("broken\n");
    expect(closed).toBe(1);
  });
});
