import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** All chunks of the bundle are in the folder of its program. */
const program = join(dirname(fileURLToPath(import.meta.url)), "main.mjs");

export interface Child {
  /** The next line of its standard output. Rejects if the process ends before. */
  line(): Promise<string>;
  /** Writes a line to its standard input. */
  tell(line: string): void;
  end(): Promise<void>;
}

/** Starts this program in another role. The process ends when told to, or when its standard input closes. */
export function startRole(
  role: string,
  args: readonly (string | number)[],
  nodeOptions: readonly string[] = [],
): Child {
  const child = spawn(process.execPath, [...nodeOptions, program, `role:${role}`, ...args.map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async line() {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${role} ended before its answer`);
      return value;
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    end: () => endProcess(child),
  };
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill();
  await exited;
}
