import { CreateEventBusCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  ConflictException,
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ListSchedulesCommand,
  type ListSchedulesCommandInput,
  ResourceNotFoundException,
  ThrottlingException,
  UpdateScheduleCommand,
  ValidationException,
} from "@aws-sdk/client-scheduler";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AwsWorld, roleArn, startAwsWorld, until } from "./aws-clients.ts";

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
    },
    onUndelivered: ({ reason }) => undelivered.push(reason),
  });
  queue = await world.createQueue("inbox");
});

afterEach(() => world[Symbol.asyncDispose]());

const schedule = (ScheduleExpression: string, more: Partial<CreateScheduleCommandInput> = {}) => ({
  Name: "one",
  ScheduleExpression,
  FlexibleTimeWindow: { Mode: "OFF" as const },
  Target: { Arn: queue.arn, RoleArn: roleArn, Input: "ping" },
  ...more,
});

const create = (expression: string, more: Partial<CreateScheduleCommandInput> = {}) =>
  world.scheduler.send(new CreateScheduleCommand(schedule(expression, more)));

const get = (Name = "one", GroupName?: string) =>
  world.scheduler.send(new GetScheduleCommand({ Name, ...(GroupName && { GroupName }) }));

test("a one-time schedule fires at its time and deletes itself when asked to", async () => {
  const { ScheduleArn } = await create("at(2026-01-01T00:01:00)", { ActionAfterCompletion: "DELETE" });
  expect(ScheduleArn).toBe("arn:aws:scheduler:us-east-1:123456789012:schedule/default/one");
  await world.clock.advance(59_999);
  expect(await world.take(queue.url)).toEqual([]);
  await world.clock.advance(1);
  expect(await world.take(queue.url)).toEqual(["ping"]);
  await expect(get()).rejects.toBeInstanceOf(ResourceNotFoundException);
  expect(world.clock.sleeping).toBe(0);
});

test("a one-time schedule stays after it fired by default, and does not fire again", async () => {
  await create("at(2026-01-01T01:00:00)", { ScheduleExpressionTimezone: "Europe/London" });
  await world.clock.advance(3_600_000);
  expect(await world.take(queue.url)).toEqual(["ping"]);
  await world.clock.advance(86_400_000);
  expect(await world.take(queue.url)).toEqual([]);
  expect(await get()).toMatchObject({ State: "ENABLED", ActionAfterCompletion: "NONE" });
});

test("a schedule many weeks ahead fires on time", async () => {
  await create("at(2026-06-01T00:00:00)");
  await world.clock.advance(Date.UTC(2026, 5, 1) - Date.UTC(2026, 0, 1) - 1);
  expect(await world.take(queue.url)).toEqual([]);
  await world.clock.advance(1);
  expect(await world.take(queue.url)).toEqual(["ping"]);
});

test("refuses a time in the past with ValidationException", async () => {
  await expect(create("at(2025-12-31T23:59:59)")).rejects.toBeInstanceOf(ValidationException);
  await expect(create("nonsense")).rejects.toBeInstanceOf(ValidationException);
});

test("refuses a second schedule of the same name, but takes a repeated request", async () => {
  const first = await create("rate(1 hour)", { ClientToken: "request-1" });
  await expect(create("rate(1 hour)")).rejects.toBeInstanceOf(ConflictException);
  expect((await create("rate(1 hour)", { ClientToken: "request-1" })).ScheduleArn).toBe(first.ScheduleArn);
});

test("fails a call with the injected exception", async () => {
  world.endpoint.failNextCall("CreateSchedule", "ThrottlingException", { status: 429 });
  await expect(create("rate(1 hour)")).rejects.toBeInstanceOf(ThrottlingException);
  await create("rate(1 hour)");
});

test("a rate without a start fires at once and then at its rate", async () => {
  await create("rate(2 minutes)");
  await world.clock.advance(0);
  expect(await world.take(queue.url)).toHaveLength(1);
  await world.clock.advance(119_999);
  expect(await world.take(queue.url)).toHaveLength(0);
  await world.clock.advance(1);
  await world.clock.advance(120_000);
  expect(await world.take(queue.url)).toHaveLength(2);
});

test("a rate runs from its start to its end and then deletes itself", async () => {
  const StartDate = new Date("2026-01-01T01:00:00Z");
  const EndDate = new Date("2026-01-01T02:59:59Z");
  await create("rate(1 hour)", { StartDate, EndDate, ActionAfterCompletion: "DELETE" });
  expect(await get()).toMatchObject({ StartDate, EndDate });
  await world.clock.advance(3_599_999);
  expect(await world.take(queue.url)).toHaveLength(0);
  await world.clock.advance(10 * 3_600_000);
  expect(await world.take(queue.url)).toHaveLength(2);
  await expect(get()).rejects.toBeInstanceOf(ResourceNotFoundException);
});

