import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, project } from "./install.mjs";

/** Generates the code of nog's services and of the example's services. */
ensureInstalled();
const bin = join(project, "node_modules", ".bin");
for (const folder of ["proto", "examples/orders/proto"]) {
  const { status } = spawnSync(join(bin, "buf"), ["generate", ...process.argv.slice(2)], {
    cwd: join(project, folder),
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}
