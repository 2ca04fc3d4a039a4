import { afterEach, beforeEach, expect, test } from "vitest";
import type { FunctionErrorPayload } from "../../local/lambda/invocation.ts";
import { RuntimeApi } from "../../local/lambda/runtime-api.ts";
import { until } from "./aws-clients.ts";

const initErrors: FunctionErrorPayload[] = [];
let nexts = 0;
let api: RuntimeApi;

beforeEach(async () => {
  nexts = 0;
  initErrors.length = 0;
  api = await RuntimeApi.start({ onNext: () => nexts++, onInitError: (error) => initErrors.push(error) });
});

afterEach(() => api.close());

const call = (path: string, body?: string) =>
  fetch(`http://${api.address}/2018-06-01/runtime${path}`, {
    headers: { connection: "close" },
    ...(body === undefined ? {} : { method: "POST", body }),
  });

const invocation = {
  requestId: "r-1",
  event: '{"a":1}',
  deadlineMs: 1_767_225_600_000,
  functionArn: "arn:aws:lambda:us-east-1:123456789012:function:f",
  traceId: "Root=1-2-3",
};

async function takeNext(): Promise<Response> {
  const next = call("/invocation/next");
  await until(() => nexts > 0, "the runtime asks for an event");
  return next;
}

test("hands out an event with the headers of the API and takes its response", async () => {
  const asking = call("/invocation/next");
  await until(() => nexts === 1, "the runtime asks for an event");
  const outcome = api.invoke(invocation);
  const next = await asking;
  expect(next.status).toBe(200);
  expect(Object.fromEntries(next.headers)).toMatchObject({
    "lambda-runtime-aws-request-id": "r-1",
    "lambda-runtime-deadline-ms": "1767225600000",
    "lambda-runtime-invoked-function-arn": invocation.functionArn,
    "lambda-runtime-trace-id": "Root=1-2-3",
  });
  expect(await next.json()).toEqual({ a: 1 });
  expect((await call("/invocation/other/response", "1")).status).toBe(400);
  expect((await call("/invocation/r-1/response", '"done"')).status).toBe(202);
  expect(await outcome).toEqual({ ok: true, payload: "done" });
  expect((await call("/invocation/r-1/response", "1")).status).toBe(400);
});

test("takes errors of invocations and of the start", async () => {
  expect((await call("/init/error", '{"errorType":"T","errorMessage":"m"}')).status).toBe(202);
  expect(initErrors).toEqual([{ errorType: "T", errorMessage: "m" }]);
  const next = takeNext();
  await until(() => nexts === 1, "the runtime asks for an event");
  const outcome = api.invoke(invocation);
  await (await next).text();
  await call("/invocation/r-1/error", '{"errorType":"E","errorMessage":"m","stackTrace":["a"]}');
  expect(await outcome).toEqual({ ok: false, payload: { errorType: "E", errorMessage: "m", stackTrace: ["a"] } });
});

test("a response that is no JSON is a function error", async () => {
  const next = takeNext();
  await until(() => nexts === 1, "the runtime asks for an event");
  const outcome = api.invoke(invocation);
  await (await next).text();
  await call("/invocation/r-1/response", "{");
  expect(await outcome).toMatchObject({ ok: false, payload: { errorType: "Runtime.MalformedResponse" } });
});

test("refuses a second next, malformed errors and unknown paths", async () => {
  const next = takeNext();
  await until(() => nexts === 1, "the runtime asks for an event");
  expect((await call("/invocation/next")).status).toBe(403);
  expect((await call("/init/error", "{")).status).toBe(400);
  expect((await call("/restore/next")).status).toBe(404);
  expect(() => {
    void api.invoke(invocation);
    void api.invoke(invocation);
  }).toThrow("not waiting");
  await (await next).text();
});
