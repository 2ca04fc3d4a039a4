import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { buildPage } from "./console-page.mjs";
import { ensureInstalled, project } from "./install.mjs";

/** The outputs: self-contained bundles for Lambda, and local programs that resolve their packages from this project. */
const output = join(project, ".build");
const sources = ["functions", "local", "cli", "console", "scripts", "package-lock.json"];
const functions = Object.fromEntries(
  ["lazy", "cron", "signals", "eager"].map((name) => [name, `functions/handlers/${name}.ts`]),
);
/** Two entries of one build, so that the app shares Tailwake with the command line. */
const commandLine = { main: "cli/main.ts", app: "functions/handlers/reference-app.ts" };
const programs = { main: "local/main.ts", bootstrap: "local/lambda/bootstrap.ts", upstream: "local/upstream/main.ts" };

/**
 * Bundles the Lambda functions, the local runtime, the command line and the console's page into `.build`, if a source is
 * newer than the last build. The same sources give the same bytes.
 */
export async function build() {
  const stamp = join(output, "built");
  const newest = Math.max(...(await Promise.all(sources.map(newestIn))));
  const built = await stat(stamp).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (built > newest) return output;
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  await bundlePrograms(programs);
  await bundlePrograms(commandLine, join(output, "tailwake"));
  // Beside both programs that serve the page.
  for (const folder of [output, join(output, "tailwake")]) await buildPage(folder);
  const { bundleFunctions } = await bundler();
  const sizes = await bundleFunctions(project, functions, join(output, "functions"));
  await writeFile(stamp, JSON.stringify(sizes));
  return output;
}

/** The bundler is written in TypeScript, since it also bundles projects that depend on Tailwake. */
export async function bundler() {
  await bundlePrograms({ bundle: "cli/bundle.ts" });
  return import(pathToFileURL(join(output, "bundle.mjs")).href);
}

async function bundlePrograms(entryPoints, outdir = output) {
  const { build: bundle } = await import("esbuild");
  await bundle({
    absWorkingDir: project,
    entryPoints,
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: outdir !== output,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    logLevel: "warning",
  });
}

async function newestIn(name) {
  const path = join(project, name);
  const found = await stat(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const entries = await readdir(path);
  return Math.max(found.mtimeMs, ...(await Promise.all(entries.map((entry) => newestIn(join(name, entry))))));
}

/** The bundle size of each function in the last build. */
export async function bundleSizes() {
  return Object.entries(JSON.parse(await readFile(join(output, "built"), "utf8")));
}

if (process.argv[1] === import.meta.filename || process.argv[1]?.endsWith("scripts/build.mjs")) {
  ensureInstalled();
  const built = await build();
  for (const [name, { bytes, atStart }] of await bundleSizes()) {
    process.stdout.write(
      `${relative(project, join(built, "functions", name))}  ${bytes} bytes, ${atStart} of them loaded at start\n`,
    );
  }
}
