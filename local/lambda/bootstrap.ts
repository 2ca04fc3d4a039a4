import { systemClock } from "../../functions/foundation/clock.ts";
import { functionErrorOf, RuntimeError } from "./function-error.ts";
import { endWithManager } from "./lifeline.ts";
import { loadHandler } from "./load-handler.ts";
import { type ReceivedInvocation, RuntimeClient } from "./runtime-client.ts";

/*
 * The program of an execution environment: imports the handler and runs it for one event after another, as the managed
 * Node.js runtimes do. It is bundled into one .mjs file that needs nothing but Node.
 */

const { AWS_LAMBDA_RUNTIME_API = "", _HANDLER = "", LAMBDA_TASK_ROOT = process.cwd() } = process.env;

/** The owner of an error that is thrown outside any promise of the handler. */
let current: ReceivedInvocation | "init" | "idle" = "init";

endWithManager();
const client = new RuntimeClient(AWS_LAMBDA_RUNTIME_API);

process.on("uncaughtException", async (error, origin) => {
  const type = origin === "unhandledRejection" ? "Runtime.UnhandledPromiseRejection" : undefined;
  const payload = functionErrorOf(type === undefined ? error : Object.assign(error, { name: type }));
  process.stderr.write(`${payload.errorType}: ${payload.errorMessage}\n`);
  await report(payload).catch(() => {});
  process.exit(1);
});

function report(error: ReturnType<typeof functionErrorOf>): Promise<void> {
  if (current === "init") return client.failInit(error);
  return current === "idle" ? Promise.resolve() : client.fail(current.requestId, error);
}

function contextOf(invocation: ReceivedInvocation): object {
  const { env } = process;
  return {
    awsRequestId: invocation.requestId,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    invokedFunctionArn: invocation.functionArn,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => invocation.deadlineMs - systemClock.now(),
  };
}

async function init() {
  if (AWS_LAMBDA_RUNTIME_API === "") throw new RuntimeError("Runtime.NoApi", "AWS_LAMBDA_RUNTIME_API is not set.");
  return loadHandler(LAMBDA_TASK_ROOT, _HANDLER);
}

const handler = await init().catch(async (error: unknown) => {
  await client.failInit(functionErrorOf(error)).catch(() => {});
  process.exit(1);
});

for (;;) {
  current = "idle";
  const invocation = await client.next();
  current = invocation;
  process.env._X_AMZN_TRACE_ID = invocation.traceId;
  try {
    const result = await handler(invocation.event, contextOf(invocation));
    await client.respond(invocation.requestId, JSON.stringify(result ?? null) ?? "null");
  } catch (error) {
    await client.fail(invocation.requestId, functionErrorOf(error));
  }
}
