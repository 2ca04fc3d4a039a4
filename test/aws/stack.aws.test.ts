import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { GetFunctionCommand } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appSettings, readSettings } from "../../functions/settings.ts";
import { cloudFormation, type FunctionName } from "../../infra/index.ts";
import { missingProperties, notInMoto } from "./not-in-moto.ts";
import { packagedAsItIs, packagedWith, zipOf } from "./packaged.ts";
import { type Described, readBack } from "./read-back.ts";
import { connectServices, type Services } from "./services.ts";
import { deployStack, type Stack } from "./stack.ts";
import type { Properties } from "./stand-ins.ts";
import { startMoto, type ToolServer } from "./tools.ts";

const names = ["lazy", "cron", "signals", "eager"] as const;

/** No two that could be taken for one another are alike, and none is the default. */
const settings = {
  logDays: 30,
  lazyConcurrency: 7,
  lazyMemoryMb: 640,
  cronMemoryMb: 192,
  signalsMemoryMb: 320,
  eagerMemoryMb: 384,
  probeMinutes: 9,
  eagerShards: 3,
  tokenSecret: "tailwake/test/nog",
  alarmActions: ["arn:aws:sns:us-east-1:123456789012:alarms"],
} as const;
const straight = { ...settings, signalsGo: "straight" } as const;

let moto: ToolServer;
let services: Services;
beforeAll(async () => {
  moto = await startMoto();
  services = connectServices(moto.url);
});
afterAll(async () => {
  services?.close();
  await moto?.close();
});

interface Deployment {
  readonly deploy: () => Promise<Stack>;
  readonly functions: readonly FunctionName[];
  readonly isChosen: boolean;
}

const deployments: Readonly<Record<string, Deployment>> = {
  "npm run package": {
    deploy: async () => {
      const { whole, bucketAlone } = packagedAsItIs();
      return deployStack(services, "tailwake-dev", whole, bucketAlone);
    },
    functions: ["lazy", "cron", "signals"],
    isChosen: false,
  },
  "osls with other settings and every option": {
    deploy: async () => {
      const params = { nogUrl: "https://nog.example.org", nogRegistries: "one,two", engine: "eager" };
      const chosen = { stage: "chosen", options: ["signals", "eager"], settings: straight, params } as const;
      const { whole, bucketAlone } = await packagedWith(chosen);
      return deployStack(services, "tailwake-chosen", whole, bucketAlone);
    },
    functions: names,
    isChosen: true,
  },
  "cloudFormation()": {
    deploy: () => {
      const signalEvents = { source: ["orders"], "detail-type": ["OrderChanged"] };
      const template = cloudFormation({
        settings: { ...settings, name: "orders", whenTableIsDropped: "Retain", deletionProtection: true, signalEvents },
        include: ["eager", "own-signals"],
        code: (name) => ({ S3Bucket: `code-of-${name}`, S3Key: `${name}.zip` }),
        environment: { ORDERS_URL: "https://orders.example.org" },
      });
      return deployStack(services, "orders", template);
    },
    functions: ["lazy", "cron", "eager"],
    isChosen: true,
  },
};

