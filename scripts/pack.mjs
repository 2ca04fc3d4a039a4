import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInstalled, project } from "./install.mjs";

/**
 * Makes the npm package: compiles JavaScript and types of everything in functions/ but this repository's handlers, then
 * runs `npm pack` with the given arguments. A script of its own, since npm runs no life cycle scripts here. What is
 * packed is put together in a folder of its own, so that two that pack at once do not take each other's files away.
 */
ensureInstalled();
const staged = mkdtempSync(join(tmpdir(), "tailwake-pack-"));
try {
  process.exitCode = pack();
} finally {
  rmSync(staged, { recursive: true, force: true });
}

function pack() {
  const tsc = join(project, "node_modules", ".bin", "tsc");
  const compiled = run(tsc, ["-p", "tsconfig.package.json", "--outDir", join(staged, "dist")], 2);
  if (compiled !== 0) return compiled;
  for (const file of ["package.json", "README.md", "LICENSE"]) copyFileSync(join(project, file), join(staged, file));
  return run("npm", ["pack", "--loglevel=error", ...process.argv.slice(2), staged], "inherit");
}

function run(command, args, stdout) {
  return spawnSync(command, args, { cwd: project, stdio: ["ignore", stdout, 2] }).status ?? 1;
}
