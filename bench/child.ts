import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** All chunks of the bundle are in the folder of its program. */
const program = join(dirname(fileURLToPath(import.meta.url)), "main.mjs");

export interface Child {
  /** The next line of its standard output. Rejects if it ends before. */
  line(): Promise<string>;
  end(): Promise<void>;
}

/** This program once more, in another role. It ends when told to, and by itself when its standard input closes. */
export function startRole(role: string, args: readonly (string | number)[]): Child {
  const child = spawn(process.execPath, [program, `role:${role}`, ...args.map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async line() {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${role} ended before its answer`);
      return value;
    },
    end: () => endProcess(child),
  };
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill();
  await exited;
}
