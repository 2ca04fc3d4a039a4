import { CreateTableCommand, DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, PutRuleCommand, RemoveTargetsCommand } from "@aws-sdk/client-eventbridge";
import { DeleteScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { createApp, lazy, task } from "tailwake";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { functionEnvironment } from "../../cli/deployment/function-environment.ts";
import { check, Fix, NotChecked } from "../../cli/doctor/check.ts";
import { tableShape } from "../../functions/tasks/dynamodb-table.ts";
import { recordTick } from "../../functions/tick/last-tick.ts";
import { type AwsEndpoint, startAwsEndpoint } from "../../local/aws/endpoint.ts";
import { createTaskTable, startDatabase } from "../../local/database.ts";
import { type Deployment, deploy, names } from "../../local/deployment.ts";
import { setEnvironmentBack } from "../support/environment.ts";
import { reader } from "../support/world.ts";
import { startFakeLambda } from "./fake-lambda.ts";
import { type Printers, printers } from "./printers.ts";
import { type } from "./typed.ts";

const healthy = () => ({
  "/2015-03-31/functions/test-lazy/configuration": { Timeout: 120, State: "Active" },
  "/2015-03-31/functions/test-cron/configuration": { Timeout: 60, State: "Active" },
  "/2019-09-30/functions/test-lazy/concurrency": {},
  "/2015-03-31/event-source-mappings": {
    EventSourceMappings: ["wakes", "delay"].map((name) => ({ EventSourceArn: `arn:x:${name}`, State: "Enabled" })),
  },
});

const environment = { ...process.env };
const answers: Record<string, object | string> = {};
let lambda: Awaited<ReturnType<typeof startFakeLambda>>;
let database: Awaited<ReturnType<typeof startDatabase>>;
let dynamo: DynamoDBClient;
beforeAll(async () => {
  [lambda, database] = [await startFakeLambda(answers), await startDatabase(undefined)];
  Object.assign(process.env, {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_ENDPOINT_URL_LAMBDA: lambda.url,
    AWS_ENDPOINT_URL_DYNAMODB: database.url,
    TAILWAKE_TABLE: names.table,
    TAILWAKE_SCHEDULE_GROUP: names.scheduleGroup,
  });
  dynamo = new DynamoDBClient({});
  await createTaskTable(dynamo, names.table);
});
afterAll(async () => {
  dynamo.destroy();
  setEnvironmentBack(environment);
  await lambda.close();
  await database.close();
});

let aws: AwsEndpoint;
let deployed: Deployment;
let events: EventBridgeClient;
let world: Printers;
beforeEach(async () => {
  aws = await startAwsEndpoint({ onLambda: async () => {} });
  const settings = { endpoint: aws.url, region: aws.region, credentials: { accessKeyId: "a", secretAccessKey: "b" } };
  deployed = await deploy(aws, settings);
  Object.assign(process.env, { AWS_ENDPOINT_URL: aws.url, TAILWAKE_BUS_ARN: deployed.busArn });
  for (const path of Object.keys(answers)) delete answers[path];
  Object.assign(answers, healthy());
  events = new EventBridgeClient({});
  world = await printers();
  return async () => {
    events.destroy();
    await aws.close();
  };
});

const app = createApp({
  activities: [lazy(reader)],
  upstreams: { things: { baseUrl: "http://127.0.0.1:1", protocol: "grpc", authorization: async () => "secret-token" } },
  roots: [task(reader, { thingId: "b" })],
});

/** What the doctor says, by what it is about; not what is fine. */
async function sick(withApp = app) {
  const { code, out, err } = await type(["doctor", "--json"], { desk: world.desk, functions: "test", app: withApp });
  expect(err).toBe("");
  expect(out).not.toContain("secret-token");
  const findings: { what: string; state: string; says: string }[] = JSON.parse(out).findings;
  const found = findings.filter(({ state }) => state !== "ok");
  expect(code).toBe(found.some(({ state }) => state === "fix") ? 3 : 0);
  return Object.fromEntries(found.map(({ what, state, says }) => [what, `${state}: ${says}`]));
}

describe("tailwake doctor", () => {
  it("says of a healthy deployment that each thing is fine", async () => {
    const { code, out } = await type(["doctor"], { desk: world.desk, functions: "test", app });
    expect(out).toBe(`ok           settings: of a test
ok           function test-lazy: timeout 120 s
ok           function test-cron: timeout 60 s
ok           concurrency of the lazy function: not reserved
ok           event sources of the lazy function: 2 queues
ok           table: tailwake-tasks, with both indexes; about 0 items
ok           reading the table: a document was read
ok           bus: tailwake
ok           rules of the bus: 4 kinds of events have a rule
ok           queue tailwake-dead-letters: no dead letters
ok           queue tailwake-delay: 0 messages waiting
ok           queue tailwake-quarantine: 0 messages waiting
ok           queue tailwake-wakes: 0 messages waiting
ok           schedule group: tailwake
ok           schedule of the tick: every minute
ok           ticks: the last was less than 1 s ago
ok           app: 1 activities
ok           token of things: its source returns a token
ok           upstream things: http://127.0.0.1:1 sends the stream of thing/reader@b
`);
    expect(code).toBe(0);
  });

  it("says what to do about functions that cannot run", async () => {
    Object.assign(answers, {
      "/2015-03-31/functions/test-lazy/configuration": { Timeout: 300, State: "Failed", StateReason: "no image" },
      "/2015-03-31/functions/test-cron/configuration": "ResourceNotFoundException",
      "/2019-09-30/functions/test-lazy/concurrency": { ReservedConcurrentExecutions: 0 },
      "/2015-03-31/event-source-mappings": { EventSourceMappings: [{ EventSourceArn: "a:wakes", State: "Disabled" }] },
    });
    expect(await sick()).toEqual({
      "function test-lazy": "fix: its state is Failed: no image",
      "function test-cron": "fix: does not exist: deploy it",
      "concurrency of the lazy function": "fix: it is 0, so nothing runs: remove or raise it",
      "event sources of the lazy function": "fix: wakes is Disabled: enable it",
    });
    Object.assign(answers, healthy(), { "/2015-03-31/functions/test-lazy/configuration": { Timeout: 300 } });
    expect((await sick())["queue tailwake-wakes"]).toContain(
      "timeout is 135 s, too short for the lazy function's timeout of 300 s",
    );
  });

  it("does not take a permission that is missing for something wrong", async () => {
    for (const path of Object.keys(answers)) answers[path] = "AccessDeniedException";
    expect(await sick()).toEqual({
      "function test-lazy": "not checked: needs the permission lambda:GetFunctionConfiguration",
      "function test-cron": "not checked: needs the permission lambda:GetFunctionConfiguration",
      "concurrency of the lazy function": "not checked: needs the permission lambda:GetFunctionConcurrency",
      "event sources of the lazy function": "not checked: needs the permission lambda:ListEventSourceMappings",
    });
  });

  it("finds what keeps events from their queues", async () => {
    await events.send(new RemoveTargetsCommand({ EventBusName: names.bus, Rule: "wakes", Ids: ["target"] }));
    expect(await sick()).toEqual({ "rules of the bus": "fix: rule wakes, for Signal, has no target: deploy" });
    const EventPattern = JSON.stringify({ source: ["tailwake"], "detail-type": ["Signal", "Wake"] });
    await events.send(new PutRuleCommand({ EventBusName: names.bus, Name: "wakes", EventPattern, State: "DISABLED" }));
    expect(await sick()).toEqual({ "rules of the bus": "fix: no enabled rule matches Signal: enable wakes" });
    process.env.TAILWAKE_BUS_ARN = deployed.busArn.replace("/tailwake", "/other");
    expect((await sick()).bus).toMatch(/^fix: .*other/);
  });

  it("finds dead letters", async () => {
    aws.sqs.queue(names.deadLetters).send({ body: "dead", attributes: {} });
    expect((await sick())["queue tailwake-dead-letters"]).toMatch(/^fix: 1 dead letters: find the cause/);
  });

  it("finds that nothing ticks", async () => {
    const scheduler = new SchedulerClient({});
    await scheduler.send(new DeleteScheduleCommand({ Name: "tick", GroupName: names.scheduleGroup }));
    scheduler.destroy();
    world.clock.jump(world.clock.now() + 200_000);
    expect(await sick()).toEqual({
      "schedule of the tick": "fix: schedule tick does not exist: deploy infra/schedules.yml",
      ticks: "fix: the last was 3 min 20 s ago: check the log and the schedule of the cron function",
    });
    await recordTick(world.ports.control, { at: world.clock.now(), report: {} });
    process.env.TAILWAKE_SCHEDULE_GROUP = "none";
    expect((await sick())["schedule group"]).toBe("fix: the group does not exist: deploy infra/schedules.yml");
    process.env.TAILWAKE_SCHEDULE_GROUP = names.scheduleGroup;
  });

  it("finds a table without what the code relies on", async () => {
    process.env.TAILWAKE_TABLE = "other";
    expect((await sick()).table).toBe("fix: other does not exist: deploy the stack, or restore it");
    const [due, eager] = tableShape.GlobalSecondaryIndexes;
    const keysOnly = { ...eager, Projection: { ProjectionType: "KEYS_ONLY" as const } };
    await dynamo.send(
      new CreateTableCommand({ ...tableShape, TableName: "other", GlobalSecondaryIndexes: [due, keysOnly] }),
    );
    expect((await sick()).table).toBe("fix: index eager of other projects KEYS_ONLY: expected INCLUDE fence wakes");
    await dynamo.send(new DeleteTableCommand({ TableName: "other" }));
    process.env.TAILWAKE_TABLE = names.table;
  });

  it("finds a token that its source does not give, and a server that does not answer", async () => {
    const broken = async () => {
      throw new Error("User is not authorized to perform: secretsmanager:GetSecretValue on it");
    };
    const { things } = app.upstreams;
    world.onOpen = () => {
      throw new Error("no");
    };
    const found = await sick({ ...app, upstreams: { things: { ...things, authorization: broken } } } as typeof app);
    expect(found["token of things"]).toBe("not checked: needs the permission secretsmanager:GetSecretValue");
    expect(found["upstream things"]).toMatch(/^fix: .*internal/);
  });

  it("checks everything else without the app", async () => {
    const around = { desk: world.desk, functions: "test", withoutApp: "it is not there" };
    const { out, code } = await type(["doctor"], around);
    expect(out).toContain("not checked  app: it is not there; token and upstream are not checked either\n");
    expect(code).toBe(0);
  });

  it("tells bad credentials from bad infrastructure", async () => {
    const failing = (name: string) => () => Promise.reject(Object.assign(new Error("m"), { name }));
    const found = (name: string) => check("it", "a:B", failing(name));
    expect(await found("ExpiredTokenException")).toMatchObject({
      state: "fix",
      says: "your AWS credentials were refused: m",
    });
    expect(await found("AccessDenied")).toMatchObject({ state: "not checked" });
    expect(await found("TimeoutError")).toEqual({ what: "it", state: "fix", says: "m" });
    expect(await check("it", "", () => Promise.reject(new Fix("mend it")))).toMatchObject({ state: "fix" });
    expect(await check("it", "", () => Promise.reject(new NotChecked("no")))).toMatchObject({ state: "not checked" });
  });
});

describe("the environment of a deployed function", () => {
  const path = "/2015-03-31/functions/test-lazy/configuration";

  it("is read, and the error that keeps it says what to do without a value of it", async () => {
    answers[path] = { Environment: { Variables: { TAILWAKE_TABLE: "t" } } };
    expect(await functionEnvironment("test-lazy")).toEqual({ TAILWAKE_TABLE: "t" });
    answers[path] = {
      Environment: { Error: { ErrorCode: "AccessDeniedException", Message: "no key" }, Variables: { A: "secret" } },
    };
    await expect(functionEnvironment("test-lazy")).rejects.toThrow(
      "received Error: its environment cannot be read: no key",
    );
    answers[path] = "AccessDeniedException";
    await expect(functionEnvironment("test-lazy")).rejects.toThrow(
      "function test-lazy: expected to read its settings in us-east-1, received AccessDeniedException: AccessDeniedException of the fake",
    );
    await expect(functionEnvironment("other-lazy")).rejects.toThrow("received no function of that name");
  });
});
