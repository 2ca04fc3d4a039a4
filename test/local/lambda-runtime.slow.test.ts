import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createLocalLambda, type FunctionSettings, type LocalLambda } from "../../local/lambda/local-lambda.ts";
import { patienceMs } from "../support/patience.ts";
import { until } from "./aws-clients.ts";
import { createLambdaFiles, isAlive, type LambdaFiles } from "./lambda-files.ts";

let files: LambdaFiles;
const opened: LocalLambda[] = [];
const logs: string[] = [];

beforeAll(async () => {
  files = await createLambdaFiles();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((lambda) => lambda.close()));
  logs.length = 0;
});

afterAll(() => files[Symbol.asyncDispose]());

/** A local Lambda with the one function `f` of this code. */
async function lambdaOf(code: string, settings: Partial<FunctionSettings> = {}, initTimeoutMs = patienceMs) {
  const taskRoot = await files.writeFunction(`f${opened.length}-${logs.length}-${Math.random()}`, code);
  const lambda = createLocalLambda({
    functions: [
      {
        name: "f",
        taskRoot,
        handler: "index.handler",
        environment: {},
        timeoutMs: patienceMs,
        concurrency: 1,
        ...settings,
      },
    ],
    bootstrapPath: files.bootstrapPath,
    initTimeoutMs,
    onLog: (name, line) => logs.push(`${name}: ${line}`),
  });
  opened.push(lambda);
  return lambda;
}

const started = "let calls = 0; export const handler = async (event) => ({ pid: process.pid, calls: ++calls, event });";

test("returns what the handler returns, and keeps its process warm", async () => {
  const lambda = await lambdaOf(started);
  const first = await lambda.invoke("f", { text: "grüße" });
  const second = await lambda.invoke("f", null);
  expect(first).toMatchObject({ ok: true, coldStart: true, payload: { calls: 1, event: { text: "grüße" } } });
  expect(second).toMatchObject({ ok: true, coldStart: false, payload: { calls: 2, event: null } });
  expect(lambda.pids("f")).toHaveLength(1);
});

test("gives the handler its context and environment", async () => {
  const lambda = await lambdaOf(
    `export const handler = async (_event, context) => ({
      context, remaining: context.getRemainingTimeInMillis(), table: process.env.TABLE, home: process.env.HOME ?? null,
      region: process.env.AWS_REGION, trace: process.env._X_AMZN_TRACE_ID, directory: process.cwd(),
    });`,
    { environment: { TABLE: "runs" }, timeoutMs: 60_000, memoryMb: 128 },
  );
  const result = await lambda.invoke("f", {});
  expect(result.payload).toMatchObject({
    context: {
      awsRequestId: result.requestId,
      functionName: "f",
      functionVersion: "$LATEST",
      memoryLimitInMB: "128",
      invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:f",
    },
    remaining: expect.any(Number),
    table: "runs",
    home: null,
    region: "us-east-1",
    trace: expect.stringMatching(/^Root=1-/),
  });
  const { remaining } = result.payload as unknown as { remaining: number };
  expect(remaining).toBeGreaterThan(30_000);
  expect(remaining).toBeLessThanOrEqual(60_000);
});

test("a handler that returns nothing answers null", async () => {
  const lambda = await lambdaOf("export const handler = async () => {};");
  expect(await lambda.invoke("f", {})).toMatchObject({ ok: true, payload: null });
});

test("passes on every line that a function prints", async () => {
  const lambda = await lambdaOf(
    "export const handler = async () => { console.log('one\\ntwo'); console.error('three'); process.stdout.write('end'); };",
  );
  await lambda.invoke("f", {});
  await lambda.close();
  expect(logs.sort()).toEqual(["f: end", "f: one", "f: three", "f: two"]);
});

test("reports a thrown error, and the process stays warm", async () => {
  const lambda = await lambdaOf(
    "export const handler = async (event) => { if (event.bad) throw new RangeError('out'); return process.pid; };",
  );
  const { payload: pid } = await lambda.invoke("f", {});
  expect(await lambda.invoke("f", { bad: true })).toMatchObject({
    ok: false,
    functionError: "Unhandled",
    payload: { errorType: "RangeError", errorMessage: "out", stackTrace: expect.arrayContaining(["RangeError: out"]) },
  });
  expect(await lambda.invoke("f", {})).toMatchObject({ payload: pid, coldStart: false });
});

