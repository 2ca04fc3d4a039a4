import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, project } from "./install.mjs";

/**
 * Makes the npm package: compiles JavaScript and types of everything in functions/ but this repository's handlers, then
 * runs `npm pack` with the given arguments. A script of its own, since npm runs no life cycle scripts here.
 */
ensureInstalled();
rmSync(join(project, "dist"), { recursive: true, force: true });
run(join(project, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.package.json"], 2);
run("npm", ["pack", "--loglevel=error", ...process.argv.slice(2)], "inherit");

function run(command, args, stdout) {
  const { status } = spawnSync(command, args, { cwd: project, stdio: ["ignore", stdout, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
