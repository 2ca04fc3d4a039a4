import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import type { Broken } from "./options.ts";

/** The handler of the app that each function has. */
const functions = { lazy: "wake", cron: "tick", signals: "signals", eager: "lead" } as const;

/** A text of a source file, and its replacement in the programs of a torture. */
interface Mutation {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Every run may commit, whether it has the lease or not. */
const unguarded: Mutation = {
  file: "functions/tasks/transitions.ts",
  from: 'const mine = (token: string): Guard => is("token", token);',
  to: 'const mine = (_token: string): Guard => oneOf("status", [...live, "completed"]);',
};

/**
 * Bundles the programs of a torture into a folder, with its clock in place of the product's: the functions, the program
 * of their processes, the runtime and the upstream.
 */
export async function bundleTorture(project: string, folder: string, broken?: Broken): Promise<void> {
  const shared: BuildOptions = {
    absWorkingDir: project,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    mainFields: ["module", "main"],
    logLevel: "warning",
  };
  const clock: Mutation = {
    file: "functions/foundation/clock.ts",
    from: "",
    to: await sourceOf(project, "proof/torture/clock.ts"),
  };
  await Promise.all([
    build({
      ...shared,
      entryPoints: { app: "proof/torture/app.ts" },
      minify: true,
      external: ["bowser"],
      plugins: [replacing(project, broken === "unguarded-commits" ? [clock, unguarded] : [clock])],
      banner: {
        js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
      },
    }),
    build({
      ...shared,
      entryPoints: {
        bootstrap: "local/lambda/bootstrap.ts",
        runtime: "proof/torture/runtime-program.ts",
        upstream: "proof/torture/upstream-program.ts",
      },
      packages: "external",
      plugins: [replacing(project, [clock])],
    }),
    // The programs resolve their packages from the project.
    symlink(join(project, "node_modules"), join(folder, "node_modules")),
  ]);
  for (const [name, handler] of Object.entries(functions)) {
    const taskRoot = join(folder, "functions", name);
    await mkdir(taskRoot, { recursive: true });
    await writeFile(join(taskRoot, "index.mjs"), `export { ${handler} as handler } from "../../app.mjs";\n`);
  }
}

const sourceOf = (project: string, file: string) => readFile(join(project, file), "utf8");

/** An empty `from` replaces the whole file. */
function replacing(project: string, mutations: readonly Mutation[]): Plugin {
  return {
    name: "replacing",
    setup({ onLoad }) {
      for (const { file, from, to } of mutations) {
        onLoad({ filter: new RegExp(`${file.replaceAll(".", "\\.")}$`) }, async () => {
          const source = from === "" ? "" : await sourceOf(project, file);
          if (!source.includes(from)) throw new Error(`${file}: expected ${JSON.stringify(from)} in it`);
          return { contents: from === "" ? to : source.replace(from, () => to), loader: "ts" };
        });
      }
    },
  };
}
