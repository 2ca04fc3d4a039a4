import { join, relative } from "node:path";
import { build, bundler, bundleSizes } from "./build.mjs";
import { ensureInstalled, project, runAndExit } from "./install.mjs";

/**
 * Makes what a deployment consists of: one zip for each function, in `.build/packages`, and the CloudFormation template,
 * in `.serverless`. It needs no network and no credentials. Arguments are those of `osls package`.
 */
const largestBundleBytes = 700_000;

ensureInstalled();
const built = await build();
const packages = join(built, "packages");
const { zipFunctions } = await bundler();
const zips = await zipFunctions(join(built, "functions"), packages);
for (const [name, { bytes }] of await bundleSizes()) {
  const zip = join(packages, `${name}.zip`);
  process.stdout.write(`${relative(project, zip)}  ${zips[name]} bytes, of ${bytes} unzipped\n`);
  if (bytes <= largestBundleBytes) continue;
  process.stderr.write(`the bundle of ${name} has ${bytes} bytes; expected at most ${largestBundleBytes}\n`);
  process.exit(1);
}
runAndExit("node_modules/osls/bin/serverless.js", ["package", ...process.argv.slice(2)]);
