import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { extname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { App } from "tailwake";
import { explainNoBundler } from "../no-bundler.ts";

/** Where a project that `tailwake init` wrote has its app. */
export const usualAppFile = "src/handlers.ts";

/** Is there an app to load if nobody says which? */
export const hasUsualAppFile = (folder: string): boolean => existsSync(join(folder, usualAppFile));

/**
 * Imports the module that exports `app`: JavaScript as it is, TypeScript bundled by the project's esbuild, with its packages
 * left out, so that it shares Tailwake with this program. It runs with the environment as it is now.
 */
export async function loadApp(folder: string, file: string): Promise<App> {
  const path = resolve(folder, file);
  if (!existsSync(path)) throw new Error(`--app: expected a file that exports app, received none at ${path}`);
  const isTypeScript = /^\.[mc]?tsx?$/.test(extname(path));
  const { app } = isTypeScript ? await importBundled(folder, path) : await import(pathToFileURL(path).href);
  const { activities, roots, signalSources } = Object(app) as Partial<App>;
  if ([activities, roots, signalSources].every(Array.isArray)) return app as App;
  throw new Error(
    `${relative(folder, path)}: expected a module that exports app = createApp(…), received none of that`,
  );
}

async function importBundled(folder: string, path: string): Promise<{ readonly app?: unknown }> {
  const { build } = await import("esbuild").catch(explainNoBundler("--app"));
  // Inside of the project, where its packages are found.
  const built = join(folder, ".build");
  await mkdir(built, { recursive: true });
  const output = await mkdtemp(join(built, "app-"));
  try {
    const outfile = join(output, "app.mjs");
    await build({
      absWorkingDir: folder,
      entryPoints: [path],
      outfile,
      bundle: true,
      packages: "external",
      platform: "node",
      format: "esm",
      target: "node20",
      logLevel: "silent",
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}
