import fc, { type Arbitrary } from "fast-check";
import { afterAll, describe, expect, vi } from "vitest";
import { appSettings, readSettings, SettingsError } from "../../functions/settings.ts";
import { hostileText } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { outcomeOf } from "./named-error.ts";

const valid = {
  TAILWAKE_TABLE: "tasks",
  TAILWAKE_BUS_ARN: "arn:aws:events:us-east-1:123456789012:event-bus/tailwake",
  TAILWAKE_SCHEDULE_GROUP: "tailwake",
  TAILWAKE_SCHEDULE_ROLE_ARN: "arn:aws:iam::123456789012:role/schedules",
  TAILWAKE_SERVICE: "orders",
  TAILWAKE_SIGNAL_QUEUE_URL: "https://sqs.us-east-1.amazonaws.com/123456789012/tailwake-wakes",
  TAILWAKE_RUNS: "100",
  TAILWAKE_RUNS_PER_KIND: "10",
  TAILWAKE_PROBE_MINUTES: "15",
  TAILWAKE_CHECKS_PER_TICK: "2000",
  TAILWAKE_CHECKS_AT_ONCE: "20",
  TAILWAKE_EAGER_SHARDS: "1",
  TAILWAKE_EAGER_WATCHES: "1000",
};
const own = {
  TAILWAKE_NOG_URL: "http://127.0.0.1:1",
  TAILWAKE_NOG_PROTOCOL: "grpc",
  TAILWAKE_NOG_REGISTRIES: "exreg",
  TAILWAKE_NOG_TOKEN: "",
  TAILWAKE_NOG_TOKEN_FILE: "",
  TAILWAKE_NOG_TOKEN_SECRET: "",
  TAILWAKE_NOG_TOKEN_SCHEME: "bare",
  TAILWAKE_ENGINE: "lazy",
};
/** What no message may say. */
const token = "hunter2-hunter2";
/** The operating system keeps no NUL and no lone surrogate in an environment. */
const value = fc
  .oneof(
    { weight: 3, arbitrary: hostileText },
    { weight: 2, arbitrary: fc.integer().map(String) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(",", "a,,b", "http://", "ftp://x", "https:x", "arn:aws:x", "0x10", "１", "1\n", "1.0"),
    },
  )
  .map((text) => Buffer.from(text).toString().replaceAll("\0", ""));

const someOf = (base: Readonly<Record<string, string>>): Arbitrary<Record<string, string>> =>
  fc
    .array(fc.tuple(fc.constantFrom(...Object.keys(base)), value), { minLength: 1, maxLength: 4 })
    .map((changes) => ({ ...base, ...Object.fromEntries(changes) }));

/** One error that names each setting that is wrong, and only those. */
function expectSettingsError(
  error: unknown,
  base: Readonly<Record<string, string>>,
  given: Record<string, string>,
): void {
  if (!(error instanceof SettingsError) && Object(error).name !== "SettingsError") {
    throw new Error("expected a SettingsError", { cause: error });
  }
  const { problems, message } = error as SettingsError;
  expect(problems.length).toBeGreaterThan(0);
  for (const { name, expected, received } of problems) {
    const isChanged = name.split(", ").some((one) => one in base && given[one] !== base[one]);
    expect(isChanged, name).toBe(true);
    expect(message).toContain(`${name}: expected ${expected}, received ${received}`);
    expect(received.length).toBeLessThanOrEqual(1_300);
  }
}

describe("the settings", () => {
  forEachCase("settings/app", "are read, or refused by their names", someOf(valid), async (given) => {
    const outcome = await outcomeOf(() => readSettings(given, appSettings));
    if ("error" in outcome) return expectSettingsError(outcome.error, valid, given);
    for (const setting of Object.values(outcome.value)) {
      if (typeof setting === "number") expect(Number.isSafeInteger(setting) && setting >= 1).toBe(true);
    }
  });

  forEachCase(
    "settings/reference-app",
    "of the reference app are read, or refused by their names and without a token",
    someOf(own).map((given) => (given.TAILWAKE_NOG_TOKEN ? { ...given, TAILWAKE_NOG_TOKEN: token } : given)),
    async (given) => {
      vi.resetModules();
      for (const [name, text] of Object.entries({ ...valid, ...given })) vi.stubEnv(name, text);
      try {
        const outcome = await outcomeOf(() => import("../../functions/handlers/reference-app.ts"));
        if (!("error" in outcome)) return;
        expectSettingsError(outcome.error, own, given);
        expect(String(outcome.error)).not.toContain(token);
      } finally {
        vi.unstubAllEnvs();
      }
    },
  );

  afterAll(() => {
    vi.resetModules();
  });
});
