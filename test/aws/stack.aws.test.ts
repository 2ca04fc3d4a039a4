import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { GetFunctionCommand } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appSettings, readSettings } from "../../functions/settings.ts";
import type { FunctionName } from "../../infra/index.ts";
import { linesOf } from "../infra/dashboard.ts";
import { isLike } from "./arns.ts";
import { deployments, functionNames } from "./deployments.ts";
import { missingProperties, notInMoto } from "./not-in-moto.ts";
import { zipOf } from "./packaged.ts";
import { readBack } from "./read-back.ts";
import type { Described } from "./readers/reader.ts";
import { connectServices, type Services } from "./services.ts";
import type { Stack } from "./stack.ts";
import type { Properties } from "./stand-ins.ts";
import { startMoto, type ToolServer } from "./tools.ts";

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

describe.each(Object.entries(deployments))("the stack of %s", (_, deployment) => {
  const { functions, settings } = deployment;
  let stack: Stack;
  const found = new Map<string, Described>();
  beforeAll(async () => {
    stack = await deployment.deploy(services);
    for (const [id, { Type }] of Object.entries(stack.resources)) {
      found.set(id, await readBack(services, Type, stack.physicalId(id), stack.intended(id)));
    }
  });
  const idsOf = (type: string) => [...found.keys()].filter((id) => stack.resources[id]?.Type === `AWS::${type}`);
  const all = (type: string) => idsOf(type).map((id) => found.get(id)?.properties ?? {});
  const one = (id: string) => found.get(id)?.properties ?? expect.fail(`no ${id} in ${[...found.keys()]}`);
  const functionId = (name: FunctionName) => `${name.charAt(0).toUpperCase()}${name.slice(1)}LambdaFunction`;

  it("has every resource with the properties that the template gives it, and no other, and the ARN that it is to have", () => {
    const without = (id: string, properties: Properties) => {
      const missing = missingProperties[stack.resources[id]?.Type ?? ""] ?? [];
      // An empty list counts as absent.
      const isNothing = (value: unknown) => Array.isArray(value) && value.length === 0;
      return Object.fromEntries(
        Object.entries(properties).filter(([name, value]) => !missing.includes(name) && !isNothing(value)),
      );
    };
    const ids = Object.keys(stack.resources);
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
    // Secret and key are created by hand and named in the settings.
    const { secret, key } = deployment;
    for (const given of [settings.alarmTopic, secret?.replace("??????", "AbCdEf"), key]) if (given) there.push(given);
    const text = JSON.stringify([...found.values()].map(({ properties }) => properties));
    const named = new Set([...text.matchAll(/arn:aws:[^"\\]+/g)].map(([arn]) => arn));
    expect(named.size).toBeGreaterThan(10);
    expect([...named].filter((pattern) => !there.some((arn) => isLike(arn, pattern)))).toEqual([]);
  });

  it("gives the functions an environment that they can read, with their own names of everything", () => {
    for (const name of functions) {
      const { Variables } = one(functionId(name)).Environment as { Variables: Record<string, string> };
      expect(readSettings(Variables, appSettings)).toMatchObject({ TAILWAKE_SERVICE: deployment.name });
      expect(Variables, name).toEqual({
        ...deployment.environment,
        TAILWAKE_SERVICE: deployment.name,
        TAILWAKE_TABLE: stack.physicalId("TaskTable"),
        TAILWAKE_BUS_ARN: stack.arn("Bus"),
        TAILWAKE_SCHEDULE_GROUP: stack.physicalId("ScheduleGroup"),
        TAILWAKE_SCHEDULE_ROLE_ARN: stack.arn("ScheduleRole"),
        TAILWAKE_PROBE_MINUTES: String(settings.probeMinutes),
        TAILWAKE_CHECKS_PER_TICK: String(settings.checksPerTick),
        TAILWAKE_EAGER_SHARDS: String(settings.eagerShards),
        ...(name === "signals" &&
          deployment.signalsGoDirectly && { TAILWAKE_SIGNAL_QUEUE_URL: stack.physicalId("WakeQueue") }),
        ...(name === "cron" && leaders()),
      });
    }
  });

  /** The deployed optional functions, as configured in the cron function. */
  const leaders = () =>
    Object.fromEntries(
      functions
        .filter((name) => name === "signals" || name === "eager")
        .map((name) => [`TAILWAKE_${name.toUpperCase()}_FUNCTION`, stack.physicalId(functionId(name))]),
    );

  it("lets each function read the token's secret, with the key if it has one, and nobody where there is none", () => {
    const { secret, key } = deployment;
    const reading = { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secret };
    const decrypting = {
      Effect: "Allow",
      Action: "kms:Decrypt",
      Resource: key,
      Condition: { StringEquals: { "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com" } },
    };
    const Statement = key === undefined ? [reading] : [reading, decrypting];
    const PolicyDocument = { Version: "2012-10-17", Statement };
    expect(all("IAM::ManagedPolicy")).toEqual(secret === undefined ? [] : [{ PolicyDocument }]);
    const roles = new Map(idsOf("IAM::Role").map((id) => [stack.arn(id), one(id).ManagedPolicyArns]));
    const attached = secret === undefined ? [] : [stack.physicalId("TokenPolicy")];
    for (const { Role } of all("Lambda::Function")) {
      expect(roles.get(String(Role))).toEqual(attached);
      roles.delete(String(Role));
    }
    // Only the roles of the schedules are left.
    expect([...roles.values()]).toEqual([[], []]);
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
    for (const { RetentionInDays } of logs) expect(RetentionInDays).toBe(settings.logDays);
  });

  it("puts each setting where it belongs", () => {
    const [wakes, delay, quarantined] = ["WakeSource", "DelaySource", "QuarantineSource"].map(
      (id) => one(id).ScalingConfig,
    );
    const lazyConcurrency = { MaximumConcurrency: settings.lazyConcurrency };
    expect([wakes, delay, quarantined]).toEqual([lazyConcurrency, lazyConcurrency, { MaximumConcurrency: 2 }]);
    for (const name of functions) expect(one(functionId(name)).MemorySize, name).toBe(settings[`${name}MemoryMb`]);
    const alarms = all("CloudWatch::Alarm");
    expect(alarms).toHaveLength(5);
    for (const { AlarmActions, OKActions } of alarms) {
      const told = settings.alarmTopic === "none" ? [] : [settings.alarmTopic];
      expect([AlarmActions, OKActions]).toEqual([told, told]);
    }
  });

  it("shows every alarm on the dashboard", () => {
    const { widgets } = JSON.parse(String(one("Dashboard").DashboardBody));
    expect(widgets[0].properties.alarms.sort()).toEqual(idsOf("CloudWatch::Alarm").map(stack.arn).sort());
  });

  it("has lines on the dashboard for every queue, and none of what cannot be there", () => {
    const lines = linesOf(String(one("Dashboard").DashboardBody));
    const shown = (dimension: string) => [
      ...new Set(lines.filter(([, , name]) => name === dimension).map(([, , , value]) => value)),
    ];
    expect(shown("service")).toEqual([deployment.name]);
    expect(shown("QueueName").sort()).toEqual(
      all("SQS::Queue")
        .map(({ QueueName }) => QueueName)
        .sort(),
    );
    expect(shown("FunctionName")).toEqual(functionNames.map((name) => `${deployment.name}-${name}`));
    expect(shown("FunctionName")).toEqual(
      expect.arrayContaining(all("Lambda::Function").map(({ FunctionName }) => FunctionName)),
    );
    expect(shown("TableName")).toEqual([one("TaskTable").TableName]);
    expect(
      lines.filter(([, , dimension]) => !/^(service|QueueName|FunctionName|TableName)$/.test(String(dimension))),
    ).toEqual([]);
  });

  it("tells what others need: the table, the bus, the queues", async () => {
    expect(await stack.outputs()).toMatchObject({
      TaskTableName: stack.physicalId("TaskTable"),
      BusArn: stack.arn("Bus"),
      WakeQueueUrl: stack.physicalId("WakeQueue"),
      DeadLetterQueueUrl: stack.physicalId("DeadLetterQueue"),
    });
  });

  // This deployment has every type.
  if (functions.length === functionNames.length) {
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
