import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { type Zippable, zipSync } from "fflate";

/** The SDK uses it only in a browser, to find the browser's name. */
const browserOnly = ["bowser"];
/**
 * The SDK's sources of credentials outside the environment; a Lambda function always has its credentials in the
 * environment.
 */
const otherCredentials = [
  "@aws-sdk/credential-provider-ini",
  "@aws-sdk/credential-provider-login",
  "@aws-sdk/credential-provider-process",
  "@aws-sdk/credential-provider-sso",
  "@aws-sdk/credential-provider-web-identity",
  "@smithy/credential-provider-imds",
];

/**
 * Turns imports of Node's HTTP modules into calls of `require`. An `import` evaluates every export of a module, and the
 * web socket exports of `node:http` make Node 24 compile its whole fetch: a tenth of the start time of a function.
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
  /** The part that is loaded when the function starts. */
  readonly atStart: number;
}

/**
 * Bundles Lambda functions, each into `OUTPUT/NAME/index.mjs` and separate files for lazy imports, with all
 * dependencies, including the SDK. `entries` maps a function's name to its source file, which exports `handler`. The
 * same sources give the same bytes.
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
      // Lazy imports, such as the client of Secrets Manager, become separate files.
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
 * Zips each folder of `bundles` into `OUTPUT/NAME.zip`. The same files give the same bytes. Returns the sizes. Removes
 * earlier zips, but no other file, since users choose the folder.
 */
export async function zipFunctions(bundles: string, output: string): Promise<Record<string, number>> {
  await mkdir(output, { recursive: true });
  for (const file of await readdir(output)) if (file.endsWith(".zip")) await rm(join(output, file));
  const sizes: Record<string, number> = {};
  // The earliest time that a zip archive can store, as local time.
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

/** A file of a bundle and its imports, without lazy imports. */
async function loadedAtStart(folder: string, file: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = await readFile(join(folder, file), "utf8");
  for (const [, next = ""] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) await loadedAtStart(folder, next, seen);
  return seen;
}