test.each([
  ["waits", "await new Promise((resolve) => setTimeout(resolve, 60_000));"],
  ["is a busy loop", "for (;;);"],
])("kills a handler that %s at its timeout, and starts cold after that", async (_what, wait) => {
  const lambda = await lambdaOf(
    `export const handler = async (event) => { if (event.hang) { ${wait} } return process.pid; };`,
    { timeoutMs: 1500 },
  );
  const { payload: pid } = await lambda.invoke("f", {});
  const result = await lambda.invoke("f", { hang: true });
  expect(result).toMatchObject({
    ok: false,
    functionError: "Unhandled",
    payload: {
      errorType: "Sandbox.Timedout",
      errorMessage: `RequestId: ${result.requestId} Error: Task timed out after 1.50 seconds`,
    },
  });
  expect(result.durationMs).toBeGreaterThanOrEqual(1490);
  expect(isAlive(Number(pid))).toBe(false);
  const next = await lambda.invoke("f", {});
  expect(next).toMatchObject({ ok: true, coldStart: true });
  expect(next.payload).not.toBe(pid);
});

test.each([
  ["process.exit(3)", "Runtime exited with error: exit status 3"],
  ["process.exit(0)", "Runtime exited without providing a reason"],
  ["process.kill(process.pid, 'SIGKILL')", "Runtime exited with error: signal: killed"],
])("%s in an invocation is a Runtime.ExitError, and the next start is cold", async (statement, message) => {
  const lambda = await lambdaOf(
    `export const handler = async (event) => { if (event.exit) { ${statement}; await new Promise(() => {}); } return 1; };`,
  );
  const result = await lambda.invoke("f", { exit: true });
  expect(result).toMatchObject({
    ok: false,
    payload: { errorType: "Runtime.ExitError", errorMessage: `RequestId: ${result.requestId} Error: ${message}` },
  });
  expect(await lambda.invoke("f", {})).toMatchObject({ ok: true, coldStart: true });
});

test("an error outside the handler's promise ends the process and is reported", async () => {
  const lambda = await lambdaOf(
    `export const handler = async (event) => {
      if (event.bad) { Promise.reject(new Error('lost')); await new Promise((resolve) => setTimeout(resolve, 5000)); }
      return 1;
    };`,
  );
  expect(await lambda.invoke("f", { bad: true })).toMatchObject({
    ok: false,
    payload: { errorType: "Runtime.UnhandledPromiseRejection", errorMessage: "lost" },
  });
  expect(await lambda.invoke("f", {})).toMatchObject({ ok: true, coldStart: true });
});

test("a process that dies after its response costs the next invocation nothing but a cold start", async () => {
  const lambda = await lambdaOf(
    "export const handler = async () => { setTimeout(() => process.exit(1), 100); return process.pid; };",
  );
  for (let call = 0; call < 3; call++) {
    expect(await lambda.invoke("f", {})).toMatchObject({ ok: true, coldStart: true });
    await until(() => lambda.pids("f").length === 0, "the process has ended");
  }
});

test.each([
  ["throws", "throw new TypeError('no table'); export const handler = 1;", {}, "TypeError", "no table"],
  ["does not parse", "export const handler = ;", {}, "Runtime.UserCodeSyntaxError", "SyntaxError"],
  [
    "imports what is missing",
    "import 'no-such-package'; export const handler = 1;",
    {},
    "Runtime.ImportModuleError",
    "no-such-package",
  ],
  ["has no such export", "export const other = 1;", {}, "Runtime.HandlerNotFound", "handler"],
  ["is missing", "", { handler: "nothing.handler" }, "Runtime.ImportModuleError", "nothing"],
  ["exits", "process.exit(9);", {}, "Runtime.ExitError", "exit status 9"],
])("reports a module that %s", async (_what, code, settings, errorType, message) => {
  const lambda = await lambdaOf(code, settings);
  for (let call = 0; call < 2; call++) {
    expect(await lambda.invoke("f", {})).toMatchObject({
      ok: false,
      functionError: "Unhandled",
      payload: { errorType, errorMessage: expect.stringContaining(message) },
    });
  }
  expect(lambda.pids("f")).toEqual([]);
});

