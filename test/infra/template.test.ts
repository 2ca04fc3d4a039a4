import type { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { appSettings } from "../../functions/settings.ts";
import { tableShape } from "../../functions/tasks/dynamodb-table.ts";
import { delayQueueMs } from "../../functions/wake/timing.ts";
import { cloudFormation, type Template } from "../../infra/index.ts";
import { lazyTimeoutMs, routeWakes } from "../../local/deployment.ts";
import { linesOfDashboard } from "./dashboard.ts";

const names = ["lazy", "cron", "signals", "eager"] as const;

const plain = (options: Partial<Parameters<typeof cloudFormation>[0]> = {}): Template =>
  cloudFormation({ settings: { name: "tailwake-dev" }, code: (name) => `${name}.zip`, ...options });
const whole = plain({ include: ["signals", "eager"] });

/** The properties of a resource. */
function resource(id: string, { Resources }: Template = whole): Record<string, unknown> {
  return (Resources[id] ?? expect.fail(`no ${id} in ${Object.keys(Resources)}`)).Properties;
}

describe("the template", () => {
  it("has the table that the adapter relies on", () => {
    expect(resource("TaskTable")).toMatchObject(tableShape);
  });

  it("routes each event of the bus as the local runtime does", async () => {
    const local: Record<string, unknown> = {};
    const client = {
      async send({ input }: PutRuleCommand | PutTargetsCommand) {
        if ("EventPattern" in input) local[String(input.Name)] = { pattern: JSON.parse(String(input.EventPattern)) };
        if ("Rule" in input)
          Object.assign(Object(local[String(input.Rule)]), { to: input.Targets?.map(({ Arn }) => Arn) });
      },
    } as unknown as EventBridgeClient;
    await routeWakes(client, {
      wakes: "WakeQueue",
      delay: "DelayQueue",
      quarantined: "QuarantineQueue",
      deadLetters: "DeadLetterQueue",
      signals: "SignalsLambdaFunction",
      eager: "EagerLambdaFunction",
    });
    const deployed = Object.entries(whole.Resources)
      .filter(([, { Type }]) => Type === "AWS::Events::Rule")
      .map(([id, { Properties }]) => {
        const { EventPattern, Targets } = Properties as { EventPattern: unknown; Targets: { Arn: object }[] };
        const name = id.replace(/Rule$/, "").replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`);
        return [name.toLowerCase(), { pattern: EventPattern, to: Targets.map(({ Arn }) => Object.values(Arn)[0][0]) }];
      });
    expect(Object.fromEntries(deployed)).toEqual(local);
  });

  it("shows each queue and each function on the dashboard; the optional ones by name, so that they need not be there", () => {
    const linesOf = (template: Template) => linesOfDashboard(template).map((line) => line.slice(1, 4).join(" "));
    const lines = linesOf(whole);
    for (const [id, { Type }] of Object.entries(whole.Resources)) {
      if (Type !== "AWS::SQS::Queue") continue;
      expect(lines).toContain(`ApproximateNumberOfMessagesVisible QueueName \${${id}.QueueName}`);
      // Dead letters are old.
      if (id !== "DeadLetterQueue")
        expect(lines).toContain(`ApproximateAgeOfOldestMessage QueueName \${${id}.QueueName}`);
    }
    for (const id of ["LazyLambdaFunction", "CronLambdaFunction"]) {
      expect(lines).toContain(`Errors FunctionName \${${id}}`);
    }
    for (const id of ["SignalsLambdaFunction", "EagerLambdaFunction"]) {
      expect(lines).toContain(`Errors FunctionName ${resource(id).FunctionName}`);
    }
    expect(linesOf(plain())).toEqual(lines);
  });

  it("keeps what a rule cannot deliver, and what the lazy function cannot handle", () => {
    const deadLetters = { "Fn::GetAtt": ["DeadLetterQueue", "Arn"] };
    for (const { Type, Properties } of Object.values(whole.Resources)) {
      if (Type !== "AWS::Events::Rule") continue;
      for (const target of Properties.Targets as object[]) {
        expect(target).toMatchObject({ DeadLetterConfig: { Arn: deadLetters } });
      }
    }
    for (const id of ["WakeQueue", "DelayQueue", "QuarantineQueue"]) {
      expect(resource(id)).toMatchObject({ RedrivePolicy: { deadLetterTargetArn: deadLetters, maxReceiveCount: 5 } });
    }
  });

  it("hides messages a little longer than the lazy function can run (rule 7), and delays as the wakes expect it", () => {
    expect(resource("LazyLambdaFunction").Timeout).toBe(lazyTimeoutMs / 1000);
    for (const id of ["WakeQueue", "DelayQueue", "QuarantineQueue"]) {
      expect(resource(id).VisibilityTimeout).toBe(lazyTimeoutMs / 1000 + 15);
    }
    expect(resource("DelayQueue").DelaySeconds).toBe(delayQueueMs / 1000);
    expect([resource("WakeQueue").DelaySeconds, resource("QuarantineQueue").DelaySeconds]).toEqual([
      undefined,
      undefined,
    ]);
    expect(resource("QuarantineSource")).toMatchObject({ BatchSize: 1 });
  });

  it("gives each function the settings that it reads, and no other of Tailwake's", () => {
    const known = new Set(Object.keys(appSettings));
    for (const name of ["Lazy", "Cron", "Signals", "Eager"]) {
      const { Variables } = Object(resource(`${name}LambdaFunction`).Environment);
      expect(Object.keys(Variables).filter((variable) => !known.has(variable))).toEqual([]);
      for (const needed of ["TABLE", "BUS_ARN", "SCHEDULE_GROUP", "SCHEDULE_ROLE_ARN"]) {
        expect(Variables).toHaveProperty(`TAILWAKE_${needed}`);
      }
    }
  });

  it("tells the cron function of each optional function that is there, and of no other", () => {
    const told = (template: Template) =>
      Object.entries(Object(resource("CronLambdaFunction", template).Environment).Variables).filter(([variable]) =>
        variable.endsWith("_FUNCTION"),
      );
    const functionName = (prefix: string) => resource(`${prefix}LambdaFunction`).FunctionName;
    const signals = ["TAILWAKE_SIGNALS_FUNCTION", functionName("Signals")];
    const eager = ["TAILWAKE_EAGER_FUNCTION", functionName("Eager")];
    expect(told(plain())).toEqual([]);
    expect(told(plain({ include: ["signals"] }))).toEqual([signals]);
    expect(told(plain({ include: ["eager"] }))).toEqual([eager]);
    expect(told(whole)).toEqual([signals, eager]);
  });

  it("lets only the signals function know the queue of the short cut", () => {
    const knowing = names.filter((name) =>
      JSON.stringify(resource(`${name.charAt(0).toUpperCase()}${name.slice(1)}LambdaFunction`)).includes(
        "SIGNAL_QUEUE",
      ),
    );
    expect(knowing).toEqual(["signals"]);
  });

  it("has the optional functions only if they are asked for, with all that is theirs", () => {
    const base = Object.keys(plain().Resources);
    expect(base.filter((id) => /Signals|Eager/.test(id))).toEqual([]);
    for (const [option, prefix] of [
      ["signals", "Signals"],
      ["eager", "Eager"],
    ] as const) {
      const added = Object.keys(plain({ include: [option] }).Resources).filter((id) => !base.includes(id));
      expect(added.sort()).toEqual(
        [`Hold${prefix}Permission`, `Hold${prefix}Rule`]
          .concat(["Invocations", "LambdaFunction", "LogGroup", "Role"].map((part) => `${prefix}${part}`))
          .sort(),
      );
    }
  });

  it("routes the events of a user's own services if their pattern is given", () => {
    const signalEvents = { source: ["orders"], "detail-type": ["OrderChanged"] };
    const template = plain({ settings: { name: "orders", signalEvents }, include: ["own-signals"] });
    expect(resource("OwnSignalsRule", template)).toMatchObject({ EventPattern: signalEvents });
    expect(() => plain({ include: ["own-signals"] })).toThrow(
      "settings.signalEvents: expected an event pattern in JSON, received undefined",
    );
    const itself: Record<string, unknown> = {};
    itself.itself = itself;
    for (const pattern of [{ source: [undefined] }, { detail: { amount: [Number.NaN] } }, itself]) {
      const settings = { name: "orders", signalEvents: pattern };
      expect(() => plain({ settings, include: ["own-signals"] })).toThrow("settings.signalEvents: expected");
    }
  });

  it("says which setting it cannot use", () => {
    expect(() => plain({ settings: { name: "no spaces please" } })).toThrow(
      'settings.name: expected 1 to 40 letters, digits and dashes, received "no spaces please"',
    );
    const misspelt = { name: "a", lazyMemory: 512 } as Parameters<typeof cloudFormation>[0]["settings"];
    expect(() => plain({ settings: misspelt })).toThrow(/received also lazyMemory$/);
    const ofTheApp = { name: "a", tokenField: "token" } as Parameters<typeof cloudFormation>[0]["settings"];
    expect(() => plain({ settings: ofTheApp })).toThrow(/received also tokenField$/);
  });

  it.each([
    ["settings", { settings: null }],
    ["settings", { settings: { name: "x", logdays: 3 } }],
    ["settings.logDays", { settings: { name: "x", logDays: 2 } }],
    ["settings.lazyConcurrency", { settings: { name: "x", lazyConcurrency: 1 } }],
    ["settings.cronMemoryMb", { settings: { name: "x", cronMemoryMb: Number.NaN } }],
    ["settings.eagerShards", { settings: { name: "x", eagerShards: "2" } }],
    ["settings.deletionProtection", { settings: { name: "x", deletionProtection: "false" } }],
    ["settings.signalsGo", { settings: { name: "x", signalsGo: "by mail" } }],
    ["settings.tokenSecret", { settings: { name: "x", tokenSecret: "a\nb" } }],
    ["settings.alarmTopic", { settings: { name: "x", alarmTopic: "all of us" } }],
    ["settings.tokenKey", { settings: { name: "x", tokenKey: "key" } }],
    ["settings.checksPerTick", { settings: { name: "x", checksPerTick: 0 } }],
    ["include", { include: ["../../etc/passwd"] }],
    ["environment.A", { environment: { A: null } }],
    ["environment", { environment: { "": "x" } }],
  ])("names the %s that it cannot be made of", (name, options) => {
    expect(() => plain(options as never)).toThrow(
      new RegExp(`^${name.replaceAll(".", "\\.")}: expected .+, received .+`),
    );
  });

  it("takes a setting that is undefined for one that is absent", () => {
    expect(plain({ settings: { name: "tailwake-dev", logDays: undefined } as never })).toEqual(plain());
  });

  it("is plain JSON, with every reference to something that is there", () => {
    const template = plain({ include: ["signals", "eager"], environment: { OWN: "x" } });
    expect(JSON.parse(JSON.stringify(template))).toEqual(template);
    const text = JSON.stringify(template);
    expect(text).not.toMatch(/\$\{self:|\$\{param:|undefined/);
    const ids = new Set(Object.keys(template.Resources));
    const referred = [
      ...[...text.matchAll(/"Ref":"(\w+)"/g)].map(([, id]) => id),
      ...[...text.matchAll(/"Fn::GetAtt":\["(\w+)"/g)].map(([, id]) => id),
      ...[...text.matchAll(/\$\{(\w+)(?:\.\w+)?\}/g)].map(([, id]) => id),
    ];
    expect(referred.length).toBeGreaterThan(50);
    expect(referred.filter((id) => !ids.has(String(id)))).toEqual([]);
  });
});
