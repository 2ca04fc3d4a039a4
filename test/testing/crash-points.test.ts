import { describe, expect, it } from "vitest";
import { type Activity, defineActivity, defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp, completed, silentRetryAfter } from "../../functions/contract/outcome.ts";
import { PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import { pingRegistry, type RegistryWorkflowEvent, registryWorkflow } from "../../functions/nog/index.ts";
import { type CrashPointsGiven, historyOf, testCrashPoints } from "../../functions/testing/index.ts";

const address = { registry: "exreg", workflowId: "5f0c2b1e-8f5e-4d0c-9a33-1f2b3c4d5e6f" };
const now = new Date("2026-01-01T00:00:00Z");
const started = { type: "pingStarted", atMs: now.getTime() } as RegistryWorkflowEvent;
const pinged = (n: number) =>
  ({ type: "serverPinged", message: `ping ${n}`, statusCode: 0 }) as unknown as RegistryWorkflowEvent;

type Given = CrashPointsGiven<typeof registryWorkflow>;
const ping: Given["routes"] = (router, history) =>
  router.service(PingRegistry, {
    serverPing({ statusMessage }) {
      history.append({
        type: "serverPinged",
        message: statusMessage,
        statusCode: 0,
      } as unknown as RegistryWorkflowEvent);
      return {};
    },
    postServerPingSummary() {
      history.append({ type: "pingSummary" } as RegistryWorkflowEvent);
      return {};
    },
  });

const given: Given = { address, now, history: historyOf([started]), routes: ping };
type Define = Parameters<typeof defineActivity<typeof registryWorkflow, { n: number; done: boolean }>>[1];

function activityOf(more: Partial<Define>): Activity<typeof registryWorkflow> {
  return defineActivity(registryWorkflow, {
    name: "tried",
    view: { version: 1, initial: () => ({ n: 0, done: false }) },
    apply(view, { event }) {
      view.n++;
      if (event.type === "pingSummary") view.done = true;
    },
    act: async () => completed(),
    ...more,
  } as Define);
}

describe("every cut", () => {
  it("of the ping activity leads to the same effects: a life of pings, timers, kills and deadlines", async () => {
    const { points, effects } = await testCrashPoints(pingRegistry, given);
    expect(points).toBeGreaterThan(40);
    expect(effects.map((effect) => Object(effect).request.statusMessage)).toEqual([
      "ping 1",
      "ping 2",
      "ping 3",
      "{ totalCount: 3, errorCount: 0 }",
    ]);
  });

  it("finds an activity that keeps what it knows in memory", async () => {
    let seen = 0;
    const forgetful = activityOf({
      apply() {
        seen++;
      },
      async act(_view, run) {
        const client = run.client(PingRegistry);
        await client.serverPing({ statusMessage: `seen ${seen}` });
        return completed();
      },
    });
    const cut = testCrashPoints(forgetful, {
      ...given,
      routes: (router) => router.service(PingRegistry, { serverPing: () => ({}) }),
    });
    await expect(cut).rejects.toMatchObject({
      code: "crash-point-differs",
      subject: expect.stringContaining("the effects of tried after"),
    });
  });

  it("finds an activity that moves its tail before it has done what the event asks for", async () => {
    const hasty = defineProcessor(registryWorkflow, {
      name: "hasty",
      async processEvents(run, stream) {
        let tail = run.tail;
        for await (const { id, event } of stream) {
          await run.checkpoint(id);
          if (event.type === "pingStarted") await run.client(PingRegistry).serverPing({ statusMessage: "hello" });
          tail = id;
        }
        return caughtUp(tail);
      },
    });
    await expect(
      testCrashPoints(hasty, {
        ...given,
        routes: (router) => router.service(PingRegistry, { serverPing: () => ({}) }),
      }),
    ).rejects.toMatchObject({
      subject: expect.stringMatching(
        /the effects of hasty after a kill (after the write "checkpoint"|before the call)/,
      ),
    });
  });

  it("finds an activity whose decision depends on how its events were put into messages or runs", async () => {
    const counting = defineProcessor(registryWorkflow, {
      name: "counting",
      async processEvents(run, stream) {
        let [tail, events] = [run.tail, 0];
        for await (const { id } of stream) {
          events++;
          run.advance(id);
          tail = id;
        }
        if (events > 0) await run.client(PingRegistry).serverPing({ statusMessage: `${events} at once` });
        return caughtUp(tail);
      },
    });
    const cut = testCrashPoints(counting, {
      ...given,
      history: historyOf([started, pinged(1), pinged(2)]),
      routes: (router) => router.service(PingRegistry, { serverPing: () => ({}) }),
    });
    await expect(cut).rejects.toMatchObject({
      subject: expect.stringContaining("counting after the deadline after event"),
    });
  });

  it("finds an activity that takes its own deadline for a failure", async () => {
    const giveUp: Partial<Define> = {
      async act(_view, run) {
        const client = run.client(PingRegistry);
        try {
          await client.serverPing({ statusMessage: "hello" });
        } catch {
          return completed();
        }
        return completed();
      },
    };
    const quiet: Given = { ...given, routes: (router) => router.service(PingRegistry, { serverPing: () => ({}) }) };
    await expect(testCrashPoints(activityOf(giveUp), quiet)).rejects.toMatchObject({
      subject: "the effects of tried after the deadline before the call of nogfso.PingRegistry/ServerPing",
      received: "[]",
    });
  });

  it("does not count a call that was aborted before it left: an activity that begins again is right", async () => {
    const again = defineProcessor(registryWorkflow, {
      name: "again",
      async processEvents(run, stream) {
        let [tail, events] = [run.tail, 0];
        for await (const { id } of stream) {
          events++;
          tail = id;
        }
        if (events > 0) await run.client(PingRegistry).serverPing({ statusMessage: `${events} at once` });
        return caughtUp(tail);
      },
    });
    const { effects } = await testCrashPoints(again, {
      ...given,
      history: historyOf([started, pinged(1), pinged(2)]),
      routes: (router) => router.service(PingRegistry, { serverPing: () => ({}) }),
    });
    expect(effects).toMatchObject([{ request: { statusMessage: "3 at once" } }]);
  });

  it("lets a life last a week, by a clock that is moved", async () => {
    const patient = activityOf({
      async act(view, run) {
        if (run.now().getTime() < now.getTime() + 7 * 86_400_000) {
          return silentRetryAfter(new Date(now.getTime() + 7 * 86_400_000));
        }
        if (view.done) return completed();
        await run.client(PingRegistry).postServerPingSummary({ statusMessage: "a week later" });
        return caughtUp();
      },
    });
    const { effects } = await testCrashPoints(patient, given);
    expect(effects).toHaveLength(1);
  });

  it("leaves out of an effect what differs from try to try, if asked to", async () => {
    const fenced = activityOf({
      async act(_view, run) {
        await run.client(PingRegistry).serverPing({ statusMessage: `fence ${run.fence}` });
        return completed();
      },
    });
    const quiet: Given = { ...given, routes: (router) => router.service(PingRegistry, { serverPing: () => ({}) }) };
    await expect(testCrashPoints(fenced, quiet)).rejects.toMatchObject({ code: "crash-point-differs" });
    expect(await testCrashPoints(fenced, { ...quiet, effectOf: ({ method }) => method })).toMatchObject({
      effects: ["nogfso.PingRegistry/ServerPing"],
    });
  });

  it("says that a life does not end", async () => {
    const restless = activityOf({
      async act(_view, run) {
        return silentRetryAfter(new Date(run.now().getTime() + 30_000));
      },
    });
    await expect(testCrashPoints(restless, given)).rejects.toThrow("expected an end within 1000 invocations");
  });
});