test("a cron schedule fires every minute", async () => {
  await create("cron(* * * * ? *)");
  await world.clock.advance(180_000);
  expect(await world.take(queue.url)).toHaveLength(3);
});

test("a disabled schedule does not fire until it is enabled", async () => {
  await create("cron(* * * * ? *)", { State: "DISABLED" });
  await world.clock.advance(60_000);
  expect(await world.take(queue.url)).toHaveLength(0);
  await world.scheduler.send(new UpdateScheduleCommand(schedule("cron(* * * * ? *)")));
  await world.clock.advance(60_000);
  expect(await world.take(queue.url)).toHaveLength(1);
});

test("an update replaces the whole schedule", async () => {
  await create("at(2026-01-01T00:01:00)", { ActionAfterCompletion: "DELETE", Description: "first" });
  await world.clock.advance(1000);
  await world.scheduler.send(new UpdateScheduleCommand(schedule("at(2026-01-01T00:02:00)")));
  await world.clock.advance(60_000);
  expect(await world.take(queue.url)).toHaveLength(0);
  await world.clock.advance(60_000);
  expect(await world.take(queue.url)).toHaveLength(1);
  const found = await get();
  expect(found).toMatchObject({ ScheduleExpression: "at(2026-01-01T00:02:00)", ActionAfterCompletion: "NONE" });
  expect(found.Description).toBeUndefined();
  expect(found.CreationDate).toEqual(new Date("2026-01-01T00:00:00Z"));
  expect(found.LastModificationDate).toEqual(new Date("2026-01-01T00:00:01Z"));
  const missing = new UpdateScheduleCommand({ ...schedule("rate(1 hour)"), Name: "none" });
  await expect(world.scheduler.send(missing)).rejects.toBeInstanceOf(ResourceNotFoundException);
});

test("a deleted schedule does not fire", async () => {
  await create("at(2026-01-01T00:01:00)");
  await world.scheduler.send(new DeleteScheduleCommand({ Name: "one" }));
  await world.clock.advance(60_000);
  expect(await world.take(queue.url)).toHaveLength(0);
  const again = world.scheduler.send(new DeleteScheduleCommand({ Name: "one" }));
  await expect(again).rejects.toBeInstanceOf(ResourceNotFoundException);
});

test("puts an event on a bus, through whose rules it reaches a queue", async () => {
  const { EventBusArn = "" } = await world.eventBridge.send(new CreateEventBusCommand({ Name: "orders" }));
  const rule = { Name: "all", EventBusName: "orders", EventPattern: '{"detail":{"kind":["wake"]}}' };
  await world.eventBridge.send(new PutRuleCommand(rule));
  const Targets = [{ Id: "queue", Arn: queue.arn }];
  await world.eventBridge.send(new PutTargetsCommand({ Rule: "all", EventBusName: "orders", Targets }));
  const { ScheduleArn } = await create("at(2026-01-01T00:01:00)", {
    Target: {
      Arn: EventBusArn,
      RoleArn: roleArn,
      Input: '{"kind":"wake","at":"<aws.scheduler.scheduled-time>"}',
      EventBridgeParameters: { DetailType: "Wake", Source: "tailwake" },
    },
  });
  await world.clock.advance(60_000);
  expect(JSON.parse((await world.take(queue.url))[0] ?? "")).toMatchObject({
    "detail-type": "Wake",
    source: "tailwake",
    time: "2026-01-01T00:01:00Z",
    resources: [ScheduleArn],
    detail: { kind: "wake", at: "2026-01-01T00:01:00Z" },
  });
});

test("runs a function with its input, or with the event of a schedule", async () => {
  const Arn = "arn:aws:lambda:us-east-1:123456789012:function:cron";
  await create("at(2026-01-01T00:01:00)", { Target: { Arn, RoleArn: roleArn, Input: '{"tick":1}' } });
  await create("at(2026-01-01T00:02:00)", { Name: "two", Target: { Arn, RoleArn: roleArn } });
  await world.clock.advance(120_000);
  await until(() => invoked.length === 2, "the function ran twice");
  expect(invoked).toMatchObject([
    { name: "cron", event: { tick: 1 } },
    { name: "cron", event: { source: "aws.scheduler", "detail-type": "Scheduled Event" } },
  ]);
});

