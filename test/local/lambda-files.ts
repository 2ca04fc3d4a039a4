import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A temporary directory with the bundled bootstrap program and the code of functions. */
export interface LambdaFiles extends AsyncDisposable {
  readonly directory: string;
  readonly bootstrapPath: string;
  /** Writes a function's module and returns its task root; the handler is `index.handler`. */
  writeFunction(name: string, code: string): Promise<string>;
}

export async function createLambdaFiles(): Promise<LambdaFiles> {
  const directory = await mkdtemp(join(tmpdir(), "tailwake-lambda-"));
  const bootstrapPath = join(directory, "bootstrap.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("../../local/lambda/bootstrap.ts", import.meta.url))],
    outfile: bootstrapPath,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "silent",
  });
  return {
    directory,
    bootstrapPath,
    async writeFunction(name, code) {
      const taskRoot = join(directory, name);
      await mkdir(taskRoot, { recursive: true });
      await writeFile(join(taskRoot, "index.mjs"), code);
      return taskRoot;
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Whether a process still runs; one that has ended and only waits for its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return existsSync("/proc/self/stat") === false;
  }
}
