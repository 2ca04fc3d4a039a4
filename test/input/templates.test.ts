import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cloudFormation, type TemplateOptions } from "../../infra/index.ts";
import { oneFieldChanged } from "./arbitraries.ts";
import { forEachCase } from "./cases.ts";
import { expectNoPollution, outcomeOf } from "./named-error.ts";

const settings = {
  name: "orders",
  whenTableIsDropped: "Retain",
  deletionProtection: true,
  logDays: 14,
  lazyConcurrency: 5,
  lazyMemoryMb: 512,
  cronMemoryMb: 256,
  signalsMemoryMb: 256,
  eagerMemoryMb: 256,
  probeMinutes: 15,
  eagerShards: 1,
  signalsGo: "direct",
  tokenSecret: "nog/token",
  alarmTopic: "arn:aws:sns:us-east-1:123456789012:alarms",
  signalEvents: { source: ["orders"] },
};
const options = fc.record({
  settings: oneFieldChanged<unknown>([settings]),
  include: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<unknown>(undefined, [], ["signals", "eager", "own-signals"]) },
    { weight: 1, arbitrary: oneFieldChanged<unknown>([["signals", "eager", "own-signals"]]) },
  ),
  environment: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<unknown>(undefined, { ORDERS_URL: "https://orders" }) },
    { weight: 1, arbitrary: oneFieldChanged<unknown>([{ ORDERS_URL: "https://orders" }]) },
  ),
});
const named = /^(settings|settings\.\w+|include|environment|environment\..+): expected .+, received .+/s;

describe("cloudFormation()", () => {
  forEachCase(
    "templates/settings",
    "makes a whole template, or names the setting that is wrong",
    options,
    async ({ settings, include, environment }) => {
      const given = {
        settings,
        include,
        environment,
        code: (name: string) => `${name}.zip`,
      } as unknown as TemplateOptions;
      const outcome = await outcomeOf(() => cloudFormation(given));
      if ("error" in outcome) {
        const { message } = outcome.error as Error;
        expect(message).toMatch(named);
        expect(message.length).toBeLessThan(1_000);
      } else {
        const text = JSON.stringify(outcome.value, (_, value) =>
          value === undefined || (typeof value === "number" && !Number.isFinite(value)) ? "NOT JSON" : value,
        );
        const wrong = /NOT JSON|\$\{self:|\[object Object\]|"undefined"|undefined-/;
        expect(wrong.exec(text)?.[0]).toBeUndefined();
        expect(text.length).toBeLessThan(500_000);
      }
      expectNoPollution();
    },
  );

  it("takes the settings that the others are made of", () => {
    const include = ["signals", "eager", "own-signals"] as const;
    const code = (name: string) => `${name}.zip`;
    expect(() => cloudFormation({ settings: settings as TemplateOptions["settings"], include, code })).not.toThrow();
  });
});
