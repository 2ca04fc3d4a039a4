import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WorkflowEvent_Type as Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { duRoot, measureDiskUsage } from "../../functions/nog/index.ts";
import { act, type RunOptions } from "./activity-run.ts";
import { workflowId } from "./messages.ts";
import { WorkflowServer } from "./workflow-server.ts";

let root: string;
let server: WorkflowServer;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tailwake-du-"));
  for (let a = 0; a < 10; a++) {
    for (let b = 0; b < 4; b++) {
      mkdirSync(join(root, `a${a}`, `b${b}`, "too", "deep"), { recursive: true });
      writeFileSync(join(root, `a${a}`, `b${b}`, "too", "file"), "x".repeat(a * 100 + b));
    }
  }
  server = new WorkflowServer();
});
afterEach(() => rmSync(root, { recursive: true }));

const runOnce = (options: Partial<RunOptions> = {}) =>
  act(duRoot, server.history(), { address: { registry: "exreg", workflowId }, routes: server.routes, ...options });

async function measuredLines(): Promise<(readonly [string, bigint])[]> {
  const { directories } = await measureDiskUsage(root, { depth: 2 });
  return directories.map(({ path, usage }) => [path === "" ? "." : path, usage]);
}

const committedOk = [{ event: Type.EV_FSO_DU_ROOT_COMPLETED, statusCode: 0 }, { event: Type.EV_FSO_DU_ROOT_COMMITTED }];

