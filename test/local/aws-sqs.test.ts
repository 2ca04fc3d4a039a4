import {
  BatchEntryIdsNotDistinct,
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  type Message,
  MessageNotInflight,
  PurgeQueueCommand,
  PurgeQueueInProgress,
  QueueDoesNotExist,
  QueueNameExists,
  ReceiptHandleIsInvalid,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
  TooManyEntriesInBatchRequest,
} from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AwsWorld, startAwsWorld, until } from "./aws-clients.ts";

const start = Date.UTC(2026, 0, 1);
let world: AwsWorld;

beforeEach(async () => {
  world = await startAwsWorld();
});

afterEach(() => world[Symbol.asyncDispose]());

const send = (QueueUrl: string, MessageBody: string, more: { DelaySeconds?: number } = {}) =>
  world.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }));

async function receiveAll(QueueUrl: string, more: { VisibilityTimeout?: number } = {}): Promise<Message[]> {
  const command = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: 10,
    MessageSystemAttributeNames: ["All"],
    MessageAttributeNames: ["All"],
    ...more,
  });
  return (await world.sqs.send(command)).Messages ?? [];
}

const bodies = (messages: readonly Message[]) => messages.map(({ Body }) => Body);
const handleOf = (message: Message | undefined) => message?.ReceiptHandle ?? "none";

test("delivers a message once while it is in flight, with its attributes", async () => {
  const { url } = await world.createQueue("jobs");
  await world.sqs.send(
    new SendMessageCommand({
      QueueUrl: url,
      MessageBody: "grüße 🚀",
      MessageAttributes: {
        kind: { DataType: "String", StringValue: "hello" },
        raw: { DataType: "Binary", BinaryValue: new Uint8Array([1, 2]) },
      },
    }),
  );
  await world.clock.advance(1000);
  const [message] = await receiveAll(url);
  expect(message).toMatchObject({
    Body: "grüße 🚀",
    Attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: String(start),
      ApproximateFirstReceiveTimestamp: String(start + 1000),
      SenderId: "123456789012",
    },
    MessageAttributes: { kind: { DataType: "String", StringValue: "hello" } },
  });
  expect(message?.MessageAttributes?.raw?.BinaryValue).toEqual(new Uint8Array([1, 2]));
  expect(message?.MD5OfMessageAttributes).toMatch(/^[0-9a-f]{32}$/);
  expect(await receiveAll(url)).toEqual([]);
});

test("delivers a message again after its visibility timeout, unless it was deleted", async () => {
  const { url } = await world.createQueue("jobs", { VisibilityTimeout: "30" });
  await send(url, "one");
  await receiveAll(url);
  await world.clock.advance(29_999);
  expect(await receiveAll(url)).toEqual([]);
  await world.clock.advance(1);
  const [again] = await receiveAll(url);
  expect(again?.Attributes).toMatchObject({
    ApproximateReceiveCount: "2",
    ApproximateFirstReceiveTimestamp: String(start),
  });
  await world.sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: handleOf(again) }));
  await world.clock.advance(60_000);
  expect(await receiveAll(url)).toEqual([]);
});

test("an outdated receipt handle deletes nothing and cannot change the visibility", async () => {
  const { url } = await world.createQueue("jobs");
  await send(url, "one");
  const [first] = await receiveAll(url, { VisibilityTimeout: 1 });
  await world.clock.advance(1000);
  const change = { QueueUrl: url, ReceiptHandle: handleOf(first), VisibilityTimeout: 10 };
  await expect(world.sqs.send(new ChangeMessageVisibilityCommand(change))).rejects.toBeInstanceOf(MessageNotInflight);
  await receiveAll(url, { VisibilityTimeout: 1 });
  await world.sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: handleOf(first) }));
  await world.clock.advance(1000);
  expect(bodies(await receiveAll(url))).toEqual(["one"]);
});

test("a receipt handle still deletes after its visibility timeout when nobody received the message since", async () => {
  const { url } = await world.createQueue("jobs");
  await send(url, "one");
  const [first] = await receiveAll(url, { VisibilityTimeout: 1 });
  await world.clock.advance(5000);
  await world.sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: handleOf(first) }));
  await world.sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: handleOf(first) }));
  expect(await receiveAll(url)).toEqual([]);
});

test("refuses a receipt handle that it never gave out", async () => {
  const { url } = await world.createQueue("jobs");
  const remove = new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: "made-up" });
  await expect(world.sqs.send(remove)).rejects.toBeInstanceOf(ReceiptHandleIsInvalid);
});

