import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a running `npm start` says of itself, for `--local`: in its folder, for its user alone. */
export interface LocalDeployment {
  readonly pid: number;
  /** That of its lazy function, with region, credentials and endpoints: all of this machine. */
  readonly environment: Readonly<Record<string, string>>;
}

const place = join(".tailwake", "local.json");

/** Leaves word that this process runs a deployment. Of two in one folder the last counts. */
export function writeLocalFile(folder: string, environment: LocalDeployment["environment"]): { remove(): void } {
  const file = join(folder, place);
  const text = JSON.stringify({ pid: process.pid, environment } satisfies LocalDeployment);
  mkdirSync(dirname(file), { recursive: true });
  // An old file would keep its mode.
  rmSync(file, { force: true });
  writeFileSync(file, text, { mode: 0o600, flag: "wx" });
  return {
    remove() {
      if (read(file)?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}

/** The deployment that runs in this folder. Throws if there is none, or it has ended without a word. */
export function readLocalFile(folder: string): LocalDeployment {
  const file = join(folder, place);
  const found = read(file);
  if (!found) throw new Error(`${file}: expected that npm start runs in this folder, received no word of it`);
  if (isAlive(found.pid)) return found;
  throw new Error(`${file}: expected that npm start still runs, received process ${found.pid}, which has ended`);
}

/** Undefined for a file that is not there, or is no such word. */
function read(file: string): LocalDeployment | undefined {
  try {
    const { pid, environment } = Object(JSON.parse(readFileSync(file, "utf8"))) as Partial<LocalDeployment>;
    const texts = Object.values(Object(environment) as Record<string, unknown>);
    const isWhole = Number.isSafeInteger(pid) && Number(pid) > 0 && texts.every((text) => typeof text === "string");
    return isWhole && pid !== undefined && environment ? { pid, environment } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
