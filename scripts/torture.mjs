import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureInstalled, project } from "./install.mjs";

// The SDK's warning about Node 20 concerns deployments, not local use.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
ensureInstalled();
const output = join(project, ".build", "torture", String(process.pid));
const { build: bundle } = await import("esbuild");
await bundle({
  bundle: true,
  platform: "node",
  format: "esm",
  logLevel: "warning",
  absWorkingDir: project,
  entryPoints: { main: "proof/torture/main.ts" },
  outdir: output,
  outExtension: { ".js": ".mjs" },
  target: "node20",
  packages: "external",
  sourcemap: "inline",
});
// Concurrent runs have separate folders.
const { main } = await import(pathToFileURL(join(output, "main.mjs")).href);
await rm(output, { recursive: true, force: true });
process.exitCode = await main(project, process.argv.slice(2));
