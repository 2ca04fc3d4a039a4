import { parseArgs } from "node:util";
import type { Call, Command, ExitCode, Options } from "./command.ts";
import type { Deployment, Place } from "./deployment/connect.ts";
import { printable } from "./print/printable.ts";
import type { Terminal } from "./terminal.ts";
import { optionsOf, usageOf, usageOfAll } from "./usage.ts";
import { UsageError } from "./usage-error.ts";

/** Runs what was typed. Never throws: what went wrong is said on standard error, and by the exit code. */
export async function runCommandLine(
  commands: readonly Command[],
  [name, ...args]: readonly string[],
  terminal: Terminal,
  connectTo: (place: Place) => Promise<Deployment>,
): Promise<ExitCode> {
  const known = commands.find((one) => one.name === name);
  let usage = usageOfAll(commands);
  try {
    if (name === "help" || name === "--help" || name === "-h") return help(commands, args, terminal, usage);
    if (!known) throw new UsageError(name === undefined ? "a command is missing" : `there is no command ${name}`);
    usage = usageOf(known);
    const call = parse(known, args, terminal);
    if ("help" in call.values) {
      terminal.paper.block(usage.trimEnd());
      return 0;
    }
    if (!known.ofDeployment) return await known.run(call, undefined);
    const deployment = await connectTo({ folder: terminal.folder, ...(call.values as Omit<Place, "folder">) });
    try {
      return await known.run(call, deployment);
    } finally {
      deployment.close();
    }
  } catch (error) {
    // By what is printed: a character that cannot be is written with several.
    const message = (error instanceof Error ? error.message : String(error)).split("\n").map(printable).join("\n");
    const misunderstood = error instanceof UsageError;
    terminal.aside.block(shortened(message, misunderstood ? 500 : 2_000));
    if (!misunderstood) return 1;
    terminal.aside.block(`\n${usage.trimEnd()}`);
    return 2;
  }
}

function help(commands: readonly Command[], args: readonly string[], { paper }: Terminal, usage: string): ExitCode {
  const [name, ...more] = args;
  const asked = commands.find((one) => one.name === name);
  if (more.length > 0 || (name !== undefined && !asked)) throw new UsageError("help: expected one command, or none");
  paper.block((asked ? usageOf(asked) : usage).trimEnd());
  return 0;
}

function parse(command: Command, args: readonly string[], terminal: Terminal): Call<Options> {
  const options = Object.entries(optionsOf(command)).map(([name, { value }]) => {
    const type = value === undefined ? ("boolean" as const) : ("string" as const);
    return [name, name === "help" ? { type, short: "h" } : { type }] as const;
  });
  const { values, positionals: words } = parsed(() =>
    parseArgs({ args: [...args], options: Object.fromEntries(options), allowPositionals: true }),
  );
  if (!("help" in values)) checkWords(command, words);
  return { words, values: values as Call<Options>["values"], terminal };
}

function checkWords({ name, words }: Command, given: readonly string[]): void {
  const expected = words === "" ? [] : words.split(" ");
  const least = expected.filter((word) => !word.startsWith("[")).length;
  const most = words.includes("…") ? Number.POSITIVE_INFINITY : expected.length;
  if (given.length >= least && given.length <= most) return;
  const what = expected.length === 0 ? "no words" : words;
  throw new UsageError(`${name}: expected ${what}, received ${given.length === 0 ? "none" : given.join(" ")}`);
}

/** What Node says of words that it does not understand is for the person who typed them. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A word of the command line may be as long as the system allows, and a server may say a megabyte. */
const shortened = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);
