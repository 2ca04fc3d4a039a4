import { Code, ConnectError } from "@connectrpc/connect";
import { beforeEach, describe, expect, test } from "vitest";
import { WorkflowEvent_Type as Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { pingRegistry } from "../../functions/nog/index.ts";
import { act } from "./activity-run.ts";
import { workflowId } from "./messages.ts";
import { startedAtMs, WorkflowServer } from "./workflow-server.ts";

let server: WorkflowServer;
let nowMs: number;
beforeEach(() => {
  server = new WorkflowServer();
  nowMs = startedAtMs + 1;
});

const runOnce = () =>
  act(pingRegistry, server.history(), {
    address: { registry: "exreg", workflowId },
    routes: server.routes,
    now: () => nowMs,
  });

describe("ping-registry", () => {
  test("a workflow that has not begun is waited for, without a call", async () => {
    expect((await runOnce()).decision).toEqual({ type: "caughtUp" });
    expect(server.calls).toEqual([]);
  });

  test("three pings, a wait of ten seconds from the start, a summary of the version that was read, done", async () => {
    server.startPing();
    for (let ping = 0; ping < 3; ping++) expect((await runOnce()).decision).toEqual({ type: "caughtUp" });
    expect((await runOnce()).decision).toEqual({ type: "silentRetryAfter", at: new Date(startedAtMs + 10_000) });
    nowMs = startedAtMs + 10_000;
    expect((await runOnce()).decision).toEqual({ type: "caughtUp" });
    expect((await runOnce()).decision).toEqual({ type: "completed" });
    expect(server.calls).toEqual([
      "serverPing(any)",
      "serverPing(any)",
      "serverPing(any)",
      "postServerPingSummary(current)",
    ]);
    expect(server.events.slice(1).map(({ statusMessage }) => statusMessage)).toEqual([
      "ping 1",
      "ping 2",
      "ping 3",
      "{ totalCount: 3, errorCount: 0 }",
    ]);
  });

  test("pings of other servers are summed up but not counted as its own", async () => {
    server.startPing();
    server.record(Type.EV_FSO_SERVER_PINGED, { statusMessage: "stad ping 1" });
    server.record(Type.EV_FSO_SERVER_PINGED, { statusMessage: "stad is ill", statusCode: -1 });
    nowMs = startedAtMs + 60_000;
    for (let run = 0; run < 4; run++) await runOnce();
    expect(server.events.at(-1)).toMatchObject({
      event: Type.EV_FSO_SERVER_PINGS_GATHERED,
      statusCode: 1,
      statusMessage: "{ totalCount: 5, errorCount: 1 }",
    });
  });

  test("a ping that comes while it sums up is a conflict: thrown, and read by the next run", async () => {
    server.startPing();
    nowMs = startedAtMs + 60_000;
    for (let ping = 0; ping < 3; ping++) await runOnce();
    server.beforeCall = () => {
      server.record(Type.EV_FSO_SERVER_PINGED, { statusMessage: "late" });
      server.beforeCall = () => {};
    };
    await expect(runOnce()).rejects.toThrow("version conflict");
    await runOnce();
    expect(server.events.at(-1)?.statusMessage).toBe("{ totalCount: 4, errorCount: 0 }");
  });

  test("a ping that is refused because somebody else has summed up ends the run with a warning", async () => {
    server.startPing();
    server.beforeCall = () => {
      server.record(Type.EV_FSO_SERVER_PINGS_GATHERED);
      server.beforeCall = () => {};
    };
    const { decision, observed } = await runOnce();
    expect(decision).toEqual({ type: "caughtUp" });
    expect(observed.logs).toMatchObject([{ level: "warn", fields: { workflowId } }]);
    expect((await runOnce()).decision).toEqual({ type: "completed" });
  });

  test("an outage is thrown", async () => {
    server.startPing();
    server.beforeCall = () => {
      throw new ConnectError("down", Code.Unavailable);
    };
    await expect(runOnce()).rejects.toThrow("down");
  });

  test.each([
    "EV_FSO_SERVER_PINGS_GATHERED",
    "EV_FSO_PING_REGISTRY_COMPLETED",
    "EV_FSO_PING_REGISTRY_COMMITTED",
  ] as const)("it is completed after %s, without a call", async (type) => {
    server.startPing().record(Type[type]);
    expect((await runOnce()).decision).toEqual({ type: "completed" });
    expect(server.calls).toEqual([]);
  });
});
