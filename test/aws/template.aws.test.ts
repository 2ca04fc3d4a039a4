import { beforeAll, describe, expect, it } from "vitest";
import { cloudFormation, type InfraSettings, type Option, type Template } from "../../infra/index.ts";
import { intrinsics } from "./intrinsics.ts";
import { type Finding, lint } from "./lint.ts";
import { type Choice, packagedAsItIs, packagedWith } from "./packaged.ts";

/** Warnings of cfn-lint that we accept. */
const accepted: Readonly<Record<string, string>> = {
  W3005: "osls itself writes that a function depends on the role that it refers to",
  W8003: "the settings are filled in when packaging, so that each condition compares two texts that are known by then",
};

/** Findings about parts that are not deployed, since cfn-lint does not evaluate conditions. */
const ofLeftOut: Readonly<Record<string, string>> = {
  E3510: "what is no ARN stands in the place of one where a condition keeps it from being used",
  W1028: "without a secret and without a key, the conditions for both compare the same texts",
};

const alarmTopic = "arn:aws:sns:us-east-1:123456789012:alarms";
const secretArn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders/token-AbCdEf";
const keyArn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const params = { nogUrl: "https://nog.example.org", nogRegistries: "one,two" };

/** Choices for the templates of osls: signals off and on, eager off and on, direct off and on. */
const choices: Readonly<Record<string, Choice>> = {
  "the eager engine alone": {
    stage: "dev",
    options: ["eager"],
    settings: { eagerShards: 3 },
    params: { ...params, engine: "eager" },
  },
  "prod with every option and the short cut for signals": {
    stage: "prod",
    options: ["signals", "eager"],
    settings: { lazyConcurrency: 7, signalsGo: "direct", tokenSecret: "tailwake/prod/nog" },
    params: { ...params, alarmTopic },
  },
};

/** Arguments for `cloudFormation`. */
const plain: Readonly<Record<string, { settings?: Omit<InfraSettings, "name">; include?: readonly Option[] }>> = {
  "the name alone": {},
  "every option": {
    include: ["signals", "eager", "own-signals"],
    settings: { signalEvents: { source: ["orders"], "detail-type": ["OrderChanged"] }, alarmTopic, eagerShards: 16 },
  },
  "the short cut for signals": { include: ["signals"], settings: { signalsGo: "direct", lazyConcurrency: 7 } },
  "a secret and a table that stays": {
    include: ["eager"],
    settings: {
      tokenSecret: secretArn,
      tokenKey: keyArn,
      whenTableIsDropped: "Retain",
      deletionProtection: true,
      logDays: 90,
    },
  },
};

const code = (name: string) => ({ S3Bucket: "orders-code", S3Key: `${name}.zip` });

/** Properties that AWS would refuse, and the expected finding. */
const broken = [
  ["a property that there is not", "WakeQueue", { VisibilityTimeOut: 135 }, "E3002"],
  ["a runtime that there is not", "CronLambdaFunction", { Runtime: "nodejs25.x" }, "E3030"],
  ["a queue that hides messages for too short a time", "DelayQueue", { VisibilityTimeout: 119 }, "E3505"],
  ["days that logs cannot be kept for", "LazyLogGroup", { RetentionInDays: 31 }, "E3030"],
  ["a reference to what there is not", "WakesRule", { EventBusName: { Ref: "Buss" } }, "E1020"],
] as const;

/** A template with all of them. */
function brokenTemplate(): Template {
  const { Resources, ...rest } = cloudFormation({ settings: { name: "orders" }, code });
  const changed = broken.map(([_, id, properties]) => {
    const resource = Resources[id] ?? expect.fail(`no ${id}`);
    return [id, { ...resource, Properties: { ...resource.Properties, ...properties } }];
  });
  return { ...rest, Resources: { ...Resources, ...Object.fromEntries(changed) } };
}

/** A template with a key alias, which a policy cannot name; as a setting it is refused. */
function aliasTemplate(): Template {
  const settings = { name: "orders", tokenSecret: secretArn, tokenKey: keyArn };
  return JSON.parse(JSON.stringify(cloudFormation({ settings, code })).replaceAll(keyArn, "alias/orders"));
}