test("keeps what a missing target did not take in the dead letter queue, or reports it", async () => {
  const dead = await world.createQueue("dead");
  const missing = { Arn: `${queue.arn}-missing`, RoleArn: roleArn, Input: "lost" };
  await create("at(2026-01-01T00:01:00)", { Target: { ...missing, DeadLetterConfig: { Arn: dead.arn } } });
  await create("at(2026-01-01T00:01:00)", { Name: "two", Target: missing });
  await world.clock.advance(60_000);
  expect(await world.take(dead.url)).toEqual(["lost"]);
  expect(undelivered).toEqual([expect.stringContaining("does not exist")]);
});

test("groups hold schedules of their own and delete them with themselves", async () => {
  const { scheduler } = world;
  await scheduler.send(new CreateScheduleGroupCommand({ Name: "retries" }));
  await expect(scheduler.send(new CreateScheduleGroupCommand({ Name: "retries" }))).rejects.toBeInstanceOf(
    ConflictException,
  );
  expect(await scheduler.send(new GetScheduleGroupCommand({ Name: "retries" }))).toMatchObject({ State: "ACTIVE" });
  await create("rate(1 hour)", { GroupName: "retries", State: "DISABLED" });
  await expect(get()).rejects.toBeInstanceOf(ResourceNotFoundException);
  expect(await get("one", "retries")).toMatchObject({ GroupName: "retries", State: "DISABLED" });
  await scheduler.send(new DeleteScheduleGroupCommand({ Name: "retries" }));
  await expect(get("one", "retries")).rejects.toBeInstanceOf(ResourceNotFoundException);
  await expect(create("rate(1 hour)", { GroupName: "retries" })).rejects.toBeInstanceOf(ResourceNotFoundException);
  const removeDefault = scheduler.send(new DeleteScheduleGroupCommand({ Name: "default" }));
  await expect(removeDefault).rejects.toBeInstanceOf(ValidationException);
});

test("lists schedules page by page, by prefix and state", async () => {
  for (const Name of ["a1", "a2", "b1"]) await create("at(2027-01-01T00:00:00)", { Name });
  await create("rate(1 hour)", { Name: "a3", State: "DISABLED" });
  const list = async (input: ListSchedulesCommandInput) => {
    const { Schedules, NextToken } = await world.scheduler.send(new ListSchedulesCommand(input));
    return { names: Schedules?.map(({ Name }) => Name), NextToken };
  };
  const first = await list({ MaxResults: 2 });
  expect(first.names).toEqual(["a1", "a2"]);
  expect(await list({ NextToken: first.NextToken, GroupName: "default" })).toMatchObject({ names: ["a3", "b1"] });
  expect((await list({ NamePrefix: "a", State: "ENABLED" })).names).toEqual(["a1", "a2"]);
});

test.each<[string, Partial<CreateScheduleCommandInput>]>([
  ["a name outside the rule", { Name: "a b" }],
  ["a name of 65 characters", { Name: "n".repeat(65) }],
  ["a window without its length", { FlexibleTimeWindow: { Mode: "FLEXIBLE" } }],
  ["an unknown time zone", { ScheduleExpressionTimezone: "Mars/Olympus" }],
  ["a target of an unknown kind", { Target: { Arn: "arn:aws:s3:::bucket", RoleArn: roleArn } }],
  ["a role that is none", { Target: { Arn: "arn:aws:sqs:us-east-1:123456789012:inbox", RoleArn: "me" } }],
  ["an end before its start", { StartDate: new Date("2027-01-01"), EndDate: new Date("2026-06-01") }],
  ["an end in the past", { EndDate: new Date("2025-01-01") }],
  [
    "an event bus without its parameters",
    { Target: { Arn: "arn:aws:events:us-east-1:123456789012:event-bus/default", RoleArn: roleArn } },
  ],
  [
    "an input above 256 KiB",
    { Target: { Arn: "arn:aws:sqs:us-east-1:123456789012:inbox", RoleArn: roleArn, Input: "x".repeat(262_145) } },
  ],
])("refuses %s", async (_what, more) => {
  await expect(create("rate(1 hour)", more)).rejects.toBeInstanceOf(ValidationException);
});

test("may fire late within its precision, as AWS does", async () => {
  await using late = await startAwsWorld({ precisionMs: 60_000 });
  const target = await late.createQueue("inbox");
  await late.scheduler.send(
    new CreateScheduleCommand({
      ...schedule("at(2026-01-01T00:01:00)"),
      Target: { Arn: target.arn, RoleArn: roleArn, Input: "ping" },
    }),
  );
  await late.clock.advance(59_999);
  expect(await late.take(target.url)).toEqual([]);
  await late.clock.advance(60_001);
  expect(await late.take(target.url)).toEqual(["ping"]);
});
