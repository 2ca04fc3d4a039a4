import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { endProcess } from "./child.ts";
import { type Figure, figure, interleave } from "./measure.ts";

/** The bundle is in .build/bench. */
const project = fileURLToPath(new URL("../..", import.meta.url));
const iterations = 5;

/** The time from the start of the process until `npm start` is ready, compared with an empty Node program. */
export async function measureStart(name: string): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), "tailwake-bench-"));
  const root = join(folder, "root");
  mkdirSync(root);
  for (const file of ["a", "b", "c"]) writeFileSync(join(root, file), file);
  const empty = join(folder, "empty.mjs");
  writeFileSync(empty, "");
  try {
    const { ms } = await interleave(
      iterations,
      async () => ({ ms: await untilExit(empty) }),
      async () => ({ ms: await untilReady(root) }),
    );
    return figure(name, "ms", ms);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function untilExit(file: string): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, [file], { stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`an empty module ended with exit code ${code}`);
  return performance.now() - began;
}

async function untilReady(root: string): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, ["scripts/start.mjs", "--once", "--json", "--root", root], {
    cwd: project,
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    let ready: number | undefined;
    const said: string[] = [];
    for await (const line of createInterface(child.stderr)) {
      if (line.startsWith("ready after")) ready ??= performance.now() - began;
      said.push(line);
    }
    if (ready === undefined) throw new Error(`npm start was never ready:\n${said.join("\n")}`);
    return ready;
  } finally {
    await endProcess(child);
  }
}
