import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import type { handlers } from "./latency-app.ts";

/** The handler of each function. */
const functions: Readonly<Record<string, keyof typeof handlers>> = {
  lazy: "wake",
  cron: "cron",
  signals: "signals",
  eager: "eager",
};

/**
 * Writes the functions of the latency app where the local runtime expects them, bundled like the deployed functions
 * (scripts/build.mjs).
 */
export async function bundleLatencyApp(project: string, folder: string): Promise<void> {
  await build({
    absWorkingDir: project,
    entryPoints: ["bench/latency-app.ts"],
    outfile: join(folder, "app.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minify: true,
    mainFields: ["module", "main"],
    external: ["bowser"],
    logLevel: "warning",
    banner: {
      js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
    },
  });
  for (const [name, handler] of Object.entries(functions)) {
    const taskRoot = join(folder, "functions", name);
    await mkdir(taskRoot, { recursive: true });
    await writeFile(
      join(taskRoot, "index.mjs"),
      `import { handlers } from "../../app.mjs";\nexport const handler = handlers.${handler};\n`,
    );
  }
  await copyFile(join(project, ".build", "bootstrap.mjs"), join(folder, "bootstrap.mjs"));
}
