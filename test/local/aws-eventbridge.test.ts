import {
  CreateEventBusCommand,
  DeleteRuleCommand,
  DescribeEventBusCommand,
  InvalidEventPatternException,
  ListEventBusesCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  type PutEventsRequestEntry,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
} from "@aws-sdk/client-eventbridge";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AwsWorld, startAwsWorld, until } from "./aws-clients.ts";

const lambdaArn = "arn:aws:lambda:us-east-1:123456789012:function:cron";
const invoked: { name: string; event: unknown }[] = [];
const undelivered: string[] = [];
let world: AwsWorld;
let queue: { url: string; arn: string };

beforeEach(async () => {
  invoked.length = 0;
  undelivered.length = 0;
  world = await startAwsWorld({
    onLambda: async (name, event) => {
      invoked.push({ name, event });
      if (JSON.stringify(event).includes("poison")) throw new Error("The function failed.");
    },
    onUndelivered: ({ reason }) => undelivered.push(reason),
  });
  await world.eventBridge.send(new CreateEventBusCommand({ Name: "orders" }));
  queue = await world.createQueue("inbox");
});

afterEach(() => world[Symbol.asyncDispose]());

const entry = (detail: object, more: PutEventsRequestEntry = {}): PutEventsRequestEntry => ({
  EventBusName: "orders",
  Source: "shop",
  DetailType: "Ordered",
  Detail: JSON.stringify(detail),
  ...more,
});

const put = (...Entries: PutEventsRequestEntry[]) => world.eventBridge.send(new PutEventsCommand({ Entries }));

async function connect(pattern: object, targetArn = queue.arn, rule = "all"): Promise<void> {
  const EventBusName = "orders";
  await world.eventBridge.send(new PutRuleCommand({ Name: rule, EventBusName, EventPattern: JSON.stringify(pattern) }));
  const Targets = [{ Id: "one", Arn: targetArn }];
  await world.eventBridge.send(new PutTargetsCommand({ Rule: rule, EventBusName, Targets }));
}

test("brings an event in its envelope to the queue of a matching rule", async () => {
  await connect({ source: ["shop"] });
  const { FailedEntryCount, Entries } = await put(
    entry({ id: 7 }, { Resources: ["arn:x"], Time: new Date(90_061_000) }),
  );
  expect(FailedEntryCount).toBe(0);
  const [body = ""] = await world.take(queue.url);
  expect(JSON.parse(body)).toEqual({
    version: "0",
    id: Entries?.[0]?.EventId,
    "detail-type": "Ordered",
    source: "shop",
    account: "123456789012",
    time: "1970-01-02T01:01:01Z",
    region: "us-east-1",
    resources: ["arn:x"],
    detail: { id: 7 },
  });
});

test("gives an event without a time the time of the call", async () => {
  await connect({ source: ["shop"] });
  await put(entry({}));
  const [body = ""] = await world.take(queue.url);
  expect(JSON.parse(body).time).toBe("2026-01-01T00:00:00Z");
});

test("runs the function that a rule targets", async () => {
  await connect({ source: ["shop"] }, lambdaArn);
  await put(entry({ id: 1 }));
  await until(() => invoked.length === 1, "the function ran");
  expect(invoked[0]).toMatchObject({ name: "cron", event: { source: "shop", detail: { id: 1 } } });
});

test("reports an event that a function failed on and no dead letter queue takes", async () => {
  await connect({ source: ["shop"] }, lambdaArn);
  await put(entry({ poison: true }));
  await until(() => undelivered.length === 1, "the failure was reported");
  expect(undelivered[0]).toContain("The function failed.");
});

test("keeps an event for a missing queue in the target's dead letter queue", async () => {
  const dead = await world.createQueue("dead");
  await connect({ source: ["shop"] });
  const target = { Id: "one", Arn: `${queue.arn}-missing`, DeadLetterConfig: { Arn: dead.arn } };
  await world.eventBridge.send(new PutTargetsCommand({ Rule: "all", EventBusName: "orders", Targets: [target] }));
  await put(entry({ id: 3 }));
  expect(JSON.parse((await world.take(dead.url))[0] ?? "")).toMatchObject({ detail: { id: 3 } });
});

test("fails single entries with the injected error and delivers the others", async () => {
  await connect({ source: ["shop"] });
  world.endpoint.eventBridge.failNext(({ detail }) => detail === '{"id":2}', "ThrottlingException");
  const { FailedEntryCount, Entries = [] } = await put(entry({ id: 1 }), entry({ id: 2 }), entry({ id: 3 }));
  expect(FailedEntryCount).toBe(1);
  expect(Entries.map(({ ErrorCode }) => ErrorCode)).toEqual([undefined, "ThrottlingException", undefined]);
  expect((await world.take(queue.url)).map((body) => JSON.parse(body).detail.id)).toEqual([1, 3]);
  expect((await put(entry({ id: 2 }))).FailedEntryCount).toBe(0);
});

test("fails as many coming entries as asked for", async () => {
  world.endpoint.eventBridge.failNext(2, "InternalFailure");
  expect((await put(entry({}), entry({}), entry({}))).Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
    "InternalFailure",
    "InternalFailure",
    undefined,
  ]);
});

