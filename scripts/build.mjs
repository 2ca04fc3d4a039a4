import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { ensureInstalled, project } from "./install.mjs";

/** What is built: bundles for Lambda with everything inside, and programs of this machine that find their packages. */
const output = join(project, ".build");
const functions = ["lazy", "cron"];
const programs = { main: "local/main.ts", bootstrap: "local/lambda/bootstrap.ts", upstream: "local/upstream/main.ts" };

/**
 * Bundles the Lambda functions and the local runtime into `.build`, if a source is newer than the last build. The same
 * sources give the same bytes.
 */
export async function build() {
  const stamp = join(output, "built");
  const newest = Math.max(...(await Promise.all(["functions", "local", "scripts", "package-lock.json"].map(newestIn))));
  const built = await stat(stamp).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (built > newest) return output;
  const { build: bundle } = await import("esbuild");
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  const shared = { bundle: true, platform: "node", format: "esm", logLevel: "warning", absWorkingDir: project };
  await Promise.all([
    ...functions.map((name) =>
      bundle({
        ...shared,
        entryPoints: [`functions/handlers/${name}.ts`],
        outfile: join(output, "functions", name, "index.mjs"),
        target: "node20",
        minify: true,
        keepNames: true,
        mainFields: ["module", "main"],
        legalComments: "none",
        // Some of the SDK's dependencies are CommonJS and require Node's own modules.
        banner: {
          js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
        },
      }),
    ),
    bundle({
      ...shared,
      entryPoints: Object.fromEntries(Object.entries(programs).map(([name, file]) => [name, file])),
      outdir: output,
      outExtension: { ".js": ".mjs" },
      target: "node20",
      packages: "external",
      sourcemap: "inline",
    }),
  ]);
  await writeFile(stamp, "");
  return output;
}

async function newestIn(place) {
  const path = join(project, place);
  const found = await stat(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const entries = await readdir(path);
  return Math.max(found.mtimeMs, ...(await Promise.all(entries.map((name) => newestIn(join(place, name))))));
}

if (process.argv[1] === import.meta.filename || process.argv[1]?.endsWith("scripts/build.mjs")) {
  ensureInstalled();
  const built = await build();
  for (const name of functions) {
    const { size } = await stat(join(built, "functions", name, "index.mjs"));
    process.stdout.write(`${relative(project, join(built, "functions", name, "index.mjs"))}  ${size} bytes\n`);
  }
}
