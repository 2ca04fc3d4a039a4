import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLocalLambda, type LocalLambda } from "../../local/lambda/local-lambda.ts";
import { lambdaRuntimeClient } from "./tools.ts";

let folder: string;
let lambda: LocalLambda | undefined;
const lines: string[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tailwake-client-"));
});
afterEach(async () => {
  await lambda?.close();
  lines.splice(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Invokes a function of this code, the only one of a local Lambda, with each event in turn. */
async function invoke(code: string, ...events: unknown[]) {
  const taskRoot = mkdtempSync(join(folder, "f-"));
  writeFileSync(join(taskRoot, "index.mjs"), code);
  const settings = { environment: {}, timeoutMs: 10_000, concurrency: 1 };
  lambda = createLocalLambda({
    functions: [{ name: "f", taskRoot, handler: "index.handler", ...settings }],
    bootstrapPath: lambdaRuntimeClient,
    onLog: (_, line) => lines.push(line),
  });
  const results = [];
  for (const event of events) results.push(await lambda.invoke("f", event));
  return results;
}

describe("our Runtime API, for AWS's own client,", () => {
  it("hands over events with their context, and takes results", async () => {
    const results = await invoke(
      `export const handler = async (event, context) => ({
        event, id: context.awsRequestId, arn: context.invokedFunctionArn, left: context.getRemainingTimeInMillis(),
      });`,
      { text: "grüße" },
      null,
    );
    for (const [n, result] of results.entries()) {
      const { id, arn, left, event } = result.payload as unknown as Record<string, unknown>;
      expect(result).toMatchObject({ ok: true, coldStart: n === 0 });
      expect(event).toEqual([{ text: "grüße" }, null][n]);
      expect(id).toBe(result.requestId);
      expect(arn).toBe("arn:aws:lambda:us-east-1:123456789012:function:f");
      expect(left).toBeGreaterThan(5_000);
      expect(left).toBeLessThanOrEqual(10_000);
    }
  });

  it("takes a thrown error for the function's, and the process stays warm", async () => {
    const [bad, good] = await invoke(
      `export const handler = async (event) => { if (event.bad) throw new RangeError("out"); return 1; };`,
      { bad: true },
      {},
    );
    expect(bad).toMatchObject({ ok: false, payload: { errorType: "RangeError", errorMessage: "out" } });
    expect(good).toMatchObject({ ok: true, coldStart: false, payload: 1 });
  });

  // The client does not handle it: Node ends the process. Our bootstrap names the rejection, as Lambda did.
  it("takes an error outside the handler's promise for the end of the process", async () => {
    const [bad, good] = await invoke(
      `export const handler = async (event) => {
        if (event.bad) { Promise.reject(new Error("lost")); await new Promise((resolve) => setTimeout(resolve, 5000)); }
        return 1;
      };`,
      { bad: true },
      {},
    );
    expect(bad?.payload).toEqual({
      errorType: "Runtime.ExitError",
      errorMessage: `RequestId: ${bad?.requestId} Error: Runtime exited with error: exit status 1`,
    });
    expect(good).toMatchObject({ ok: true, coldStart: true });
  });

  it.each([
    ["does not parse", "export const handler = ;", "Runtime.UserCodeSyntaxError", "SyntaxError"],
    // The client calls it Runtime.ImportModuleError for CommonJS only, our bootstrap always.
    ["imports what is missing", 'import "no-such-package"; export const handler = 1;', "Error", "no-such-package"],
    ["has no such export", "export const other = 1;", "Runtime.HandlerNotFound", "handler"],
    ["throws", 'throw new TypeError("no table");', "TypeError", "no table"],
  ])("takes the error of a module that %s", async (_, code, errorType, message) => {
    const [result] = await invoke(code, {});
    expect(result).toMatchObject({
      ok: false,
      functionError: "Unhandled",
      payload: { errorType, errorMessage: expect.stringContaining(message) },
    });
  });

  it("passes on what is written to standard output as it is; the client adds to the console's lines only", async () => {
    const record = '{"level":"info","msg":"ran"}';
    await invoke(
      `export const handler = async () => { process.stdout.write('${record}\\n'); console.log("by the console"); };`,
      {},
    );
    await lambda?.close();
    expect(lines).toContain(record);
    expect(lines.filter((line) => line.includes("by the console"))).toEqual([
      expect.stringMatching(/^\S+Z\t[0-9a-f-]{36}\tINFO\tby the console$/),
    ]);
  });
});
