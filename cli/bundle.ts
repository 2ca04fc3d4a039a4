import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { type Zippable, zipSync } from "fflate";

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

/**
 * Imports of Node's HTTP modules become calls of `require`. An `import` asks a module for all that it exports, and
 * what `node:http` exports of web sockets makes Node 24 compile its whole fetch: a tenth of the start of a function.
 */
const requiredHttp: Plugin = {
  name: "required-http",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) =>
      kind === "require-call" ? undefined : { path, namespace: "required-http" },
    );
    onLoad({ filter: /./, namespace: "required-http" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** The size of a function's bundle, in bytes. */
export interface BundleSize {
  readonly bytes: number;
  /** Of these, what is loaded when the function starts. */
  readonly atStart: number;
}

/**
 * Bundles Lambda functions, each into `OUTPUT/NAME/index.mjs` and what it imports only when needed, with everything
 * inside, the SDK too. `entries` has each function's source file by its name; the source exports `handler`. The same
 * sources give the same bytes.
 */
export async function bundleFunctions(
  folder: string,
  entries: Readonly<Record<string, string>>,
  output: string,
): Promise<Record<string, BundleSize>> {
  await rm(output, { recursive: true, force: true });
  const bundled = Object.entries(entries).map(async ([name, entry]): Promise<[string, BundleSize]> => {
    await build({
      absWorkingDir: folder,
      entryPoints: { index: entry },
      outdir: join(output, name),
      outExtension: { ".js": ".mjs" },
      bundle: true,
      // What is imported only when it is needed, as the client of Secrets Manager, is a file of its own.
      splitting: true,
      platform: "node",
      format: "esm",
      target: "node20",
      minify: true,
      external: [...browserOnly, ...otherCredentials],
      plugins: [requiredHttp],
      mainFields: ["module", "main"],
      legalComments: "none",
      logLevel: "warning",
      // Some of the SDK's dependencies are CommonJS and require Node's own modules.
      banner: {
        js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
      },
    });
    return [name, await sizeOf(join(output, name))];
  });
  return Object.fromEntries(await Promise.all(bundled));
}

const unix = 3;
const readableFile = 0o100644 << 16;

/**
 * Zips each folder of `bundles` into `OUTPUT/NAME.zip`. The same files give the same bytes. Returns their sizes. Zips of
 * an earlier time are removed, and nothing else is: people say where, and may say the folder that they are in.
 */
export async function zipFunctions(bundles: string, output: string): Promise<Record<string, number>> {
  await mkdir(output, { recursive: true });
  for (const file of await readdir(output)) if (file.endsWith(".zip")) await rm(join(output, file));
  const sizes: Record<string, number> = {};
  // The oldest time that a zip archive can hold, which is local time in whatever zone.
  const mtime = new Date(1980, 0, 1);
  for (const name of (await readdir(bundles)).sort()) {
    const files: Zippable = {};
    for (const file of (await readdir(join(bundles, name))).sort()) {
      files[file] = [await readFile(join(bundles, name, file)), { mtime, os: unix, attrs: readableFile }];
    }
    const zip = zipSync(files, { level: 9 });
    await writeFile(join(output, `${name}.zip`), zip);
    sizes[name] = zip.length;
  }
  return sizes;
}

async function sizeOf(folder: string): Promise<BundleSize> {
  const sizes = new Map<string, number>();
  for (const file of await readdir(folder)) sizes.set(file, (await stat(join(folder, file))).size);
  const sum = (files: Iterable<string>) => [...files].reduce((bytes, file) => bytes + (sizes.get(file) ?? 0), 0);
  return { bytes: sum(sizes.keys()), atStart: sum(await loadedAtStart(folder, "index.mjs")) };
}

/** A file of a bundle and what it imports, without what it imports only when needed. */
async function loadedAtStart(folder: string, file: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = await readFile(join(folder, file), "utf8");
  for (const [, next = ""] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) await loadedAtStart(folder, next, seen);
  return seen;
}