test("ends a module that never finishes its start", async () => {
  const lambda = await lambdaOf("for (;;);", {}, 500);
  expect(await lambda.invoke("f", {})).toMatchObject({ ok: false, payload: { errorType: "Sandbox.Timedout" } });
  expect(lambda.pids("f")).toEqual([]);
});

test("runs at most `concurrency` processes, each with one event at a time", async () => {
  const lambda = await lambdaOf(
    `import { existsSync } from "node:fs";
    let running = 0, most = 0;
    export const handler = async ({ until }) => {
      most = Math.max(most, ++running);
      console.log("began");
      while (!existsSync(until)) await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
      return { pid: process.pid, most };
    };`,
    { concurrency: 2 },
  );
  const released = join(files.directory, `released-${Math.random()}`);
  const running = [1, 2, 3, 4].map(() => lambda.invoke("f", { until: released }));
  await until(() => logs.length === 2, "both processes run the function");
  await writeFile(released, "");
  const results = await Promise.all(running);
  const answers = results.map(({ payload }) => payload as unknown as { pid: number; most: number });
  expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2);
  expect(answers.map(({ most }) => most)).toEqual([1, 1, 1, 1]);
  expect(results.filter(({ coldStart }) => coldStart)).toHaveLength(2);
});

test("kill ends running invocations with SIGKILL, and the next start is cold", async () => {
  const lambda = await lambdaOf(
    "export const handler = async (event) => { if (event.long) { console.log('running'); for (;;); } return process.pid; };",
  );
  const long = lambda.invoke("f", { long: true });
  await until(() => logs.includes("f: running"), "the handler runs");
  const [pid = 0] = lambda.pids("f");
  await lambda.kill("f");
  expect(isAlive(pid)).toBe(false);
  expect(await long).toMatchObject({
    ok: false,
    payload: { errorType: "Runtime.ExitError", errorMessage: expect.stringContaining("signal: killed") },
  });
  expect(await lambda.invoke("f", {})).toMatchObject({ ok: true, coldStart: true });
});

test("ends processes that the function started, together with it", async () => {
  const lambda = await lambdaOf(
    `import { spawn } from "node:child_process";
    export const handler = async () => spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" }).pid;`,
  );
  const { payload: pid } = await lambda.invoke("f", {});
  expect(isAlive(Number(pid))).toBe(true);
  await lambda.close();
  await until(() => !isAlive(Number(pid)), "the started process has ended");
});

test("limits the heap to the function's memory", async () => {
  const lambda = await lambdaOf(
    "export const handler = async () => { const kept = []; for (;;) kept.push(new Array(1e5).fill(kept.length)); };",
    { memoryMb: 64 },
  );
  expect(await lambda.invoke("f", {})).toMatchObject({ ok: false, payload: { errorType: "Runtime.ExitError" } });
});

test("refuses a response above 6 MiB, and an event above 6 MiB", async () => {
  const lambda = await lambdaOf("export const handler = async (event) => 'x'.repeat(event.size);");
  expect(await lambda.invoke("f", { size: 6_300_000 })).toMatchObject({
    ok: false,
    payload: { errorType: "Function.ResponseSizeTooLarge" },
  });
  expect(await lambda.invoke("f", { size: 5 })).toMatchObject({ ok: true, payload: "xxxxx" });
  await expect(lambda.invoke("f", "x".repeat(6_300_000))).rejects.toThrow("more than");
});

test("refuses unknown functions, invocations after close, and settings out of range", async () => {
  const lambda = await lambdaOf(started);
  await expect(lambda.invoke("g", {})).rejects.toThrow("no function g");
  await lambda.close();
  await expect(lambda.invoke("f", {})).rejects.toThrow("closed");
  await expect(lambdaOf(started, { concurrency: 0 })).rejects.toThrow("concurrency");
  await expect(lambdaOf(started, { timeoutMs: 0 })).rejects.toThrow("timeoutMs");
});

