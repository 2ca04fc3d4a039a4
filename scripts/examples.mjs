import { parseArgs } from "node:util";

/** Example values, for building a template without real ones. */
const examples = { nogUrl: "https://nog.example.org", nogRegistries: "example", alarmTopic: "none" };

/**
 * Arguments with example values for the parameters that have no default in the stage and are set neither by these
 * arguments of osls nor under `params` in serverless.yml. Both files are passed parsed.
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
