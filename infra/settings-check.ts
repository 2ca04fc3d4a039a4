import type { InfraSettings, Option } from "./index.ts";

interface Check {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

const whole = (min: number, max: number): Check => ({
  expected: `a whole number from ${min} to ${max}`,
  fits: (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
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
/** More than any real pattern; stops at an object that contains itself. */
const maxPatternDepth = 100;
/** A template would omit such a value or write null, which is another pattern. */
const isJson = (value: unknown, depth = 0): boolean => {
  if (typeof value === "object" && value !== null) {
    return depth < maxPatternDepth && Object.values(value).every((one) => isJson(one, depth + 1));
  }
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
};
/** The range that Lambda accepts. */
const memory = whole(128, 10_240);
/** The retention periods that CloudWatch Logs accepts, up to ten years. */
const days = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

const checks: { readonly [S in keyof InfraSettings]-?: Check } = {
  name: text("1 to 40 letters, digits and dashes", /^[A-Za-z][A-Za-z0-9-]{0,39}$/),
  whenTableIsDropped: oneOf("Delete", "Retain"),
  deletionProtection: oneOf(true, false),
  logDays: oneOf(...days),
  // The event source of SQS needs a maximum concurrency of at least two.
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
  signalEvents: { expected: "an event pattern in JSON", fits: (value) => isMap(value) && isJson(value) },
};
const options: readonly Option[] = ["signals", "eager", "own-signals"];

/** Throws an `Error` that names the first missing or invalid setting. */
export function checkSettings(settings: unknown, include: unknown, environment: unknown): void {
  if (!isMap(settings)) throw invalid("settings", "an object", settings);
  if (!Array.isArray(include)) throw invalid("include", "an array", include);
  for (const option of include) {
    if (!options.includes(option)) throw invalid("include", `some of ${options.join(", ")}`, option);
  }
  if (!isMap(environment)) throw invalid("environment", "an object", environment);
  for (const [name, value] of Object.entries(environment as object)) {
    if (!/^[A-Za-z]\w{0,254}$/.test(name)) throw invalid("environment", "names of letters, digits and _", name);
    // The value may be a secret, so do not show it.
    if (typeof value !== "string") throw invalid(`environment.${name}`, "a text", `a value of type ${typeof value}`);
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
    throw invalid(`settings.${setting}`, expected, value);
  }
}

function invalid(subject: string, expected: string, received: unknown): Error {
  return new Error(`${subject}: expected ${expected}, received ${shortened(textOf(received))}`);
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "a value that is not JSON";
  }
}

const shortened = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text);
