import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { extname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { App } from "tailwake";
import { explainNoBundler } from "../no-bundler.ts";

/** The app module of a project that `tailwake init` created. */
export const defaultAppFile = "src/handlers.ts";

/** Whether the default app module exists. */
export const hasDefaultAppFile = (folder: string): boolean => existsSync(join(folder, defaultAppFile));

/**
 * Imports the module that exports `app`: JavaScript directly, TypeScript bundled by the project's esbuild without its
 * packages, so that it shares Tailwake with this program. The module runs with the current environment.
 */
export async function loadApp(folder: string, file: string): Promise<App> {
  const path = resolve(folder, file);
  if (!existsSync(path)) throw new Error(`--app: expected a file that exports app, found no file at ${path}`);
  const isTypeScript = /^\.[mc]?tsx?$/.test(extname(path));
  const { app } = isTypeScript ? await importBundled(folder, path) : await import(pathToFileURL(path).href);
  const { activities, roots, signalSources } = Object(app) as Partial<App>;
  if ([activities, roots, signalSources].every(Array.isArray)) return app as App;
  throw new Error(`${relative(folder, path)}: expected a module that exports app = createApp(…), but it does not`);
}

async function importBundled(folder: string, path: string): Promise<{ readonly app?: unknown }> {
  const { build } = await import("esbuild").catch(explainNoBundler("--app"));
  // In the project, where its packages resolve.
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