describe("du-root", () => {
  test("a workflow that has not begun is waited for, without a call", async () => {
    expect((await runOnce()).decision).toEqual({ type: "caughtUp" });
    expect(server.calls).toEqual([]);
  });

  test("every directory down to two levels gets a line, the root with the total first, then it is committed", async () => {
    server.startDu(root);
    expect((await runOnce()).decision).toEqual({ type: "caughtUp" });
    expect(server.lines()).toEqual(await measuredLines());
    expect(server.lines()).toHaveLength(51);
    expect(server.lines()[0]?.[0]).toBe(".");
    expect(server.events.slice(-2)).toMatchObject(committedOk);
    expect(server.calls).toEqual(["appendDuRoot(current)", "appendDuRoot(current)", "commitDuRoot(current)"]);
    expect((await runOnce()).decision).toEqual({ type: "completed" });
    expect(server.calls).toHaveLength(3);
  });

  test.each([0, 1, 31, 32, 33, 50])(
    "after a kill with %i lines appended the rest follows, once each",
    async (accepted) => {
      server.startDu(root).acceptOnly = accepted;
      await expect(runOnce()).rejects.toThrow("connection lost");
      expect(server.lines()).toHaveLength(accepted);
      server.acceptOnly = Number.POSITIVE_INFINITY;
      await runOnce();
      expect(server.lines()).toEqual(await measuredLines());
      expect(server.events.slice(-2)).toMatchObject(committedOk);
    },
  );

  test("a directory that changed after its line was appended gets another line, and its parents too", async () => {
    server.startDu(root).acceptOnly = 40;
    await expect(runOnce()).rejects.toThrow("connection lost");
    truncateSync(join(root, "a3", "b1", "too", "file"), 5_000);
    server.acceptOnly = Number.POSITIVE_INFINITY;
    await runOnce();
    expect(server.lines()).toHaveLength(51 + 3);
    expect(
      server
        .lines()
        .slice(40, 43)
        .map(([path]) => path),
    ).toEqual([".", "a3", "a3/b1"]);
    expect(new Map(server.lines())).toEqual(new Map(await measuredLines()));
  });

  test("lines that another run appended meanwhile are a conflict: thrown, nothing added, and seen by the next run", async () => {
    server.startDu(root);
    const [first] = await measuredLines();
    server.beforeCall = () => {
      server.record(Type.EV_FSO_DU_UPDATED, { pathDiskUsage: { path: ".", usage: first?.[1] ?? 0n } });
      server.beforeCall = () => {};
    };
    await expect(runOnce()).rejects.toThrow("version conflict");
    expect(server.lines()).toHaveLength(1);
    await runOnce();
    expect(server.lines()).toEqual(await measuredLines());
  });

  test("a conflict between two calls leaves the workflow uncommitted", async () => {
    server.startDu(root);
    let calls = 0;
    server.beforeCall = () => {
      if (++calls === 2) server.record(Type.EV_FSO_DU_UPDATED, { pathDiskUsage: { path: "other", usage: 1n } });
    };
    await expect(runOnce()).rejects.toThrow("version conflict");
    expect(server.events.at(-1)?.event).toBe(Type.EV_FSO_DU_UPDATED);
    await runOnce();
    expect(server.lines()).toHaveLength(52);
  });

  test.each([
    ["is missing", () => join(root, "missing"), "ENOENT"],
    ["is a file", () => join(root, "a0", "b0", "too", "file"), "ENOTDIR"],
  ])("a root that %s fails the workflow", async (_, hostRoot, code) => {
    server.startDu(hostRoot());
    expect((await runOnce()).decision).toEqual({ type: "caughtUp" });
    expect(server.events.slice(1)).toMatchObject([
      {
        event: Type.EV_FSO_DU_ROOT_COMPLETED,
        statusCode: 1,
        statusMessage: `du failed: ${code}: ${hostRoot()}`.slice(0, 120),
      },
      { event: Type.EV_FSO_DU_ROOT_COMMITTED },
    ]);
    expect(server.calls).toEqual(["commitDuRoot(current)"]);
    expect((await runOnce()).decision).toEqual({ type: "completed" });
  });

  test("the message of a failure has at most 120 bytes and no half character", async () => {
    server.startDu(`/missing/${"ü".repeat(100)}`);
    await runOnce();
    const message = server.events.at(-2)?.statusMessage ?? "";
    expect(Buffer.byteLength(message)).toBeGreaterThan(117);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(120);
    expect(message).toMatch(/^du failed: ENOENT: \/missing\/ü+$/);
  });

  test("an aborted run ends caught up before it measures, and calls nothing", async () => {
    server.startDu(root);
    expect((await runOnce({ signal: AbortSignal.abort() })).decision).toEqual({ type: "caughtUp" });
    expect(server.calls).toEqual([]);
  });

  test("an abort between two calls ends the run caught up, and the next run goes on", async () => {
    server.startDu(root);
    const aborts = new AbortController();
    server.beforeCall = () => aborts.abort();
    expect((await runOnce({ signal: aborts.signal })).decision).toEqual({ type: "caughtUp" });
    server.beforeCall = () => {};
    await runOnce();
    expect(server.lines()).toEqual(await measuredLines());
    expect(server.events.slice(-2)).toMatchObject(committedOk);
  });

  test("a workflow that the server left half committed is committed again, for any version", async () => {
    server.startDu(root).record(Type.EV_FSO_DU_ROOT_COMPLETED, { statusCode: 104, statusMessage: "expired" });
    expect((await runOnce()).decision).toEqual({ type: "caughtUp" });
    expect(server.calls).toEqual(["commitDuRoot(any)"]);
    expect((await runOnce()).decision).toEqual({ type: "completed" });
  });

  test("a second commit that is refused completes the task with a warning, an outage is tried again", async () => {
    server.startDu(root).record(Type.EV_FSO_DU_ROOT_COMPLETED);
    const stale = server.history();
    server.record(Type.EV_FSO_DU_ROOT_COMMITTED);
    const options = { address: { registry: "exreg", workflowId }, routes: server.routes };
    const { decision, observed } = await act(duRoot, stale, options);
    expect(decision).toEqual({ type: "completed" });
    expect(observed.logs).toMatchObject([{ level: "warn" }]);
    await expect(act(duRoot, stale, { ...options, routes: () => {} })).rejects.toThrow("unimplemented");
  });
});
