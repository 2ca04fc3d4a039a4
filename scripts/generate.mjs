import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, project } from "./install.mjs";

ensureInstalled();
const bin = join(project, "node_modules", ".bin");
const { status } = spawnSync(join(bin, "buf"), ["generate", ...process.argv.slice(2)], {
  cwd: join(project, "proto"),
  env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  stdio: "inherit",
});
process.exit(status ?? 1);
