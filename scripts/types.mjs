import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, project } from "./install.mjs";

/** The types of everything, and those of the console's page, which is for browsers. */
ensureInstalled();
// The checks against AWS's own software have packages of their own, whose types tsc reads.
ensureInstalled(join(project, "test", "aws"));
const tsc = join(project, "node_modules", ".bin", "tsc");
const failed = [".", "console/page"].filter(
  (folder) => spawnSync(tsc, ["-p", folder], { cwd: project, stdio: "inherit" }).status !== 0,
);
process.exit(failed.length === 0 ? 0 : 1);
