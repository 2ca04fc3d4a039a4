import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundleFunctions } from "../cli/bundle.ts";
import { startRole } from "./child.ts";
import { type Figure, figure, interleave } from "./measure.ts";

/** The bundle is in .build/bench. */
const project = fileURLToPath(new URL("../..", import.meta.url));
const iterations = 51;

/**
 * The time from the start of a process to a handler's first answer: the deployed lazy function with an empty batch,
 * compared with a handler that only builds the same clients, bundled in the same way.
 */
export async function measureColdStart(name: string): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), "tailwake-bench-"));
  try {
    await bundleFunctions(project, { floor: "bench/cold-floor.ts", lazy: "functions/handlers/lazy.ts" }, folder);
    const { ms } = await interleave(
      iterations,
      () => untilAnswer(join(folder, "floor", "index.mjs")),
      () => untilAnswer(join(folder, "lazy", "index.mjs")),
    );
    return figure(name, "ms", ms);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function untilAnswer(bundle: string): Promise<{ readonly ms: number }> {
  const began = performance.now();
  const child = startRole("first-answer", [pathToFileURL(bundle).href]);
  try {
    const answer = await child.line();
    if (answer !== '{"batchItemFailures":[]}') throw new Error(`${bundle} answered ${answer}`);
    return { ms: performance.now() - began };
  } finally {
    await child.end();
  }
}
