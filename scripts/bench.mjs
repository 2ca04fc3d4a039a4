import { rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { build } from "./build.mjs";
import { ensureInstalled, project, runAndExit } from "./install.mjs";

// The SDK's word on Node 20 is for whoever deploys, not for whoever measures.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
ensureInstalled();
// One benchmark starts what `npm start` starts: that is built before, not in its time.
const output = join(await build(), "bench");
const { build: bundle } = await import("esbuild");
await rm(output, { recursive: true, force: true });
await bundle({
  bundle: true,
  platform: "node",
  format: "esm",
  logLevel: "warning",
  absWorkingDir: project,
  entryPoints: { main: "bench/main.ts" },
  outdir: output,
  outExtension: { ".js": ".mjs" },
  target: "node20",
  packages: "external",
  splitting: true,
  sourcemap: "inline",
});
runAndExit(relative(project, join(output, "main.mjs")), process.argv.slice(2));
