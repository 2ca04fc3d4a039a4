import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { SQSClient } from "@aws-sdk/client-sqs";
import { build } from "esbuild";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { rulesOf } from "../../functions/engines/rules.ts";
import { DynamoTaskStore } from "../../functions/tasks/dynamodb.ts";
import { DynamoControlStore } from "../../functions/tasks/dynamodb-control.ts";
import type { TaskRecord } from "../../functions/tasks/record.ts";
import { start } from "../../functions/tasks/transitions.ts";
import { tokenFromSecret } from "../../functions/upstream/token-source.ts";
import { DirectSignals } from "../../functions/wake/direct-signals.ts";
import { EventBridgeAlarms } from "../../functions/wake/eventbridge.ts";
import { cloudFormation, type FunctionName, type InfraSettings, type Template } from "../../infra/index.ts";
import { TestClock } from "../support/test-clock.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const templateOf = (settings: Partial<InfraSettings> = {}) =>
  cloudFormation({
    settings: { name: "test", signalsGo: "direct", ...settings },
    include: ["signals", "eager"],
    code: (name) => `${name}.zip`,
  });
const template = templateOf({ tokenSecret: "token" });
const tokenKey = "arn:aws:kms:us-east-1:123456789012:key/token-key";

/** An action and the logical id of what it is done to: "dynamodb:Query TaskTable/index/due". */
type Call = string;

/** Where each function's code begins. */
const handlers: { readonly [F in FunctionName]: string } = {
  lazy: 'export { wakeHandler } from "./functions/lambda/wake-event.ts"',
  cron: 'export { cronHandler } from "./functions/lambda/cron-event.ts"',
  signals: 'export { signalsHandler } from "./functions/lambda/leader-event.ts"',
  eager: 'export { eagerHandler } from "./functions/lambda/leader-event.ts"',
};

/**
 * What Lambda itself does in a function's name, which no code of ours calls: writing its log, and reading the queues
 * that it is fed from.
 */
const byLambda: { readonly [F in FunctionName]: readonly Call[] } = {
  lazy: [
    "logs:CreateLogStream LazyLogGroup",
    "logs:PutLogEvents LazyLogGroup",
    ...["WakeQueue", "DelayQueue", "QuarantineQueue"].flatMap((queue) => [
      `sqs:ReceiveMessage ${queue}`,
      `sqs:DeleteMessage ${queue}`,
      `sqs:GetQueueAttributes ${queue}`,
    ]),
  ],
  cron: ["logs:CreateLogStream CronLogGroup", "logs:PutLogEvents CronLogGroup"],
  signals: ["logs:CreateLogStream SignalsLogGroup", "logs:PutLogEvents SignalsLogGroup"],
  eager: ["logs:CreateLogStream EagerLogGroup", "logs:PutLogEvents EagerLogGroup"],
};

/** Every way in which code reaches AWS: the ports, and what the machinery holds ready behind them. */
const ports = {
  store: [
    ...(["get", "tasksOf", "update", "due", "eager", "list"] as const),
    ...(["addWaiter", "waiters", "removeWaiter", "putView", "getView", "deleteView"] as const),
  ],
  control: ["read", "write"],
  alarms: ["send", "sendAt", "sendQuarantined", "startLeader"],
} as const;