describe.each(Object.entries(deployments))("the stack of %s", (_, { deploy, functions, isChosen }) => {
  let stack: Stack;
  const found = new Map<string, Described>();
  beforeAll(async () => {
    stack = await deploy();
    for (const [id, { Type }] of Object.entries(stack.template.Resources)) {
      found.set(id, await readBack(services, Type, stack.physicalId(id), stack.intended(id)));
    }
  });
  const idsOf = (type: string) =>
    [...found.keys()].filter((id) => stack.template.Resources[id]?.Type === `AWS::${type}`);
  const all = (type: string) => idsOf(type).map((id) => found.get(id)?.properties ?? {});
  const one = (id: string) => found.get(id)?.properties ?? expect.fail(`no ${id} in ${[...found.keys()]}`);
  const functionId = (name: FunctionName) => `${name.charAt(0).toUpperCase()}${name.slice(1)}LambdaFunction`;

  it("has every resource with the properties that the template gives it, and no other, and the ARN that it is to have", () => {
    const without = (id: string, properties: Properties) => {
      const missing = missingProperties[stack.template.Resources[id]?.Type ?? ""] ?? [];
      // A list without anything in it is none.
      const isNothing = (value: unknown) => Array.isArray(value) && value.length === 0;
      return Object.fromEntries(
        Object.entries(properties).filter(([name, value]) => !missing.includes(name) && !isNothing(value)),
      );
    };
    const ids = Object.keys(stack.template.Resources);
    expect(ids.length).toBeGreaterThan(30);
    expect(Object.fromEntries(ids.map((id) => [id, without(id, one(id))]))).toEqual(
      Object.fromEntries(ids.map((id) => [id, without(id, stack.intended(id))])),
    );
    for (const [id, { arn }] of found) if (arn !== undefined) expect(arn, id).toBe(stack.arn(id));
  });

  it("has the functions with the code of their zips, and reserves no concurrency", async () => {
    expect(idsOf("Lambda::Function").sort()).toEqual(functions.map(functionId).sort());
    for (const name of functions) {
      const FunctionName = stack.physicalId(functionId(name));
      const { Configuration, Concurrency } = await services.lambda.send(new GetFunctionCommand({ FunctionName }));
      const sha256 = createHash("sha256")
        .update(readFileSync(zipOf(name)))
        .digest("base64");
      expect(Configuration).toMatchObject({ CodeSha256: sha256, Runtime: "nodejs24.x" });
      expect(Concurrency).toBeUndefined();
    }
  });

  it("names nothing by an ARN that is not there", () => {
    const there = idsOf("S3::Bucket").flatMap((id) => [
      `arn:aws:s3:::${stack.physicalId(id)}`,
      `arn:aws:s3:::${stack.physicalId(id)}/a`,
    ]);
    for (const { arn } of found.values()) if (arn) there.push(arn);
    for (const { Name, GroupName } of all("Scheduler::Schedule")) {
      there.push(`arn:aws:scheduler:us-east-1:123456789012:schedule/${GroupName}/${Name}`);
    }
    for (const { IndexName } of one("TaskTable").GlobalSecondaryIndexes as { IndexName: string }[]) {
      there.push(`${stack.arn("TaskTable")}/index/${IndexName}`);
    }
    // These are made by hand, and named in the settings.
    there.push(...settings.alarmActions);
    there.push(`arn:aws:secretsmanager:us-east-1:123456789012:secret:${settings.tokenSecret}-AbCdEf`);
    const text = JSON.stringify([...found.values()].map(({ properties }) => properties));
    const named = new Set([...text.matchAll(/arn:aws:[^"\\]+/g)].map(([arn]) => arn));
    expect(named.size).toBeGreaterThan(10);
    expect([...named].filter((pattern) => !there.some((arn) => isLike(arn, pattern)))).toEqual([]);
  });

  it("gives the functions an environment that they can read", () => {
    for (const name of functions) {
      const { Variables } = one(functionId(name)).Environment as { Variables: Record<string, string> };
      expect(readSettings(Variables, appSettings)).toMatchObject({
        TAILWAKE_TABLE: stack.physicalId("TaskTable"),
        TAILWAKE_BUS_ARN: stack.arn("Bus"),
        TAILWAKE_SCHEDULE_GROUP: stack.physicalId("ScheduleGroup"),
        TAILWAKE_SCHEDULE_ROLE_ARN: stack.arn("ScheduleRole"),
      });
    }
  });

  it("lets events reach what their rules send them to, and only from these rules", () => {
    const permissions = all("Lambda::Permission");
    const { Queues, PolicyDocument } = one("QueuePolicy") as {
      Queues: string[];
      PolicyDocument: { Statement: Statement[] };
    };
    const [statement, ...more] = PolicyDocument.Statement;
    expect(more).toEqual([]);
    const rules = idsOf("Events::Rule");
    expect(rules.length).toBeGreaterThanOrEqual(4);
    let toFunctions = 0;
    for (const id of rules) {
      for (const { Arn, DeadLetterConfig } of one(id).Targets as Target[]) {
        const queues = [DeadLetterConfig.Arn];
        if (Arn.startsWith("arn:aws:sqs:")) queues.push(Arn);
        else {
          toFunctions++;
          expect(permissions).toContainEqual({
            FunctionName: Arn,
            Action: "lambda:InvokeFunction",
            Principal: "events.amazonaws.com",
            SourceArn: stack.arn(id),
          });
        }
        for (const queue of queues) expect(statement?.Resource, id).toContain(queue);
        expect(isLike(stack.arn(id), String(statement?.Condition?.ArnLike?.["aws:SourceArn"]))).toBe(true);
      }
    }
    expect(permissions).toHaveLength(toFunctions);
    expect(Queues.sort()).toEqual(idsOf("SQS::Queue").map(stack.physicalId).sort());
  });

  it("hides messages for longer than the function may run that takes them (rule 7), or AWS refuses the mapping", () => {
    const mappings = all("Lambda::EventSourceMapping");
    expect(mappings).toHaveLength(3);
    for (const { EventSourceArn, FunctionName } of mappings) {
      const queue = idsOf("SQS::Queue").find((id) => stack.arn(id) === EventSourceArn) ?? "";
      const consumer = idsOf("Lambda::Function").find((id) => stack.arn(id) === FunctionName) ?? "";
      expect(Number(one(queue).VisibilityTimeout)).toBeGreaterThan(Number(one(consumer).Timeout));
    }
  });

  it("lets the tick's role invoke what the tick is for, and the schedules' role put on the bus", () => {
    const { Arn, RoleArn } = one("Tick").Target as { Arn: string; RoleArn: string };
    expect(Arn).toBe(stack.arn("CronLambdaFunction"));
    expect(RoleArn).toBe(stack.arn("TickRole"));
    const allowed = (id: string) =>
      (one(id).Policies as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(({ PolicyDocument }) =>
        PolicyDocument.Statement.map(({ Action, Resource }) => [Action, Resource]),
      );
    expect(allowed("TickRole")).toEqual([["lambda:InvokeFunction", Arn]]);
    expect(allowed("ScheduleRole")).toEqual([["events:PutEvents", stack.arn("Bus")]]);
  });

  it("keeps each function's log for as long as the others", () => {
    const logs = all("Logs::LogGroup");
    expect(logs.map(({ LogGroupName }) => LogGroupName).sort()).toEqual(
      functions.map((name) => `/aws/lambda/${stack.physicalId(functionId(name))}`).sort(),
    );
    for (const { RetentionInDays } of logs) expect(RetentionInDays).toBe(isChosen ? settings.logDays : 14);
  });

  it("puts each setting where it belongs", () => {
    const [wakes, delay, lonely] = ["WakeSource", "DelaySource", "OneByOneSource"].map((id) => one(id).ScalingConfig);
    const lazyConcurrency = { MaximumConcurrency: isChosen ? settings.lazyConcurrency : 5 };
    expect([wakes, delay, lonely]).toEqual([lazyConcurrency, lazyConcurrency, { MaximumConcurrency: 2 }]);
    for (const name of functions) {
      const { MemorySize, Environment } = one(functionId(name));
      const otherwise = name === "lazy" ? 512 : 256;
      expect(MemorySize, name).toBe(isChosen ? settings[`${name}MemoryMb`] : otherwise);
      expect(Environment, name).toMatchObject({
        Variables: isChosen
          ? { TAILWAKE_PROBE_MINUTES: "9", TAILWAKE_EAGER_SHARDS: "3" }
          : { TAILWAKE_PROBE_MINUTES: "15", TAILWAKE_EAGER_SHARDS: "1" },
      });
    }
    for (const { AlarmActions, OKActions } of all("CloudWatch::Alarm")) {
      for (const told of [AlarmActions, OKActions]) expect(told).toEqual(isChosen ? settings.alarmActions : []);
    }
  });

  it("shows every alarm on the dashboard", () => {
    const { widgets } = JSON.parse(String(one("Dashboard").DashboardBody));
    expect(widgets[0].properties.alarms.sort()).toEqual(idsOf("CloudWatch::Alarm").map(stack.arn).sort());
  });

  it("tells what others need: the table, the bus, the queues", async () => {
    expect(await stack.outputs()).toMatchObject({
      TaskTableName: stack.physicalId("TaskTable"),
      BusArn: stack.arn("Bus"),
      WakeQueueUrl: stack.physicalId("WakeQueue"),
      DeadLetterQueueUrl: stack.physicalId("DeadLetterQueue"),
    });
  });

  // Every type is in this one.
  if (isChosen && functions.length === names.length) {
    it.each(notInMoto)("is deployed around what moto still does not do: $what", async ({ isMissing }) => {
      expect(await isMissing(services, stack)).toBe(true);
    });
  }
});

interface Target {
  readonly Arn: string;
  readonly DeadLetterConfig: { readonly Arn: string };
}

interface Statement {
  readonly Action: string;
  readonly Resource: string | readonly string[];
  readonly Condition?: { readonly ArnLike?: Readonly<Record<string, string>> };
}

/** Whether an ARN matches one with wildcards, as in a policy. */
function isLike(arn: string, pattern: string): boolean {
  const expression = pattern
    .replace(/[.+^$()|[\]\\{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`).test(arn);
}
