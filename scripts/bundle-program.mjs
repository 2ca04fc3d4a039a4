import { rm } from "node:fs/promises";
import { join } from "node:path";
import { project } from "./install.mjs";

/** Bundles a TypeScript program of this project without its packages; returns the path of the bundle. */
export async function bundleProgram(entryPoint, output) {
  const { build } = await import("esbuild");
  const outdir = join(project, output);
  await rm(outdir, { recursive: true, force: true });
  await build({
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "warning",
    absWorkingDir: project,
    entryPoints: { main: entryPoint },
    outdir,
    outExtension: { ".js": ".mjs" },
    target: "node20",
    packages: "external",
    splitting: true,
    sourcemap: "inline",
  });
  return join(output, "main.mjs");
}
