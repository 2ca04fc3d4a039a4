import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, bundler, bundleSizes } from "./build.mjs";
import { ensureInstalled, project, runAndExit } from "./install.mjs";

/**
 * Makes what a deployment consists of: one zip for each function, in `.build/packages`, and the CloudFormation template,
 * in `.serverless`. It needs no network and no credentials. Arguments are those of `osls package`; for parameters that
 * only a deployment has to know there are examples.
 */
const largestBundleBytes = 700_000;
const examples = { nogUrl: "https://nog.example.org", nogRegistries: "example", alarmTopic: "none" };

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
const args = process.argv.slice(2);
const added = await missingParameters(args);
if (added.length > 0)
  process.stdout.write(`the template has examples, which osls deploy does not take: ${added.join(" ")}\n`);
runAndExit("node_modules/osls/bin/serverless.js", ["package", ...args, ...added]);

/** An example for each parameter that is neither among the arguments nor under `params` in serverless.yml. */
async function missingParameters(given) {
  // Not before the packages are there.
  const { parse } = await import("yaml");
  const { params = {} } = parse(readFileSync(join(project, "serverless.yml"), "utf8"));
  const remembered = Object.values(params).flatMap(Object.keys);
  return Object.entries(examples)
    .filter(
      ([name]) =>
        !remembered.includes(name) && !given.some((arg) => arg.replace(/^--param=/, "").startsWith(`${name}=`)),
    )
    .map(([name, value]) => `--param=${name}=${value}`);
}
