import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { ensureInstalled, project } from "./install.mjs";

/** What is built: bundles for Lambda with everything inside, and programs of this machine that find their packages. */
const output = join(project, ".build");
const functions = ["lazy", "cron", "signals", "eager"];
/** The SDK asks it for the name of a browser, and only in one. */
const browserOnly = ["bowser"];
/** Where the SDK looks for credentials that are not in the environment, as those of a Lambda function always are. */
const otherCredentials = [
  "@aws-sdk/credential-provider-ini",
  "@aws-sdk/credential-provider-login",
  "@aws-sdk/credential-provider-process",
  "@aws-sdk/credential-provider-sso",
  "@aws-sdk/credential-provider-web-identity",
  "@smithy/credential-provider-imds",
];
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
        entryPoints: { index: `functions/handlers/${name}.ts` },
        outdir: join(output, "functions", name),
        outExtension: { ".js": ".mjs" },
        // What is imported only when it is needed, as the client of Secrets Manager, is a file of its own.
        splitting: true,
        external: [...browserOnly, ...otherCredentials],
        target: "node20",
        minify: true,
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

/** A file of a bundle and what it imports, without what it imports only when needed. */
async function loadedAtStart(folder, file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = await readFile(join(folder, file), "utf8");
  for (const [, next] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) await loadedAtStart(folder, next, seen);
  return seen;
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
    const folder = join(built, "functions", name);
    const sizes = new Map();
    for (const file of await readdir(folder)) sizes.set(file, (await stat(join(folder, file))).size);
    const sum = (files) => [...files].reduce((bytes, file) => bytes + sizes.get(file), 0);
    const atStart = sum(await loadedAtStart(folder, "index.mjs"));
    process.stdout.write(
      `${relative(project, folder)}  ${sum(sizes.keys())} bytes, ${atStart} of them loaded at start\n`,
    );
  }
}
