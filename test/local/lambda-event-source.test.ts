import { afterEach, beforeEach, expect, test } from "vitest";
import { formatArn } from "../../local/aws/arn.ts";
import { Sqs } from "../../local/aws/sqs.ts";
import type { SqsQueue } from "../../local/aws/sqs-queue.ts";
import type { BatchVerdict } from "../../local/lambda/batch-response.ts";
import { type EventSource, type EventSourceOptions, startEventSource } from "../../local/lambda/event-source.ts";
import type { InvokeResult } from "../../local/lambda/invocation.ts";
import { createLocalLambda } from "../../local/lambda/local-lambda.ts";
import { settle, TestClock } from "../support/test-clock.ts";
import { until } from "./aws-clients.ts";
import { createLambdaFiles } from "./lambda-files.ts";

interface Batch {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

const accountRegion = { account: "123456789012", region: "us-east-1" };
const facts = { requestId: "r", coldStart: false, durationMs: 1 };
const answer = (payload: unknown): InvokeResult => ({ ok: true, payload, ...facts });
const failed: InvokeResult = {
  ok: false,
  functionError: "Unhandled",
  payload: { errorType: "Error", errorMessage: "broken" },
  ...facts,
};

const batches: Batch[] = [];
const verdicts: BatchVerdict[] = [];
let clock: TestClock;
let sqs: Sqs;
let queue: SqsQueue;
let sources: EventSource[];

beforeEach(() => {
  batches.length = 0;
  verdicts.length = 0;
  sources = [];
  clock = new TestClock();
  sqs = new Sqs({ clock, accountRegion, baseUrl: "http://127.0.0.1:1" });
  queue = sqs.createQueue("jobs", { VisibilityTimeout: "30" });
});

afterEach(async () => {
  await Promise.all(sources.map((source) => source.stop()));
  expect(clock.sleeping).toBe(0);
});

function connect(
  run: (batch: Batch) => InvokeResult | Promise<InvokeResult>,
  options: Partial<EventSourceOptions> = {},
): EventSource {
  const lambda = {
    invoke: async (_name: string, event: unknown) => {
      batches.push(event as Batch);
      return run(event as Batch);
    },
  };
  const onBatch = (verdict: BatchVerdict) => verdicts.push(verdict);
  const source = startEventSource({ queue, functionName: "lazy", lambda, clock, onBatch, ...options });
  sources.push(source);
  return source;
}

const send = (...bodies: string[]) => bodies.map((body) => queue.send({ body }).messageId);
const bodiesOf = (batch: Batch | undefined) => batch?.Records.map(({ body }) => body);
const left = () => {
  const { visible, inFlight, delayed } = queue.counts();
  return visible + inFlight + delayed;
};

test("runs the function with batches in the form of Lambda and deletes what succeeded", async () => {
  queue.send({ body: "one", attributes: { kind: { DataType: "String", StringValue: "x" } } });
  connect(() => answer(null));
  await settle();
  expect(batches).toEqual([
    {
      Records: [
        {
          messageId: expect.any(String),
          receiptHandle: expect.any(String),
          body: "one",
          attributes: {
            ApproximateReceiveCount: "1",
            SentTimestamp: String(Date.UTC(2026, 0, 1)),
            SenderId: accountRegion.account,
            ApproximateFirstReceiveTimestamp: String(Date.UTC(2026, 0, 1)),
          },
          messageAttributes: {
            kind: { stringValue: "x", stringListValues: [], binaryListValues: [], dataType: "String" },
          },
          md5OfBody: "f97c5d29941bfb1b2fdab0874906ab82",
          eventSource: "aws:sqs",
          eventSourceARN: formatArn("sqs", accountRegion, "jobs"),
          awsRegion: "us-east-1",
        },
      ],
    },
  ]);
  expect(left()).toBe(0);
  send("two");
  await settle();
  expect(bodiesOf(batches[1])).toEqual(["two"]);
});

test("a batch has at most batchSize messages", async () => {
  send("1", "2", "3", "4", "5");
  connect(() => answer(null), { batchSize: 2, maximumConcurrency: 10 });
  await settle();
  expect(batches.map(bodiesOf)).toEqual([["1", "2"], ["3", "4"], ["5"]]);
});

test("a window gathers messages over several receives", async () => {
  connect(() => answer(null), { batchSize: 25, maximumBatchingWindowMs: 5000 });
  await settle();
  send(...Array.from({ length: 12 }, (_, index) => `a${index}`));
  await clock.advance(4000);
  send("late");
  expect(batches).toEqual([]);
  await clock.advance(1000);
  expect(batches.map((batch) => batch.Records.length)).toEqual([13]);
  send(...Array.from({ length: 25 }, (_, index) => `b${index}`));
  await settle();
  expect(batches.map((batch) => batch.Records.length)).toEqual([13, 25]);
});

test("a function error brings the whole batch back after the visibility timeout", async () => {
  send("one", "two");
  let calls = 0;
  connect(() => (++calls === 1 ? failed : answer(null)));
  await clock.advance(29_999);
  expect(verdicts).toMatchObject([{ succeeded: [], reason: "Error: broken" }]);
  expect(queue.counts()).toMatchObject({ inFlight: 2 });
  await clock.advance(1);
  expect(batches.map(bodiesOf)).toEqual([
    ["one", "two"],
    ["one", "two"],
  ]);
  expect(left()).toBe(0);
});

test("a failed invocation call brings the batch back as well", async () => {
  send("one");
  connect(() => Promise.reject(new Error("throttled")));
  await settle();
  expect(verdicts).toMatchObject([{ succeeded: [], reason: "throttled" }]);
  expect(left()).toBe(1);
});

test("brings back only the messages that the function reports as failed", async () => {
  const ids = send("one", "two", "three");
  let calls = 0;
  connect(() => answer({ batchItemFailures: ++calls === 1 ? [{ itemIdentifier: ids[1] }] : [] }), {
    reportBatchItemFailures: true,
  });
  await settle();
  expect(left()).toBe(1);
  await clock.advance(30_000);
  expect(batches.map(bodiesOf)).toEqual([["one", "two", "three"], ["two"]]);
  expect(left()).toBe(0);
});

test.each([[null], [{}], [{ batchItemFailures: [] }], [{ batchItemFailures: null }]])(
  "the response %j means that all messages succeeded",
  async (payload) => {
    send("one", "two");
    connect(() => answer(payload), { reportBatchItemFailures: true });
    await settle();
    expect(left()).toBe(0);
  },
);

test.each([
  ["text"],
  [[1]],
  [{ batchItemFailures: "one" }],
  [{ batchItemFailures: [{ itemIdentifier: "" }] }],
  [{ batchItemFailures: [{ itemIdentifier: null }] }],
  [{ batchItemFailures: [{ identifier: "x" }] }],
  [{ batchItemFailures: ["x"] }],
  [{ batchItemFailures: [{ itemIdentifier: "not-in-the-batch" }] }],
])("the response %j means that the whole batch failed", async (payload) => {
  send("one", "two");
  connect(() => answer(payload), { reportBatchItemFailures: true });
  await settle();
  expect(left()).toBe(2);
});

test("without ReportBatchItemFailures any response means success", async () => {
  const ids = send("one");
  connect(() => answer({ batchItemFailures: [{ itemIdentifier: ids[0] }] }));
  await settle();
  expect(left()).toBe(0);
});

test("a message that keeps failing ends in the dead letter queue", async () => {
  const dead = sqs.createQueue("dead");
  const redrive = { deadLetterTargetArn: dead.arn, maxReceiveCount: 3 };
  sqs.setAttributes(queue, { RedrivePolicy: JSON.stringify(redrive) });
  connect(() => failed);
  send("poison");
  await clock.advance(200_000);
  expect(batches).toHaveLength(3);
  expect(dead.counts().visible).toBe(1);
});

test("runs at most maximumConcurrency batches at a time and leaves the others in the queue", async () => {
  const waiting: (() => void)[] = [];
  connect(() => new Promise((resolve) => waiting.push(() => resolve(answer(null)))), {
    batchSize: 1,
    maximumConcurrency: 2,
  });
  send("1", "2", "3");
  await settle();
  expect(batches.map(bodiesOf)).toEqual([["1"], ["2"]]);
  expect(queue.counts()).toMatchObject({ visible: 1, inFlight: 2 });
  waiting[0]?.();
  await settle();
  expect(batches.map(bodiesOf)).toEqual([["1"], ["2"], ["3"]]);
  for (const end of waiting) end();
});

test("stop awaits running batches and gives gathered messages back", async () => {
  let finish = () => {};
  const source = connect(
    () =>
      new Promise((resolve) => {
        finish = () => resolve(answer(null));
      }),
    { batchSize: 2, maximumBatchingWindowMs: 1000 },
  );
  send("1", "2");
  await settle();
  send("3");
  await settle();
  let stopped = false;
  const stopping = source.stop().then(() => {
    stopped = true;
  });
  await settle();
  expect(stopped).toBe(false);
  expect(queue.counts()).toMatchObject({ visible: 1 });
  finish();
  await stopping;
  expect(queue.counts()).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
});

test("ends with its queue", async () => {
  const source = connect(() => answer(null));
  await settle();
  sqs.deleteQueue(queue);
  await settle();
  expect(clock.sleeping).toBe(0);
  await source.stop();
});

test("checks its settings", () => {
  const options = { queue, functionName: "lazy", lambda: { invoke: async () => failed }, clock };
  expect(() => startEventSource({ ...options, batchSize: 11 })).toThrow("batchSize");
  expect(() => startEventSource({ ...options, maximumConcurrency: 0 })).toThrow("maximumConcurrency");
  expect(() => startEventSource({ ...options, maximumBatchingWindowMs: 300_001 })).toThrow("maximumBatchingWindowMs");
});

test("brings messages to a real function and its failures back to the queue", async () => {
  await using files = await createLambdaFiles();
  const taskRoot = await files.writeFunction(
    "lazy",
    `export const handler = async ({ Records }) => ({
      batchItemFailures: Records.filter(({ body }) => body === "bad").map(({ messageId }) => ({ itemIdentifier: messageId })),
    });`,
  );
  const lambda = createLocalLambda({
    functions: [
      { name: "lazy", taskRoot, handler: "index.handler", environment: {}, timeoutMs: 10_000, concurrency: 1 },
    ],
    bootstrapPath: files.bootstrapPath,
  });
  try {
    const [, bad] = send("good", "bad");
    const onBatch = (verdict: BatchVerdict) => verdicts.push(verdict);
    sources.push(
      startEventSource({ queue, functionName: "lazy", lambda, clock, reportBatchItemFailures: true, onBatch }),
    );
    await until(() => verdicts.length === 1, "the batch has run");
    expect(verdicts[0]).toMatchObject({ failed: [bad] });
    expect(left()).toBe(1);
  } finally {
    await lambda.close();
  }
});
