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
const words = args.filter((arg) => !arg.startsWith("-"));
const isNamed = words.length > 0 && testFiles().some((file) => words.some((word) => file.includes(word)));
const isAny = isNamed || asked.includes("--all");
const projects = asked.includes("--slow") ? ["--project=slow"] : isAny ? [] : ["--project=!slow"];
// Before all tests, since those that need it run at once.
if (!isNamed) await build();
runAndExit("node_modules/vitest/vitest.mjs", [asked.includes("--watch") ? "watch" : "run", ...projects, ...args]);

/** Whole paths, of which a word names a part. */
function testFiles() {
  const files = readdirSync(join(project, "test"), { recursive: true });
  return files.filter((file) => file.endsWith(".test.ts")).map((file) => join(project, "test", file));
}
