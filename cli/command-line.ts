import { parseArgs } from "node:util";
import type { Call, Command, ExitCode, Options } from "./command.ts";
import type { Deployment, DeploymentOptions } from "./deployment/connect.ts";
import { printable } from "./print/printable.ts";
import type { Terminal } from "./terminal.ts";
import { optionsOf, usageOf, usageOfAll } from "./usage.ts";
import { UsageError } from "./usage-error.ts";

/** Runs a command line. Never throws: prints errors on standard error and returns the exit code. */
export async function runCommandLine(
  commands: readonly Command[],
  [name, ...args]: readonly string[],
  terminal: Terminal,
  connectTo: (options: DeploymentOptions) => Promise<Deployment>,
): Promise<ExitCode> {
  const command = commands.find((one) => one.name === name);
  let usage = usageOfAll(commands);
  try {
    if (name === "help" || name === "--help" || name === "-h") return help(commands, args, terminal, usage);
    if (!command)
      throw new UsageError(name === undefined ? "expected a command, received none" : `unknown command ${name}`);
    usage = usageOf(command);
    const call = parse(command, args, terminal);
    if ("help" in call.values) {
      terminal.stdout.block(usage.trimEnd());
      return 0;
    }
    if (!command.needsDeployment) return await command.run(call, undefined);
    const deployment = await connectTo({
      folder: terminal.folder,
      ...(call.values as Omit<DeploymentOptions, "folder">),
    });
    try {
      return await command.run(call, deployment);
    } finally {
      deployment.close();
    }
  } catch (error) {
    // Escape before shortening: an unprintable character takes several characters.
    const message = (error instanceof Error ? error.message : String(error)).split("\n").map(printable).join("\n");
    const isUsageError = error instanceof UsageError;
    terminal.stderr.block(shortened(message, isUsageError ? 500 : 2_000));
    if (!isUsageError) return 1;
    terminal.stderr.block(`\n${usage.trimEnd()}`);
    return 2;
  }
}

function help(commands: readonly Command[], args: readonly string[], { stdout }: Terminal, usage: string): ExitCode {
  const [name, ...more] = args;
  const found = commands.find((one) => one.name === name);
  if (more.length > 0 || (name !== undefined && !found)) throw new UsageError("help: expected one command, or none");
  stdout.block((found ? usageOf(found) : usage).trimEnd());
  return 0;
}

function parse(command: Command, args: readonly string[], terminal: Terminal): Call<Options> {
  const options = Object.entries(optionsOf(command)).map(([name, { value }]) => {
    const type = value === undefined ? ("boolean" as const) : ("string" as const);
    return [name, name === "help" ? { type, short: "h" } : { type }] as const;
  });
  const { values, positionals } = parsed(() =>
    parseArgs({ args: [...args], options: Object.fromEntries(options), allowPositionals: true }),
  );
  if (!("help" in values)) checkPositionals(command, positionals);
  return { positionals, values: values as Call<Options>["values"], terminal };
}

function checkPositionals({ name, positionals }: Command, given: readonly string[]): void {
  const expected = positionals === "" ? [] : positionals.split(" ");
  const min = expected.filter((word) => !word.startsWith("[")).length;
  const max = positionals.includes("…") ? Number.POSITIVE_INFINITY : expected.length;
  if (given.length >= min && given.length <= max) return;
  const what = expected.length === 0 ? "no arguments" : positionals;
  throw new UsageError(`${name}: expected ${what}, received ${given.length === 0 ? "none" : given.join(" ")}`);
}

/** Node's message about arguments that it cannot parse is shown to the user. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** An argument can be as long as the system allows, and a server's message a megabyte. */
const shortened = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max)}…` : text);
