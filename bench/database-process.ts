import { startDatabase } from "../local/database.ts";

/** The role of an in-memory database. Prints its URL; ends when standard input closes. */
export async function serveDatabase(): Promise<void> {
  const { url } = await startDatabase(undefined);
  process.stdin.on("close", () => process.exit()).resume();
  process.stdout.write(`${url}\n`);
}
