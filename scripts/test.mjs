import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { ensureInstalled, project, runAndExit } from "./install.mjs";

/**
 * `npm test` runs all tests but the slow ones (`*.slow.test.ts`), and a file that is named, wherever it is. `--all` runs
 * the slow ones too, `--slow` them alone; `--watch` runs what a change touches. All else is for vitest.
 */
const given = process.argv.slice(2);
const own = ["--all", "--slow", "--watch"];
const asked = own.filter((option) => given.includes(option));
const args = given.filter((option) => !own.includes(option));

ensureInstalled();
const files = readdirSync(join(project, "test"), { recursive: true }).map((file) => join("test", file));
const isNamed = args.some((arg) => files.some((file) => file.endsWith(".test.ts") && file.includes(arg)));
const projects = asked.includes("--slow")
  ? ["--project=slow"]
  : isNamed || asked.includes("--all")
    ? []
    : ["--project=!slow"];
// Before all tests, since those that need it run at once.
if (!isNamed) await build();
runAndExit("node_modules/vitest/vitest.mjs", [asked.includes("--watch") ? "watch" : "run", ...projects, ...args]);