/** The port methods that are left in a bundle of these exports once everything they cannot reach is shaken out. */
async function reachable(contents: string): Promise<Set<string>> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: project, loader: "ts" },
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    write: false,
  });
  const text = outputFiles[0]?.text ?? "";
  const found = new Set<string>();
  for (const [port, methods] of Object.entries(ports)) {
    for (const method of methods)
      if (new RegExp(`\\b${port}\\d*\\.${method}\\(`).test(text)) found.add(`${port}.${method}`);
  }
  if (/\bbreakers\d*\.\w+\(/.test(text)) {
    for (const call of await reachable('export { Breakers } from "./functions/engines/breakers.ts"')) found.add(call);
  }
  if (/\bupstream\d*\(/.test(text)) found.add("token");
  return found;
}

describe("the policy of each function", () => {
  /** What each port method asks of AWS, found by calling it. */
  let asked: ReadonlyMap<string, ReadonlySet<Call>>;
  beforeAll(async () => {
    asked = await askEachPort();
  });

  it.each(Object.keys(handlers) as FunctionName[])(
    "of %s allows what its code can call, and nothing else",
    async (name) => {
      const calls = await reachable(handlers[name]);
      // The eager function runs eager tasks only, and those set no alarm clocks: their leader looks at them.
      if (name === "eager" && !rulesOf("eager").setsAlarms) calls.delete("alarms.sendAt");
      const needed = new Set(byLambda[name]);
      for (const call of calls) for (const action of asked.get(call) ?? []) needed.add(action);
      // It alone is given the queue of the short cut, and what it sends are signals.
      if (name === "signals") for (const action of asked.get("direct") ?? []) needed.add(action);
      expect(sorted(allowed(name))).toEqual(sorted(needed));
    },
  );

  it("knows each port method, and each asks for something", () => {
    expect([...asked].filter(([, calls]) => calls.size === 0)).toEqual([]);
    const all = Object.entries(ports).flatMap(([port, methods]) => methods.map((method) => `${port}.${method}`));
    expect(sorted(asked.keys())).toEqual(sorted([...all, "direct", "token"]));
  });

  it("names no resource by a star alone, and no action by one", () => {
    for (const [id, { Type }] of Object.entries(template.Resources)) {
      if (Type !== "AWS::IAM::Role") continue;
      for (const { Action, Resource } of statementsOf(id)) {
        expect([Action].flat().join(" "), id).not.toContain("*");
        for (const resource of [Resource].flat()) expect(resource, id).not.toBe("*");
      }
    }
  });

  it("lets a one-time schedule put events on the bus, and the tick invoke the cron function, and neither do more", () => {
    const allowedTo = (id: string) => sorted(callsOf(statementsOf(id)));
    expect(allowedTo("ScheduleRole")).toEqual(["events:PutEvents Bus"]);
    expect(allowedTo("TickRole")).toEqual(["lambda:InvokeFunction CronLambdaFunction"]);
    for (const id of ["ScheduleRole", "TickRole"]) {
      const { Statement } = Object(template.Resources[id]?.Properties.AssumeRolePolicyDocument);
      expect(Statement).toEqual([
        {
          Effect: "Allow",
          Principal: { Service: "scheduler.amazonaws.com" },
          Action: "sts:AssumeRole",
          Condition: {
            StringEquals: {
              "aws:SourceAccount": { Ref: "AWS::AccountId" },
              "aws:SourceArn": { "Fn::GetAtt": ["ScheduleGroup", "Arn"] },
            },
          },
        },
      ]);
    }
  });

  describe.each(Object.keys(handlers) as FunctionName[])("of %s", (name) => {
    const aboutTokens = (settings: Partial<InfraSettings>) =>
      sorted(allowed(name, templateOf(settings))).filter((call) => /^(secretsmanager|kms):/.test(call));

    it("reads the secret that is named, by any ARN that Secrets Manager gives to it", () => {
      expect(aboutTokens({ tokenSecret: "nog/token" })).toEqual([
        "secretsmanager:GetSecretValue secretsmanager:secret:nog/token-??????",
      ]);
    });

    it("reads the secret whose ARN is given, and no other", () => {
      const secret = "arn:aws:secretsmanager:us-east-1:210987654321:secret:nog/token-AbCdEf";
      expect(aboutTokens({ tokenSecret: secret })).toEqual([`secretsmanager:GetSecretValue ${secret}`]);
    });

    it("has that secret decrypted with the key of yours that is given, by Secrets Manager alone", () => {
      const settings = { tokenSecret: "nog/token", tokenKey };
      expect(aboutTokens(settings)).toEqual([
        `kms:Decrypt ${tokenKey}`,
        "secretsmanager:GetSecretValue secretsmanager:secret:nog/token-??????",
      ]);
      const decrypting = statementsOf(roleOf(name), templateOf(settings)).filter(
        ({ Action }) => Action === "kms:Decrypt",
      );
      expect(decrypting).toMatchObject([
        {
          Condition: {
            StringEquals: { "kms:ViaService": { "Fn::Sub": `secretsmanager.\${AWS::Region}.\${AWS::URLSuffix}` } },
          },
        },
      ]);
    });

    it("reads no secret and uses no key where there is no secret", () => {
      expect(aboutTokens({})).toEqual([]);
      expect(aboutTokens({ tokenKey })).toEqual([]);
    });
  });
});

const sorted = (calls: Iterable<string>) => [...new Set(calls)].sort();

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** The statements of a role: its own, and those of the policies that it refers to. */
function statementsOf(role: string, { Resources, Conditions }: Template = template): Statement[] {
  const { Policies, ManagedPolicyArns = [] } = Object(chosen(Resources[role]?.Properties, Conditions));
  const shared = ManagedPolicyArns.map(({ Ref }: { Ref: string }) => chosen(Resources[Ref]?.Properties, Conditions));
  return [...Policies, ...shared].flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
}

/** A part of a template with each `Fn::If` decided, as CloudFormation does it. */
function chosen(node: unknown, conditions: Template["Conditions"]): unknown {
  if (Array.isArray(node)) return node.map((item) => chosen(item, conditions)).filter((item) => item !== noValue);
  if (typeof node !== "object" || node === null) return node;
  if ("Ref" in node && node.Ref === "AWS::NoValue") return noValue;
  if ("Fn::If" in node) {
    const [condition, then, otherwise] = node["Fn::If"] as [string, unknown, unknown];
    return chosen(evaluated(conditions[condition]) === true ? then : otherwise, conditions);
  }
  const parts = Object.entries(node).map(([key, value]) => [key, chosen(value, conditions)]);
  return Object.fromEntries(parts.filter(([, value]) => value !== noValue));
}

const noValue = Symbol("AWS::NoValue");

/** The value of a condition, or of a function within it. */
function evaluated(node: unknown): unknown {
  if (typeof node !== "object" || node === null) return node;
  const [[name, given] = []] = Object.entries(node);
  const args = Array.isArray(given) ? given.map(evaluated) : [];
  switch (name) {
    case "Fn::Not":
      return args[0] !== true;
    case "Fn::Equals":
      return args[0] === args[1];
    case "Fn::Select":
      return Object(args[1])[Number(args[0])];
    case "Fn::Split":
      return String(args[1]).split(String(args[0]));
  }
  throw new Error(`a condition that the test does not know: ${JSON.stringify(node)}`);
}

const roleOf = (name: FunctionName) => `${name.charAt(0).toUpperCase()}${name.slice(1)}Role`;

function allowed(name: FunctionName, of = template): Set<Call> {
  return new Set(callsOf(statementsOf(roleOf(name), of)));
}

function callsOf(statements: readonly Statement[]): Call[] {
  return statements.flatMap(({ Action, Resource }) =>
    [Action].flat().flatMap((action) => [Resource].flat().map((resource) => `${action} ${logicalId(resource)}`)),
  );
}

function logicalId(resource: unknown): string {
  if (typeof resource === "string") return resource;
  const { "Fn::GetAtt": attribute, "Fn::Sub": text } = Object(resource);
  if (attribute) return attribute[0];
  return String(text)
    .replace(/^\$\{TaskTable\.Arn\}/, "TaskTable")
    .replace(/^arn:\$\{AWS::Partition\}:(\w+):\$\{AWS::Region\}:\$\{AWS::AccountId\}:/, "$1:");
}

/** Calls each method of each adapter once, against a server that writes down what it is asked for. */
async function askEachPort(): Promise<Map<string, ReadonlySet<Call>>> {
  let calls = new Set<Call>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
    const target = String(request.headers["x-amz-target"] ?? "");
    for (const call of callsIn(target, request.url ?? "", body)) calls.add(call);
    response.setHeader("content-type", "application/x-amz-json-1.0");
    response.end(JSON.stringify(answerTo(target)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const settings = {
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const dynamo = new DynamoDBClient(settings);
  // The answer of this server has no checksum of what was sent.
  const sqs = new SQSClient({ ...settings, md5: false });
  const clients = { events: new EventBridgeClient(settings), scheduler: new SchedulerClient(settings) };
  // Its client is built where it is needed, from the environment.
  vi.stubEnv("AWS_ENDPOINT_URL_SECRETS_MANAGER", settings.endpoint);
  vi.stubEnv("AWS_REGION", settings.region);
  vi.stubEnv("AWS_ACCESS_KEY_ID", settings.credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", settings.credentials.secretAccessKey);
  const clock = new TestClock();
  const store = new DynamoTaskStore(dynamo, "TaskTable");
  const control = new DynamoControlStore(dynamo, "TaskTable");
  const alarms = new EventBridgeAlarms(
    clients,
    { busName: "Bus", busArn: "Bus", scheduleGroup: "ScheduleGroup", scheduleRoleArn: "ScheduleRole" },
    clock,
  );
  const key = { entity: "e", kind: "order", activity: "ship" };
  const wake = { class: "timer", key, fence: 1 } as const;
  const drain = async (items: AsyncIterable<TaskRecord>) => {
    for await (const _ of items);
  };
  const methods: Record<string, () => Promise<unknown>> = {
    "store.get": () => store.get(key),
    "store.tasksOf": () => store.tasksOf("e"),
    // What it answers is no record; that it was asked is enough.
    "store.update": () => store.update(key, start({ orderId: "e" }, "lazy", 0)).catch(() => {}),
    "store.due": () => store.due(0, 1, 1),
    "store.eager": () => store.eager(0),
    "store.list": () => drain(store.list()),
    "store.addWaiter": () => store.addWaiter(key, key),
    "store.waiters": () => store.waiters(key, 1),
    "store.removeWaiter": () => store.removeWaiter(key, "order/ship@e"),
    "store.putView": () => store.putView(key, "v", "{}"),
    "store.getView": () => store.getView(key, "v"),
    "store.deleteView": () => store.deleteView(key, "v"),
    "control.read": () => control.read("d"),
    "control.write": () => control.write("d", {}, "any"),
    "alarms.send": () => alarms.send([wake]),
    "alarms.sendAt": async () => {
      for (const inMs of [0, 10_000, 3_600_000]) await alarms.sendAt(wake, clock.now() + inMs);
    },
    "alarms.sendQuarantined": () => alarms.sendQuarantined(wake),
    "alarms.startLeader": () => alarms.startLeader("signals"),
    direct: () =>
      new DirectSignals(
        alarms,
        `${settings.endpoint}/123456789012/WakeQueue`,
        clock,
        Math.random,
        async () => sqs,
      ).send([{ class: "signal", entity: "e" }]),
    token: tokenFromSecret("token"),
  };
  try {
    const asked = new Map<string, ReadonlySet<Call>>();
    for (const [name, call] of Object.entries(methods)) {
      calls = new Set();
      await call();
      asked.set(name, calls);
    }
    return asked;
  } finally {
    for (const client of [dynamo, sqs, clients.events, clients.scheduler]) client.destroy();
    vi.unstubAllEnvs();
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
}

function answerTo(target: string): object {
  if (target.endsWith(".PutEvents")) return { FailedEntryCount: 0, Entries: [{ EventId: "1" }] };
  if (target.endsWith(".SendMessageBatch")) return { Successful: [{ Id: "0", MessageId: "1" }], Failed: [] };
  if (target.endsWith(".GetSecretValue")) return { SecretString: "token" };
  return {};
}

/** The permissions that a request needs, as AWS's service authorization reference has them. */
function callsIn(target: string, url: string, body: Record<string, unknown>): Call[] {
  const [service, operation] = target.split(".");
  switch (service) {
    case "DynamoDB_20120810": {
      const index = body.IndexName === undefined ? "" : `/index/${body.IndexName}`;
      return [`dynamodb:${operation} ${body.TableName}${index}`];
    }
    case "AWSEvents":
      return (body.Entries as { EventBusName: string }[]).map(
        ({ EventBusName }) => `events:${operation} ${EventBusName}`,
      );
    // A batch needs the permission for one.
    case "AmazonSQS":
      return [`sqs:SendMessage ${String(body.QueueUrl).split("/").at(-1)}`];
    case "secretsmanager":
      return [`secretsmanager:${operation} secretsmanager:secret:${body.SecretId}-??????`];
  }
  if (!url.startsWith("/schedules/")) throw new Error(`a request that the test does not know: ${target} ${url}`);
  const { GroupName, Target } = body as { GroupName: string; Target: { RoleArn: string } };
  return [`scheduler:CreateSchedule scheduler:schedule/\${${GroupName}}/*`, `iam:PassRole ${Target.RoleArn}`];
}
