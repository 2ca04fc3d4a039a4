import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startAwsEndpoint } from "../../local/aws/endpoint.ts";
import { type AwsWorld, startAwsWorld, until } from "./aws-clients.ts";

let world: AwsWorld;

beforeEach(async () => {
  world = await startAwsWorld();
});

afterEach(() => world[Symbol.asyncDispose]());

async function post(path: string, body: string, target?: string): Promise<{ status: number; answer: unknown }> {
  const headers = { connection: "close", ...(target && { "x-amz-target": target }) };
  const response = await fetch(world.endpoint.url + path, { method: "POST", body, headers });
  return { status: response.status, answer: await response.json() };
}

const code = (name: string) => ({ __type: expect.stringMatching(new RegExp(`(^|#)${name}$`)) });

test("refuses malformed JSON and fields of another type with SerializationException", async () => {
  const refused = { status: 400, answer: code("SerializationException") };
  expect(await post("/", "{", "AWSEvents.PutEvents")).toMatchObject(refused);
  expect(await post("/", "[]", "AmazonSQS.ListQueues")).toMatchObject(refused);
  expect(await post("/schedules/a", '"text"')).toMatchObject(refused);
  expect(await post("/", '{"QueueName":7}', "AmazonSQS.CreateQueue")).toMatchObject(refused);
  expect(await post("/", '{"Entries":{}}', "AWSEvents.PutEvents")).toMatchObject(refused);
  expect(await post("/", '{"Entries":[1]}', "AWSEvents.PutEvents")).toMatchObject(refused);
});

test("refuses operations and services that it does not know", async () => {
  const refused = { status: 400, answer: code("UnknownOperationException") };
  expect(await post("/", "{}", "AWSEvents.StartReplay")).toMatchObject(refused);
  expect(await post("/", "{}", "AWSEvents.constructor")).toMatchObject(refused);
  expect(await post("/", "{}", "DynamoDB_20120810.PutItem")).toMatchObject(refused);
  expect(await post("/nowhere", "{}")).toMatchObject({ status: 404, answer: code("UnknownOperationException") });
});

test("refuses missing fields with the exception of the service", async () => {
  expect(await post("/", "{}", "AmazonSQS.CreateQueue")).toMatchObject({ answer: code("MissingParameter") });
  expect(await post("/", "{}", "AWSEvents.PutRule")).toMatchObject({ answer: code("ValidationException") });
  expect(await post("/schedules/a%20b", "{}")).toMatchObject({ status: 400, answer: code("ValidationException") });
});

test("refuses huge bodies without keeping them", async () => {
  const huge = JSON.stringify({ QueueName: "x".repeat(9_000_000) });
  expect(await post("/", huge, "AmazonSQS.CreateQueue")).toMatchObject({
    status: 413,
    answer: code("RequestEntityTooLargeException"),
  });
});

test("ends waiting polls when it closes", async () => {
  const { url } = await world.createQueue("jobs");
  const polling = world.sqs.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }));
  const ended = polling.then(
    () => true,
    () => true,
  );
  await until(() => world.clock.sleeping === 1, "the poll waits");
  await world.endpoint.close();
  expect(await ended).toBe(true);
  expect(world.clock.sleeping).toBe(0);
});

test("checks its account and region", async () => {
  await expect(startAwsEndpoint({ account: "1" })).rejects.toThrow("twelve digits");
  await expect(startAwsEndpoint({ region: "here" })).rejects.toThrow("like us-east-1");
});
