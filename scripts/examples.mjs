import { parseArgs } from "node:util";

/** By what a template can be made where nobody has said what it is for. */
const examples = { nogUrl: "https://nog.example.org", nogRegistries: "example", alarmTopic: "none" };

/**
 * Arguments with examples for the parameters that a stage has no default for, and that are neither among these arguments
 * of osls nor under `params` in serverless.yml. Both files are given as they are parsed.
 */
export function missingParameters(args, serverless, settings) {
  const options = { stage: { type: "string", short: "s", default: "dev" }, param: { type: "string", multiple: true } };
  const { stage, param = [] } = parseArgs({ args, options, strict: false }).values;
  const given = param.map((text) => String(text).split("=")[0]);
  const { params: { default: ofAll, [stage]: ofStage } = {}, ...rest } = serverless;
  const known = { ...ofAll, ...ofStage };
  const asked = JSON.stringify([rest, settings[stage] ?? settings.default]).matchAll(/\$\{param:(\w+)\}/g);
  return [...new Set([...asked].map(([, name]) => name))]
    .filter((name) => name in examples && !given.includes(name) && (known[name] ?? undefined) === undefined)
    .map((name) => `--param=${name}=${examples[name]}`);
}