test("fails a whole call with the injected error", async () => {
  world.endpoint.failNextCall("PutEvents", "ThrottlingException");
  await expect(put(entry({}))).rejects.toMatchObject({ name: "ThrottlingException" });
  expect((await put(entry({}))).FailedEntryCount).toBe(0);
});

test("fails entries that are not complete or well formed, one by one", async () => {
  const { Entries = [] } = await put(
    entry({}),
    entry({}, { Detail: "[1]" }),
    entry({}, { Detail: "{" }),
    entry({}, { Source: "aws.s3" }),
    { EventBusName: "orders", Source: "shop", Detail: "{}" },
  );
  expect(Entries.map(({ ErrorCode }) => ErrorCode)).toEqual([
    undefined,
    "MalformedDetail",
    "MalformedDetail",
    "NotAuthorizedForSource",
    "InvalidArgument",
  ]);
});

test("refuses calls with no entry, more than ten, or more than 1 MiB", async () => {
  const refused = { name: "ValidationException" };
  await expect(put()).rejects.toMatchObject(refused);
  await expect(put(...Array.from({ length: 11 }, () => entry({})))).rejects.toMatchObject(refused);
  const half = "x".repeat(524_288);
  await expect(put(entry({ half }), entry({ half }))).rejects.toMatchObject(refused);
  await expect(put({ EventBusName: "orders" })).rejects.toMatchObject(refused);
});

test("drops events for an unknown bus and reports success, as AWS does", async () => {
  await connect({ source: ["shop"] });
  const { FailedEntryCount, Entries } = await put(entry({}, { EventBusName: "order" }));
  expect(FailedEntryCount).toBe(0);
  expect(Entries?.[0]?.EventId).toBeDefined();
  expect(await world.take(queue.url)).toEqual([]);
});

test("refuses a pattern with an unknown operator", async () => {
  const EventPattern = JSON.stringify({ source: [{ resembles: "shop" }] });
  const rule = world.eventBridge.send(new PutRuleCommand({ Name: "bad", EventBusName: "orders", EventPattern }));
  await expect(rule).rejects.toBeInstanceOf(InvalidEventPatternException);
});

test("a disabled rule delivers nothing", async () => {
  await connect({ source: ["shop"] });
  await world.eventBridge.send(
    new PutRuleCommand({
      Name: "all",
      EventBusName: "orders",
      EventPattern: '{"source":["shop"]}',
      State: "DISABLED",
    }),
  );
  await put(entry({}));
  expect(await world.take(queue.url)).toEqual([]);
});

test("lists and describes buses, rules and targets", async () => {
  const { eventBridge } = world;
  await connect({ source: ["shop"] });
  await connect({ source: ["desk"] }, lambdaArn, "desk");
  const buses = await eventBridge.send(new ListEventBusesCommand({}));
  expect(buses.EventBuses?.map(({ Name }) => Name)).toEqual(["default", "orders"]);
  const bus = await eventBridge.send(new DescribeEventBusCommand({ Name: "orders" }));
  expect(bus).toMatchObject({ Arn: "arn:aws:events:us-east-1:123456789012:event-bus/orders" });
  expect(bus.CreationTime).toEqual(new Date("2026-01-01T00:00:00Z"));
  const first = await eventBridge.send(new ListRulesCommand({ EventBusName: "orders", Limit: 1 }));
  const second = await eventBridge.send(new ListRulesCommand({ EventBusName: "orders", NextToken: first.NextToken }));
  expect([first, second].map(({ Rules }) => Rules?.map(({ Name }) => Name))).toEqual([["all"], ["desk"]]);
  expect(second.NextToken).toBeUndefined();
  const targets = await eventBridge.send(new ListTargetsByRuleCommand({ Rule: "desk", EventBusName: "orders" }));
  expect(targets.Targets).toEqual([{ Id: "one", Arn: lambdaArn }]);
});

test("deletes a rule only without its targets", async () => {
  const { eventBridge } = world;
  await connect({ source: ["shop"] });
  const rule = new DeleteRuleCommand({ Name: "all", EventBusName: "orders" });
  await expect(eventBridge.send(rule)).rejects.toMatchObject({ name: "ValidationException" });
  await eventBridge.send(new RemoveTargetsCommand({ Rule: "all", EventBusName: "orders", Ids: ["one"] }));
  await eventBridge.send(rule);
  const targets = new ListTargetsByRuleCommand({ Rule: "all", EventBusName: "orders" });
  await expect(eventBridge.send(targets)).rejects.toBeInstanceOf(ResourceNotFoundException);
});

test("answers the typed exceptions of the SDK", async () => {
  const { eventBridge } = world;
  await expect(eventBridge.send(new CreateEventBusCommand({ Name: "orders" }))).rejects.toBeInstanceOf(
    ResourceAlreadyExistsException,
  );
  await expect(eventBridge.send(new DescribeEventBusCommand({ Name: "no" }))).rejects.toBeInstanceOf(
    ResourceNotFoundException,
  );
});

test("refuses target settings that it would have to ignore", async () => {
  await connect({ source: ["shop"] });
  const Targets = [{ Id: "one", Arn: queue.arn, Input: "{}" }];
  await expect(
    world.eventBridge.send(new PutTargetsCommand({ Rule: "all", EventBusName: "orders", Targets })),
  ).rejects.toMatchObject({ name: "ValidationException" });
});
