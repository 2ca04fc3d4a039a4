import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { canceled, caughtUp, completed, silentRetryAfter } from "../../functions/contract/outcome.ts";
import { epoch } from "../../functions/contract/tail.ts";
import { PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import { pingRegistry, type RegistryWorkflowEvent, registryWorkflow, ulidTime } from "../../functions/nog/index.ts";
import { historyOf, runActivity, scriptedId } from "../../functions/testing/index.ts";

const address = { registry: "exreg", workflowId: "5f0c2b1e-8f5e-4d0c-9a33-1f2b3c4d5e6f" };
const now = new Date("2026-01-01T00:00:00Z");
const started = { type: "pingStarted", atMs: now.getTime() } as RegistryWorkflowEvent;
const pinged = (n: number) =>
  ({ type: "serverPinged", message: `ping ${n}`, statusCode: 0 }) as unknown as RegistryWorkflowEvent;

describe("a run in memory", () => {
  it("is ten lines of a test", async () => {
    const { outcome, calls, view } = await runActivity(pingRegistry, {
      address,
      now,
      history: historyOf([started]),
      routes: (router) => router.service(PingRegistry, { serverPing: () => ({}) }),
    });
    expect(outcome).toEqual({ ...caughtUp(), tail: scriptedId(1) });
    expect(calls).toMatchObject([{ method: "nogfso.PingRegistry/ServerPing", request: { statusMessage: "ping 1" } }]);
    expect(view).toMatchObject({ state: "pinging" });
  });

  it("goes on from a tail with the view that was stored there, and acts only on news (rule 14)", async () => {
    const history = historyOf([started, pinged(1), pinged(2), pinged(3)]);
    const given = { address, now, history, tail: scriptedId(4) };
    expect(await runActivity(pingRegistry, given)).toMatchObject({
      acted: false,
      calls: [],
      outcome: { type: "caughtUp" },
    });
    const timed = await runActivity(pingRegistry, { ...given, wokenBy: "timer" });
    const at = new Date(now.getTime() + 10_000);
    expect(timed).toMatchObject({ acted: true, outcome: { ...silentRetryAfter(at), tail: scriptedId(4) } });
    expect(timed.record).toMatchObject({ status: "retrying", notBefore: at.getTime() });
  });

  it("shows what a failing call leads to: a retry with the error, and its log line", async () => {
    const { outcome, log, record } = await runActivity(pingRegistry, {
      address,
      now,
      history: historyOf([started]),
      attempt: 3,
    });
    expect(outcome.type).toBe("retry");
    expect(log).toMatchObject([{ level: "error", message: "failed", fields: { attempt: 3 } }]);
    expect(record).toMatchObject({ status: "retrying", attempts: 3 });
  });

  const reader = defineProcessor(registryWorkflow, {
    name: "reader",
    async processEvents(run, stream) {
      let tail = run.tail;
      for await (const { id } of stream) tail = id;
      return caughtUp(tail);
    },
  });

  it("can be stopped by its deadline after any number of events", async () => {
    const history = historyOf([started, pinged(1), pinged(2)]);
    for (const abortAfterEvents of [0, 1, 2]) {
      const { outcome } = await runActivity(reader, { address, history, abortAfterEvents });
      expect(outcome).toEqual(canceled(abortAfterEvents === 0 ? epoch : scriptedId(abortAfterEvents)));
    }
    expect((await runActivity(reader, { address, history })).outcome).toEqual(caughtUp(scriptedId(3)));
  });

  it("can be stopped while a call is on its way, and hands over from what was read", async () => {
    const { outcome, calls, log } = await runActivity(pingRegistry, {
      address,
      now,
      history: historyOf([started]),
      routes: (router) => router.service(PingRegistry, { serverPing: () => ({}) }),
      abortDuringCall: 1,
    });
    expect(calls).toHaveLength(1);
    expect(outcome).toEqual(canceled(scriptedId(1)));
    expect(log).toEqual([]);
  });

  it("has ids with times, in order, from the clock's start on or from another", () => {
    const [first, second] = historyOf(["a", "b"]);
    expect([first, second].map((recorded) => ulidTime(recorded?.id ?? ""))).toEqual([
      now.getTime() + 1,
      now.getTime() + 2,
    ]);
    expect(ulidTime(scriptedId(10, new Date(5_000)))).toBe(5_010);
  });

  it("lets another actor answer what is appended", async () => {
    const { record } = await runActivity(pingRegistry, {
      address,
      now,
      history: historyOf([started]),
      routes: (router, history) =>
        router.service(PingRegistry, {
          serverPing: () => {
            history.append(pinged(1));
            return {};
          },
        }),
      react: ({ event }, history) => {
        if (event.type === "serverPinged" && history.events.length < 4) history.append(pinged(history.events.length));
      },
    });
    expect(record.tail).toBe(scriptedId(1));
  });

  it("notes the children that are started, of any activity; those given are completed", async () => {
    const parent = defineProcessor(registryWorkflow, {
      name: "parent",
      async processEvents(run) {
        const status = await run.start(reader, address, { wake: true });
        return status === "completed" ? completed(run.tail) : caughtUp(run.tail);
      },
    });
    const given = { address, history: historyOf<RegistryWorkflowEvent>([]) };
    const first = await runActivity(parent, given);
    expect(first.started).toMatchObject([{ activity: { name: "reader" }, address }]);
    expect(first.record).toMatchObject({ status: "sleeping", awaiting: true });
    const second = await runActivity(parent, { ...given, completedChildren: [{ activity: reader, address }] });
    expect(second.outcome.type).toBe("completed");
  });

  it("names a tail that its history does not have, and an address that is none", async () => {
    await expect(runActivity(reader, { address, history: historyOf([started]), tail: scriptedId(9) })).rejects.toThrow(
      "tail of runActivity: expected epoch or the id of an event in the history",
    );
    await expect(runActivity(reader, { address: { registry: "", workflowId: "x" }, history: [] })).rejects.toThrow(
      "address.registry of kind registry-workflow",
    );
  });
});
