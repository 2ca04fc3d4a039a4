import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureInstalled, project } from "./install.mjs";

// The SDK's word on Node 20 is for whoever deploys, not for whoever tries this out.
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
// Two at once each have their own.
const { main } = await import(pathToFileURL(join(output, "main.mjs")).href);
await rm(output, { recursive: true, force: true });
process.exitCode = await main(project, process.argv.slice(2));
