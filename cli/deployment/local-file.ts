import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The file in which a running `npm start` describes its deployment for `--local`: in its folder, readable only by its
 * user.
 */
export interface LocalDeployment {
  readonly pid: number;
  /** The environment of its lazy function: region, credentials and endpoints, all local. */
  readonly environment: Readonly<Record<string, string>>;
}

const localFile = join(".tailwake", "local.json");

/** Records that this process runs a deployment. With two in one folder, the later one counts. */
export function writeLocalFile(folder: string, environment: LocalDeployment["environment"]): { remove(): void } {
  const file = join(folder, localFile);
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

/** The deployment that runs in this folder. Throws if there is none, or if its process has ended. */
export function readLocalFile(folder: string): LocalDeployment {
  const file = join(folder, localFile);
  const found = read(file);
  if (!found) throw new Error(`${file}: expected npm start to run in this folder, found no valid file`);
  if (isAlive(found.pid)) return found;
  throw new Error(`${file}: expected npm start to run, but its process ${found.pid} has ended`);
}

/** Undefined if the file does not exist or is malformed. */
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
    // The process exists, but belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
