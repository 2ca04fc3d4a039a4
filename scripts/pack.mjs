import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildPage } from "./console-page.mjs";
import { ensureInstalled, project } from "./install.mjs";

/**
 * Builds the npm package, then runs `npm pack` with the given arguments: JavaScript and types of functions/ without
 * this repository's handlers, the fragments of infra/, the command line with its project template, and the console with
 * its page. It is a separate script, since npm runs no life cycle scripts here. Each run stages the package in its own
 * folder, so that concurrent runs do not interfere.
 */
ensureInstalled();
const staged = mkdtempSync(join(tmpdir(), "tailwake-pack-"));
try {
  process.exitCode = await pack();
} finally {
  rmSync(staged, { recursive: true, force: true });
}

async function pack() {
  const tsc = join(project, "node_modules", ".bin", "tsc");
  for (const [config, output] of [
    ["tsconfig.package.json", join(staged, "dist")],
    ["tsconfig.tools.json", staged],
  ]) {
    const compiled = run(tsc, ["-p", config, "--outDir", output], 2);
    if (compiled !== 0) return compiled;
  }
  await buildPage(join(staged, "console"));
  for (const file of ["package.json", "README.md", "LICENSE"]) copyFileSync(join(project, file), join(staged, file));
  for (const file of readdirSync(join(project, "infra"))) {
    if (file.endsWith(".yml")) copyFileSync(join(project, "infra", file), join(staged, "infra", file));
  }
  const left = new Set(["node_modules", ".build", ".serverless", ".npmrc", ".gitignore", "package-lock.json"]);
  cpSync(join(project, "examples", "orders"), join(staged, "cli", "template"), {
    recursive: true,
    filter: (path) => !left.has(basename(path)),
  });
  return run("npm", ["pack", "--loglevel=error", ...process.argv.slice(2), staged], "inherit");
}

function run(command, args, stdout) {
  return spawnSync(command, args, { cwd: project, stdio: ["ignore", stdout, 2] }).status ?? 1;
}
