import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

export interface Options {
  /** The directory to measure, absolute. */
  readonly root: string;
  /** Directory for tails and journal; in memory if absent. */
  readonly data: string | undefined;
  /** Exit when the workflow is committed. */
  readonly once: boolean;
  /** The engine that runs the activities. */
  readonly engine: "lazy" | "eager";
  /** Print one JSON object, and nothing else, on standard output. */
  readonly json: boolean;
}

export const usage = `Usage: npm start -- [options]

Runs Tailwake on this machine: the Lambda functions in processes of their own, DynamoDB, EventBridge, SQS and a nog
server, all on 127.0.0.1. Begins a du-root workflow for a directory; signals alone wake the activities that finish it.
Prints the URL of the operators' console, which opens it once.

  --root DIR      the directory to measure (default: the current one)
  --engine NAME   lazy (default): activities run on signals; eager: they watch their streams all the time
  --once          exit when the workflow is committed: code 0, or 1 if it failed
  --json          print one object on standard output: root, bytes, entries, runs, writes, seconds
  --data DIR      keep tails and journal in DIR: a later start resumes the same workflow
  --help          print this
`;

/** The command line is wrong; the message names the option and the expected value. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the command line; undefined if it asks for help. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parse(args);
  if (values.help) return undefined;
  // npm runs scripts in the project's directory and passes the caller's directory in INIT_CWD.
  const base = process.env.INIT_CWD ?? process.cwd();
  const root = resolve(base, values.root ?? ".");
  if (!isDirectory(root)) throw new UsageError(`--root: expected a directory, received ${quoted(root)}`);
  const engine = values.engine ?? "lazy";
  if (engine !== "lazy" && engine !== "eager") {
    throw new UsageError(`--engine: expected lazy or eager, received ${quoted(engine)}`);
  }
  if (values.data === "") throw new UsageError('--data: expected a directory, received ""');
  return {
    root,
    engine,
    data: values.data === undefined ? undefined : resolve(base, values.data),
    once: values.once ?? false,
    json: values.json ?? false,
  };
}

/** Also false if the path is too long or cannot be read. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const quoted = (text: string): string => JSON.stringify(shortened(text));
/** An argument can be as long as the system allows. */
const shortened = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text);

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        root: { type: "string" },
        data: { type: "string" },
        engine: { type: "string" },
        once: { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(shortened(error instanceof Error ? error.message : String(error)));
  }
}
