import { parseArgs } from "node:util";
import { UsageError } from "../../local/options.ts";

const brokens = ["skip-events", "unguarded-commits"] as const;
/** The faults that a torture can be made to find. */
export type Broken = (typeof brokens)[number];

export interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly database: "dynalite" | "dynamodb-local";
  readonly broken: Broken | undefined;
  readonly json: boolean;
}

export const usage = `Usage: npm run torture -- --minutes M [options]

Runs everything of npm start and kills functions (or freezes them for longer than their lease), the upstream, and the
process manager with its embedded database. Then waits until everything has settled, and compares what each activity
was handed with the journal. Exit code 1 if a promise was broken.

  --minutes M      duration of the kills, about three per second
  --seed N         seed of victims and moments (default: random, and printed)
  --database NAME  dynalite (default), on disk, killed with the process manager; or dynamodb-local, which is not killed:
                   it needs Java, and npm ci in test/aws
  --broken NAME    break something on purpose: skip-events, an activity that skips events; or unguarded-commits, commits
                   that do not check the lease, with functions that are only frozen and thawed
  --json           print one object on standard output
  --help           print this
`;

/** Parses the command line; undefined if it asks for help. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parse(args);
  if (values.help) return undefined;
  const database = values.database ?? "dynalite";
  if (database !== "dynalite" && database !== "dynamodb-local") {
    throw new UsageError(`--database: expected dynalite or dynamodb-local, received ${JSON.stringify(database)}`);
  }
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 24 * 60)) {
    throw new UsageError(`--minutes: expected a number above 0, up to a day, received ${values.minutes ?? "nothing"}`);
  }
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed);
  if (!(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new UsageError(`--seed: expected a whole number from 0, received ${JSON.stringify(values.seed)}`);
  }
  const broken = brokens.find((name) => name === values.broken);
  if (values.broken !== undefined && !broken) {
    throw new UsageError(`--broken: expected ${brokens.join(" or ")}, received ${JSON.stringify(values.broken)}`);
  }
  return { minutes, seed, database, broken, json: values.json ?? false };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: "string" },
        seed: { type: "string" },
        database: { type: "string" },
        broken: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
