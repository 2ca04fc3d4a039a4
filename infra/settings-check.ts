import type { InfraSettings, Option } from "./index.ts";

interface Check {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

const whole = (least: number, most: number): Check => ({
  expected: `a whole number from ${least} to ${most}`,
  fits: (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
});
const oneOf = (...values: readonly unknown[]): Check => ({
  expected: `one of ${values.join(", ")}`,
  fits: (value) => values.includes(value),
});
const text = (expected: string, pattern: RegExp): Check => ({
  expected,
  fits: (value) => typeof value === "string" && pattern.test(value),
});
const isMap = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
/** Deeper than any pattern, and less than an object that contains itself. */
const deepestPattern = 100;
/** What a template leaves out, or writes as null, would be another pattern. */
const isJson = (value: unknown, depth = 0): boolean => {
  if (typeof value === "object" && value !== null) {
    return depth < deepestPattern && Object.values(value).every((one) => isJson(one, depth + 1));
  }
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
};
/** What Lambda takes. */
const memory = whole(128, 10_240);
/** What CloudWatch Logs takes, up to ten years. */
const days = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

const checks: { readonly [S in keyof InfraSettings]-?: Check } = {
  name: text("1 to 40 letters, digits and dashes", /^[A-Za-z][A-Za-z0-9-]{0,39}$/),
  whenTableIsDropped: oneOf("Delete", "Retain"),
  deletionProtection: oneOf(true, false),
  logDays: oneOf(...days),
  // SQS starts at least two invocations of a function at once.
  lazyConcurrency: whole(2, 1_000),
  lazyMemoryMb: memory,
  cronMemoryMb: memory,
  signalsMemoryMb: memory,
  eagerMemoryMb: memory,
  probeMinutes: whole(1, 1_440),
  checksPerTick: whole(1, 100_000),
  eagerShards: whole(1, 16),
  signalsGo: oneOf("through-the-bus", "direct"),
  tokenSecret: text('the name or ARN of a secret, "" for none', /^[\w/+=.@-]{0,512}$|^arn:\S{1,2000}$/),
  tokenKey: text('the ARN of a KMS key, "" for none', /^$|^arn:\S{1,2000}$/),
  alarmTopic: text("the ARN of an SNS topic, or none", /^none$|^arn:\S{1,2000}$/),
  signalEvents: { expected: "an event pattern, of JSON alone", fits: (value) => isMap(value) && isJson(value) },
};
const options: readonly Option[] = ["signals", "eager", "own-signals"];

/** Throws an `Error` that names the first setting that a template cannot be made of. */
export function checkSettings(settings: unknown, include: unknown, environment: unknown): void {
  if (!isMap(settings)) throw unusable("settings", "an object", settings);
  if (!Array.isArray(include)) throw unusable("include", "an array", include);
  for (const option of include) {
    if (!options.includes(option)) throw unusable("include", `some of ${options.join(", ")}`, option);
  }
  if (!isMap(environment)) throw unusable("environment", "an object", environment);
  for (const [name, value] of Object.entries(environment as object)) {
    if (!/^[A-Za-z]\w{0,254}$/.test(name)) throw unusable("environment", "names of letters, digits and _", name);
    // What a variable holds may be a secret.
    if (typeof value !== "string") throw unusable(`environment.${name}`, "a text", `a value of type ${typeof value}`);
  }
  const given = settings as Readonly<Record<string, unknown>>;
  for (const setting of Object.keys(given)) {
    if (Object.hasOwn(checks, setting)) continue;
    throw new Error(`settings: expected ${Object.keys(checks).sort().join(", ")}, received also ${shortened(setting)}`);
  }
  for (const [setting, { expected, fits }] of Object.entries(checks)) {
    const value = given[setting];
    const isNeeded = setting === "name" || (setting === "signalEvents" && include.includes("own-signals"));
    if (fits(value) || (value === undefined && !isNeeded)) continue;
    throw unusable(`settings.${setting}`, expected, value);
  }
}

function unusable(subject: string, expected: string, received: unknown): Error {
  return new Error(`${subject}: expected ${expected}, received ${shortened(inWords(received))}`);
}

function inWords(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "what JSON cannot hold";
  }
}

const shortened = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text);
