import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const project = fileURLToPath(new URL("../..", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the program as `npm start` does. `onLine` sees each line on standard error, and may kill. */
export function start(args: readonly string[], onLine?: (line: string, child: ChildProcess) => void) {
  const child = spawn(process.execPath, ["scripts/start.mjs", ...args], {
    cwd: project,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const complete = (err + text).split("\n").slice(err.split("\n").length - 1, -1);
    err += text;
    for (const line of complete) onLine?.(line, child);
  });
  const finished = once(child, "close").then(([code]): Finished => ({ code, out, err }));
  return { child, finished };
}

export const run = (...args: string[]) => start(args).finished;