/** Whether a path leads into a resource whose condition is false, or into the unused branch of an `Fn::If`. */
function isLeftOut(template: Template, path: string): boolean {
  const noAnswer = (id: string) => expect.fail(`a condition that asks for ${id}`);
  const resolve = intrinsics(template, { ref: noAnswer, attribute: noAnswer });
  const holds = (condition: unknown) => Boolean(resolve(template.Conditions[String(condition)]));
  let at: unknown = template;
  let branches: readonly unknown[] | undefined;
  for (const step of path.split("/")) {
    if (branches !== undefined && step !== "0" && step !== (holds(branches[0]) ? "1" : "2")) return true;
    at = Object(at)[step];
    branches = step === "Fn::If" ? (at as readonly unknown[]) : undefined;
    const { Type, Condition } = Object(at);
    if (Type !== undefined && Condition !== undefined && !holds(Condition)) return true;
  }
  return false;
}

describe("cfn-lint", () => {
  // Ten seconds of work, which can take minutes on a busy machine.
  const maxMs = 400_000;
  const templates: Record<string, Template> = {};
  let findings: readonly Finding[];
  let ofBroken: readonly Finding[];
  let ofAlias: readonly Finding[];
  let leftOut: readonly Finding[];
  beforeAll(async () => {
    const { bucketOnly, whole } = packagedAsItIs();
    templates["osls, the bucket alone"] = bucketOnly;
    templates["osls: as it is"] = whole;
    for (const [name, choice] of Object.entries(choices))
      templates[`osls: ${name}`] = (await packagedWith(choice)).whole;
    for (const [name, { settings, ...options }] of Object.entries(plain)) {
      templates[`cloudFormation(): ${name}`] = cloudFormation({
        settings: { name: "orders", ...settings },
        code,
        ...options,
      });
    }
    // One call for all, since cfn-lint starts slowly.
    const linted: Record<string, Template> = { ...templates, broken: brokenTemplate(), alias: aliasTemplate() };
    const all = await lint(linted);
    const isOfLeftOut = ({ template, path }: Finding) => isLeftOut(linted[template] ?? expect.fail(template), path);
    leftOut = all.filter(isOfLeftOut);
    const ofDeployed = all.filter((finding) => !isOfLeftOut(finding));
    findings = ofDeployed.filter(({ template }) => Object.hasOwn(templates, template));
    ofAlias = ofDeployed.filter(({ template, level }) => template === "alias" && level === "Error");
    ofBroken = ofDeployed.filter(({ template, level }) => template === "broken" && level === "Error");
  }, maxMs);

  it("finds no error in anything that is deployed", () => {
    expect(Object.keys(templates)).toHaveLength(2 + Object.keys(choices).length + Object.keys(plain).length);
    expect(findings.filter(({ level }) => level === "Error")).toEqual([]);
  });

  it("warns of nothing but what is accepted for a reason", () => {
    expect(findings.filter(({ rule }) => !Object.hasOwn(accepted, rule))).toEqual([]);
    // Remove a reason that is no longer needed.
    expect([...new Set(findings.map(({ rule }) => rule))].sort()).toEqual(Object.keys(accepted).sort());
  });

  it("finds nothing in what a condition leaves out but what is in the policy for the token, and accepted for a reason", () => {
    expect([...new Set(leftOut.map(({ rule }) => rule))].sort()).toEqual(Object.keys(ofLeftOut).sort());
    for (const { path } of leftOut)
      expect(path).toMatch(/^Resources\/TokenPolicy\/Properties\/PolicyDocument\/Statement\//);
  });

  it("warns of dependencies that are there already only where osls has written them", () => {
    for (const { template, path } of findings.filter(({ rule }) => rule === "W3005")) {
      expect(template).toMatch(/^osls: /);
      expect(path).toMatch(/^Resources\/\w+LambdaFunction\/DependsOn\//);
    }
  });

  it("refuses a key by its alias, in a branch that is taken", () => {
    expect(ofAlias).toEqual([
      expect.objectContaining({
        rule: "E3510",
        path: expect.stringMatching(/^Resources\/TokenPolicy\/.*\/Fn::If\/1\/Resource$/),
      }),
    ]);
  });

  it.each(broken)("refuses %s", (_, id, properties, rule) => {
    expect(ofBroken.filter(({ path }) => path.startsWith(`Resources/${id}/`))).toEqual([
      expect.objectContaining({
        rule,
        path: expect.stringMatching(`^Resources/${id}/Properties/${Object.keys(properties)[0]}`),
      }),
    ]);
    expect(ofBroken).toHaveLength(broken.length);
  });
});