test("changes the visibility timeout of messages in flight", async () => {
  const { url } = await world.createQueue("jobs");
  for (const body of ["now", "later"]) await send(url, body);
  const [now, later] = await receiveAll(url);
  const { Successful, Failed } = await world.sqs.send(
    new ChangeMessageVisibilityBatchCommand({
      QueueUrl: url,
      Entries: [
        { Id: "a", ReceiptHandle: handleOf(now), VisibilityTimeout: 0 },
        { Id: "b", ReceiptHandle: handleOf(later), VisibilityTimeout: 43_200 },
        { Id: "c", ReceiptHandle: handleOf(later), VisibilityTimeout: 43_201 },
      ],
    }),
  );
  expect(Successful?.map(({ Id }) => Id)).toEqual(["a", "b"]);
  expect(Failed?.map(({ Id }) => Id)).toEqual(["c"]);
  expect(bodies(await receiveAll(url))).toEqual(["now"]);
  await world.clock.advance(43_200_000);
  expect(bodies(await receiveAll(url)).sort()).toEqual(["later", "now"]);
});

test("delays messages by the queue's setting, or their own", async () => {
  const { url } = await world.createQueue("delayed", { DelaySeconds: "5" });
  await send(url, "queue");
  await send(url, "own", { DelaySeconds: 900 });
  await send(url, "none", { DelaySeconds: 0 });
  expect(bodies(await receiveAll(url))).toEqual(["none"]);
  await world.clock.advance(5000);
  expect(bodies(await receiveAll(url))).toEqual(["queue"]);
  const { Attributes } = await world.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }),
  );
  expect(Attributes).toMatchObject({
    ApproximateNumberOfMessages: "0",
    ApproximateNumberOfMessagesDelayed: "1",
    ApproximateNumberOfMessagesNotVisible: "2",
  });
});

test("a long poll waits for the first message", async () => {
  const { url } = await world.createQueue("jobs");
  const polling = world.sqs.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }));
  await until(() => world.clock.sleeping === 1, "the poll waits");
  await world.clock.advance(10_000);
  await send(url, "late");
  expect(bodies((await polling).Messages ?? [])).toEqual(["late"]);
});

test("a long poll ends with nothing when its time is up, and wakes for a message that becomes visible", async () => {
  const { url } = await world.createQueue("jobs", { ReceiveMessageWaitTimeSeconds: "20" });
  const empty = world.sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
  await until(() => world.clock.sleeping === 1, "the poll waits");
  await world.clock.advance(20_000);
  expect((await empty).Messages).toBeUndefined();
  await send(url, "delayed", { DelaySeconds: 7 });
  const polling = world.sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
  await until(() => world.clock.sleeping === 1, "the poll waits");
  await world.clock.advance(7000);
  expect(bodies((await polling).Messages ?? [])).toEqual(["delayed"]);
});

test("a long poll whose caller has gone takes no message", async () => {
  const { url } = await world.createQueue("jobs");
  const caller = new AbortController();
  const polling = world.sqs.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }), {
    abortSignal: caller.signal,
  });
  const gone = expect(polling).rejects.toMatchObject({ name: "AbortError" });
  await until(() => world.clock.sleeping === 1, "the poll waits");
  caller.abort();
  await gone;
  await until(() => world.clock.sleeping === 0, "the poll has ended");
  await send(url, "kept");
  expect(bodies(await receiveAll(url))).toEqual(["kept"]);
});

test("moves a message to the dead letter queue after maxReceiveCount receives", async () => {
  const dead = await world.createQueue("dead");
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 2 });
  const { url, arn } = await world.createQueue("jobs", { RedrivePolicy, VisibilityTimeout: "1" });
  const { MessageId } = await send(url, "poison");
  for (let receive = 1; receive <= 2; receive++) {
    expect(bodies(await receiveAll(url))).toEqual(["poison"]);
    await world.clock.advance(1000);
  }
  expect(await receiveAll(url)).toEqual([]);
  expect(await receiveAll(dead.url)).toMatchObject([
    { MessageId, Body: "poison", Attributes: { SentTimestamp: String(start), DeadLetterQueueSourceArn: arn } },
  ]);
});

test("sends and deletes in batches, each entry for itself", async () => {
  const { url } = await world.createQueue("jobs");
  const sent = await world.sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: url,
      Entries: [
        { Id: "a", MessageBody: "one" },
        { Id: "b", MessageBody: "two", DelaySeconds: 901 },
        { Id: "c", MessageBody: "three" },
      ],
    }),
  );
  expect(sent.Successful?.map(({ Id }) => Id)).toEqual(["a", "c"]);
  expect(sent.Failed).toMatchObject([{ Id: "b", SenderFault: true, Code: "InvalidParameterValue" }]);
  const [first] = await receiveAll(url);
  const deleted = await world.sqs.send(
    new DeleteMessageBatchCommand({
      QueueUrl: url,
      Entries: [
        { Id: "x", ReceiptHandle: handleOf(first) },
        { Id: "y", ReceiptHandle: "made-up" },
      ],
    }),
  );
  expect(deleted.Successful).toEqual([{ Id: "x" }]);
  expect(deleted.Failed).toMatchObject([{ Id: "y", Code: "ReceiptHandleIsInvalid" }]);
});