test("close ends invocations that run or wait", async () => {
  const lambda = await lambdaOf("export const handler = async () => { console.log('running'); for (;;); };");
  const running = lambda.invoke("f", {});
  const waiting = lambda.invoke("f", {}).catch((error: Error) => error.message);
  await until(() => logs.includes("f: running"), "the handler runs");
  await lambda.close();
  expect(await running).toMatchObject({ ok: false, payload: { errorType: "Runtime.ExitError" } });
  expect(await waiting).toContain("closed");
  expect(lambda.pids("f")).toEqual([]);
});

test.each([
  ["is idle", ""],
  ["runs a busy loop", "for (;;);"],
])("a function that %s ends when the process that manages it is killed", async (_what, loop) => {
  const taskRoot = await files.writeFunction(
    `orphan-${loop.length}`,
    `export const handler = async () => { console.log("pid " + process.pid); ${loop} };`,
  );
  const manager = join(files.directory, "manager.mjs");
  const lambdaPath = fileURLToPath(new URL("../../local/lambda/local-lambda.ts", import.meta.url));
  await writeFile(
    join(files.directory, "manager.ts"),
    `import { createLocalLambda } from ${JSON.stringify(lambdaPath)};
    const lambda = createLocalLambda({
      functions: [{ name: "f", taskRoot: ${JSON.stringify(taskRoot)}, handler: "index.handler", environment: {}, timeoutMs: 60_000, concurrency: 1 }],
      bootstrapPath: ${JSON.stringify(files.bootstrapPath)},
      onLog: (_name, line) => process.stdout.write(line + "\\n"),
    });
    await lambda.invoke("f", {});
    await new Promise((resolve) => setTimeout(resolve, 60_000));`,
  );
  await build({
    entryPoints: [join(files.directory, "manager.ts")],
    outfile: manager,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
  });
  const parent = spawn(process.execPath, [manager], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const lines = createInterface({ input: parent.stdout });
    const [line] = await once(lines, "line");
    const pid = Number(/^pid (\d+)$/.exec(String(line))?.[1]);
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await once(parent, "exit");
    await until(() => !isAlive(pid), "the function's process has ended");
  } finally {
    parent.kill("SIGKILL");
  }
});

test("runs new code in new processes, while what is under way ends with the code that it began with", async () => {
  const version = (name: string) =>
    `import { existsSync } from "node:fs";
    export const handler = async ({ until }) => {
      console.log("began", "${name}");
      while (until && !existsSync(until)) await new Promise((resolve) => setTimeout(resolve, 10));
      return { version: "${name}", pid: process.pid };
    };`;
  const lambda = await lambdaOf(version("old"), { concurrency: 3 });
  const idle = await lambda.invoke("f", {});
  const released = join(files.directory, `released-${Math.random()}`);
  const underWay = lambda.invoke("f", { until: released });
  const starting = lambda.invoke("f", { until: released });
  await until(() => logs.filter((line) => line.includes("began")).length === 3, "both have begun");
  const spare = lambda.pids("f");
  expect(spare).toContain(Object(idle.payload).pid);
  lambda.updateCode("f", await files.writeFunction(`new-${Math.random()}`, version("new")));
  const began = await lambda.invoke("f", {});
  expect(began).toMatchObject({ ok: true, coldStart: true, payload: { version: "new" } });
  // Two old ones leave no place for another new one, though the first may not yet have asked for its next event.
  expect(await lambda.invoke("f", {})).toMatchObject({ ok: true, coldStart: false, payload: { version: "new" } });
  await writeFile(released, "");
  for (const one of [underWay, starting]) {
    expect(await one).toMatchObject({ ok: true, payload: { version: "old" } });
  }
  await until(() => !spare.some(isAlive), "the old processes have ended");
  await until(() => lambda.pids("f").length === 1, "they are known to have ended");
  expect(lambda.pids("f")).toEqual([Object(began.payload).pid]);
});

test("hands an invocation whose process was just starting with the old code to one with the new code", async () => {
  const version = (name: string) => `export const handler = async () => "${name}";`;
  const lambda = await lambdaOf(version("old"));
  const invoked = lambda.invoke("f", {});
  lambda.updateCode("f", await files.writeFunction(`new-${Math.random()}`, version("new")));
  expect(await invoked).toMatchObject({ ok: true, payload: "new" });
});
