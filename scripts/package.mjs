import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, bundler, bundleSizes } from "./build.mjs";
import { missingParameters } from "./examples.mjs";
import { ensureInstalled, project, runAndExit } from "./install.mjs";

/**
 * Builds a deployment: one zip for each function in `.build/packages`, and the CloudFormation template in
 * `.serverless`. Needs no network and no credentials. Takes the arguments of `osls package`; parameters without a
 * default get example values.
 */
const maxBundleBytes = 710_000;

ensureInstalled();
const built = await build();
const packages = join(built, "packages");
const { zipFunctions } = await bundler();
const zips = await zipFunctions(join(built, "functions"), packages);
for (const [name, { bytes }] of await bundleSizes()) {
  const zip = join(packages, `${name}.zip`);
  process.stdout.write(`${relative(project, zip)}  ${zips[name]} bytes, of ${bytes} unzipped\n`);
  if (bytes <= maxBundleBytes) continue;
  process.stderr.write(`the bundle of ${name} has ${bytes} bytes; expected at most ${maxBundleBytes}\n`);
  process.exit(1);
}
const args = process.argv.slice(2);
// Import only after the packages are installed.
const { parse } = await import("yaml");
const read = (file) => parse(readFileSync(join(project, file), "utf8"), { merge: true });
const added = missingParameters(args, read("serverless.yml"), read("infra/settings.yml"));
if (added.length > 0) {
  process.stdout.write(
    `the template has example values for parameters that osls deploy requires: ${added.join(" ")}\n`,
  );
}
runAndExit("node_modules/osls/bin/serverless.js", ["package", ...args, ...added]);