test("refuses batches that are too large or have equal ids", async () => {
  const { url } = await world.createQueue("jobs");
  const batch = (ids: readonly string[]) =>
    world.sqs.send(
      new SendMessageBatchCommand({ QueueUrl: url, Entries: ids.map((Id) => ({ Id, MessageBody: "x" })) }),
    );
  await expect(batch(Array.from({ length: 11 }, (_, index) => `${index}`))).rejects.toBeInstanceOf(
    TooManyEntriesInBatchRequest,
  );
  await expect(batch(["a", "a"])).rejects.toBeInstanceOf(BatchEntryIdsNotDistinct);
});

test("refuses message bodies that are empty or larger than 1 MiB", async () => {
  const { url } = await world.createQueue("jobs");
  await expect(send(url, "")).rejects.toMatchObject({ name: "MissingParameter" });
  await expect(send(url, "x".repeat(1_048_577))).rejects.toMatchObject({ name: "InvalidParameterValue" });
  await send(url, "x".repeat(1_048_576));
});

test("creates a queue again only with equal attributes", async () => {
  const first = await world.createQueue("jobs", { DelaySeconds: "5" });
  expect(await world.createQueue("jobs")).toEqual(first);
  const differing = new CreateQueueCommand({ QueueName: "jobs", Attributes: { DelaySeconds: "6" } });
  await expect(world.sqs.send(differing)).rejects.toBeInstanceOf(QueueNameExists);
  expect(await world.sqs.send(new GetQueueUrlCommand({ QueueName: "jobs" }))).toMatchObject({ QueueUrl: first.url });
});

test("lists, changes and deletes queues", async () => {
  const { url } = await world.createQueue("jobs");
  await world.createQueue("other");
  expect((await world.sqs.send(new ListQueuesCommand({ QueueNamePrefix: "jo" }))).QueueUrls).toEqual([url]);
  await world.sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { VisibilityTimeout: "7" } }));
  const wanted = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["VisibilityTimeout"] });
  expect((await world.sqs.send(wanted)).Attributes).toEqual({ VisibilityTimeout: "7" });
  await world.sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
  await expect(send(url, "x")).rejects.toBeInstanceOf(QueueDoesNotExist);
});

test("answers an unknown queue with the exception and the query code that clients know", async () => {
  const error = await world.sqs.send(new GetQueueUrlCommand({ QueueName: "none" })).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(QueueDoesNotExist);
  expect(error).toMatchObject({ Error: { Code: "AWS.SimpleQueueService.NonExistentQueue", Type: "Sender" } });
});

test("refuses attributes that are unknown or out of range", async () => {
  const create = (Attributes: Record<string, string>) =>
    world.sqs.send(new CreateQueueCommand({ QueueName: "jobs", Attributes }));
  await expect(create({ FifoQueue: "true" })).rejects.toMatchObject({ name: "InvalidAttributeName" });
  await expect(create({ DelaySeconds: "901" })).rejects.toMatchObject({ name: "InvalidAttributeValue" });
  await expect(create({ RedrivePolicy: "{}" })).rejects.toMatchObject({ name: "InvalidAttributeValue" });
  const RedrivePolicy = JSON.stringify({
    deadLetterTargetArn: "arn:aws:sqs:us-east-1:123456789012:none",
    maxReceiveCount: 1,
  });
  await expect(create({ RedrivePolicy })).rejects.toMatchObject({ name: "InvalidAttributeValue" });
});

test("purges a queue, at most once a minute", async () => {
  const { url } = await world.createQueue("jobs");
  await send(url, "one");
  await world.sqs.send(new PurgeQueueCommand({ QueueUrl: url }));
  expect(await receiveAll(url)).toEqual([]);
  await expect(world.sqs.send(new PurgeQueueCommand({ QueueUrl: url }))).rejects.toBeInstanceOf(PurgeQueueInProgress);
});

test("drops messages after their retention period", async () => {
  const { url } = await world.createQueue("jobs", { MessageRetentionPeriod: "60" });
  await send(url, "old");
  await world.clock.advance(60_000);
  expect(await receiveAll(url)).toEqual([]);
});

test("serves a client that is configured by the environment alone", async () => {
  const { url } = await world.createQueue("jobs");
  const names = ["AWS_ENDPOINT_URL_SQS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] as const;
  const before = names.map((name) => [name, process.env[name]] as const);
  const values = [world.endpoint.url, "test", "test", "us-east-1"];
  for (const [index, name] of names.entries()) process.env[name] = values[index];
  const client = new SQSClient({ maxAttempts: 1 });
  try {
    await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "hello" }));
  } finally {
    client.destroy();
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
  expect(bodies(await receiveAll(url))).toEqual(["hello"]);
});
