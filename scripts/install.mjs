import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const project = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Installs a folder's locked dependencies if they are missing or older than the lock file. The output of npm goes to
 * stderr.
 */
export function ensureInstalled(folder = project) {
  const installed = join(folder, "node_modules", ".package-lock.json");
  const lock = join(folder, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  process.stderr.write("installing dependencies…\n");
  const npm = process.env.npm_execpath;
  const [command, ...args] = npm ? [process.execPath, npm] : ["npm"];
  const { status, error } = spawnSync(command, [...args, "ci", "--no-progress", "--loglevel=error"], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
  });
  if (status === 0) return;
  process.stderr.write(`npm ci failed: ${error?.message ?? `exit code ${status}`}\n`);
  process.exit(1);
}

/** Runs a program of a dependency with this Node, and exits with its exit code. */
export function runAndExit(file, args, options = {}) {
  const { status, signal } = spawnSync(process.execPath, [join(project, file), ...args], {
    cwd: project,
    stdio: "inherit",
    ...options,
  });
  process.exit(status ?? (signal ? 1 : 0));
}
