import { ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { completed, SilentRetry, SilentRetryAfter, silentRetryAfter } from "../../functions/contract/outcome.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import {
  type FreezeRepoFilesOptions,
  freezeRepoFiles,
  type LocalStep,
  type RegistryWorkflowEvent,
  type registryWorkflow,
  vidBytes,
} from "../../functions/nog/index.ts";
import {
  type CrashPointsGiven,
  historyOf,
  type RunGiven,
  runActivity,
  scriptedId,
  testCrashPoints,
} from "../../functions/testing/index.ts";
import { act } from "./activity-run.ts";
import { FreezeServer, freezeStarted } from "./freeze-server.ts";
import { eventIdText, repoId, workflowId } from "./messages.ts";
import { thrownBy } from "./thrown-by.ts";

type Event = RegistryWorkflowEvent;

const address = { registry: "exreg", workflowId };
const day = 86_400_000;
const now = new Date("2026-01-01T00:00:00Z");
const started = freezeStarted();
const filesStarted: Event = { type: "freezeRepoFilesStarted" };
const filesCompleted = (statusCode = 0): Event => ({ type: "freezeRepoFilesCompleted", statusCode, message: "" });
const committed: Event = { type: "freezeRepoCommitted" };
const repo = {
  registry: "exreg",
  repoId,
  globalPath: "/ex/repo",
  authorName: "A U Thor",
  authorEmail: "author@example.org",
};

type Given = Partial<RunGiven<typeof registryWorkflow>>;

async function run(options: FreezeRepoFilesOptions, events: readonly Event[], more: Given = {}) {
  return runActivity(freezeRepoFiles(options), {
    address,
    now,
    history: historyOf(events),
    routes: (router, history) => new FreezeServer(history).routes(router),
    ...more,
  });
}

const fine = async () => {};
const failing = (error: unknown) => async () => {
  throw error;
};
const vid = (n: number) => Buffer.from(vidBytes(scriptedId(n))).toString("base64");

describe("freezing the files", () => {
  test.each<[string, readonly Event[]]>([
    ["a workflow that has not begun", []],
    ["registry and repo", [started]],
  ])("waits for %s", async (_, events) => {
    const frozen: string[] = [];
    const { outcome, calls } = await run({ freeze: async ({ repoId: id }) => void frozen.push(id) }, events);
    expect([outcome.type, calls, frozen]).toEqual(["caughtUp", [], []]);
  });

  test("freezes the repo that the workflow names, and commits with the version that was read", async () => {
    const frozen: unknown[] = [];
    const { outcome, calls } = await run({ freeze: async (given, { fence }) => void frozen.push(given, fence) }, [
      started,
      filesStarted,
    ]);
    expect(frozen).toEqual([repo, 1]);
    expect(calls).toMatchObject([
      { method: "nogfso.FreezeRepo/CommitFreezeRepoFiles", request: { workflowVid: vid(2) } },
    ]);
    expect(outcome.type).toBe("caughtUp");
  });

  test.each([1, 2, 3, 4, 5])("attempt %i that fails is tried again, and tells nobody", async (attempt) => {
    const { outcome, calls } = await run({ freeze: failing(new Error("busy")) }, [started, filesStarted], { attempt });
    expect([outcome.type, calls]).toEqual(["retry", []]);
  });

  test.each<[unknown, string]>([
    [new Error("disk full"), "disk full"],
    [new ConnectError("no such repo"), "no such repo"],
    [new Error("ä".repeat(100)), "ä".repeat(60)],
    [undefined, "undefined"],
  ])("after five retries %s aborts the files, with the version that was read", async (error, statusMessage) => {
    const freeze = failing(error);
    const { outcome, calls, log } = await run({ freeze }, [started, filesStarted], { attempt: 6 });
    expect(calls).toMatchObject([
      {
        method: "nogfso.FreezeRepo/AbortFreezeRepoFiles",
        request: { workflowVid: vid(2), statusCode: 105, statusMessage },
      },
    ]);
    expect(outcome.type).toBe("caughtUp");
    expect(log).toContainEqual(
      expect.objectContaining({ level: "error", message: "freezing the files failed for good" }),
    );
  });

  test("a step that is stopped by the deadline has not failed: no attempt is its last", async () => {
    const deadline = new AbortController();
    const freeze: LocalStep = async (_, { signal }) => {
      deadline.abort(new DOMException("deadline", "AbortError"));
      throw new Error(`killed: ${signal.aborted}`);
    };
    const options = { address, signal: deadline.signal, attempt: 6 };
    const stopped = act(freezeRepoFiles({ freeze }), historyOf([started, filesStarted]), options);
    await expect(stopped).rejects.toBe(deadline.signal.reason);
  });

  test("a repo that is not ready is waited for without an end", async () => {
    const given = { attempt: 50 };
    const soon = await run({ freeze: failing(new SilentRetry()) }, [started, filesStarted], given);
    expect([soon.outcome.type, soon.calls]).toEqual(["silentRetry", []]);
    const at = new Date(now.getTime() + day);
    const later = await run({ freeze: failing(new SilentRetryAfter(at)) }, [started, filesStarted], given);
    expect([later.outcome.type, later.calls]).toEqual(["silentRetryAfter", []]);
  });

  test.each<[string, Event]>([
    ["frozen", filesCompleted()],
    ["not frozen", filesCompleted(105)],
    ["given up by somebody else", { type: "freezeRepoCompleted", statusCode: 103, message: "" }],
    ["terminated", committed],
  ])("is completed when the files are %s", async (_, event) => {
    const { outcome, calls } = await run({ freeze: fine }, [started, filesStarted, event]);
    expect([outcome, calls]).toEqual([completed(scriptedId(3)), []]);
  });
});

describe("collecting what was kept", () => {
  /** The event that says that the files are frozen, at the time of `now`. */
  const frozenAt = eventId(eventIdText(3, now.getTime()));
  const frozen = [...historyOf([started, filesStarted]), { id: frozenAt, event: filesCompleted() }];
  const collected: unknown[] = [];
  const keeping = (keepForMs?: number) =>
    freezeRepoFiles({
      freeze: fine,
      collect: async (given) => void collected.push(given),
      ...(keepForMs !== undefined && { keepForMs }),
    });
  const at = async (ms: number, history: typeof frozen = frozen, keepForMs?: number) => {
    collected.length = 0;
    const time = new Date(now.getTime() + ms);
    const { outcome } = await runActivity(keeping(keepForMs), { address, history, now: time, wokenBy: "timer" });
    return { outcome, collected: [...collected] };
  };

  test("waits for seven days from the event, and then collects and completes", async () => {
    const due = new Date(now.getTime() + 7 * day);
    const wait = { outcome: { ...silentRetryAfter(due), tail: frozenAt }, collected: [] };
    for (const ms of [0, day, 7 * day - 1]) expect(await at(ms)).toEqual(wait);
    for (const ms of [7 * day, 70 * day])
      expect(await at(ms)).toEqual({ outcome: completed(frozenAt), collected: [repo] });
  });

  test("waits as long as it is told to", async () => {
    expect((await at(999, frozen, 1_000)).outcome.type).toBe("silentRetryAfter");
    expect((await at(1_000, frozen, 1_000)).collected).toEqual([repo]);
    expect((await at(0, frozen, 0)).collected).toEqual([repo]);
  });

  test("the end of the workflow does not shorten the wait", async () => {
    const ended = { id: scriptedId(4), event: committed };
    expect((await at(day, [...frozen, ended])).outcome).toMatchObject({ type: "silentRetryAfter" });
    expect((await at(7 * day, [...frozen, ended])).collected).toEqual([repo]);
  });

  test("what was not frozen is not collected", async () => {
    const failed = [...historyOf([started, filesStarted]), { id: frozenAt, event: filesCompleted(105) }];
    expect(await at(7 * day, failed)).toEqual({ outcome: completed(frozenAt), collected: [] });
  });

  test("a collection that fails is tried again", async () => {
    const { outcome } = await runActivity(freezeRepoFiles({ freeze: fine, collect: failing(new Error("busy")) }), {
      address,
      history: frozen,
      now: new Date(now.getTime() + 8 * day),
    });
    expect(outcome.type).toBe("retry");
  });

  test.each([-1, 0.5, Number.NaN])("%s is no time to keep it for", (keepForMs) => {
    expect(thrownBy(() => keeping(keepForMs))).toMatchObject({ code: "invalid-definition" });
  });
});

describe("every cut of freeze-repo-files", () => {
  /** Local steps of these tests make a call, so that they count among the effects. */
  const step =
    (statusMessage: string): LocalStep =>
    async (_, run) =>
      void (await run.client(PingRegistry).serverPing({ statusMessage }));
  const given = (frozenAt = scriptedId(3)): CrashPointsGiven<typeof registryWorkflow> => ({
    address,
    now,
    history: historyOf([started, filesStarted]),
    routes(router, history) {
      const append = history.append.bind(history);
      history.append = (event, id) => append(event, event.type === "freezeRepoFilesCompleted" ? frozenAt : id);
      new FreezeServer(history).routes(router);
      router.service(PingRegistry, { serverPing: () => ({}) });
    },
    effectOf: ({ method, request }) => Object(request).statusMessage ?? method.slice(method.indexOf("/") + 1),
  });

  test("freezes, then commits", async () => {
    const { effects } = await testCrashPoints(freezeRepoFiles({ freeze: step("freeze") }), given());
    expect(effects).toEqual(["freeze", "CommitFreezeRepoFiles"]);
  });

  test("fails five retries, then aborts", async () => {
    const { effects, points } = await testCrashPoints(
      freezeRepoFiles({ freeze: failing(new Error("disk full")) }),
      given(),
    );
    expect(effects).toEqual(["disk full"]);
    expect(points).toBeGreaterThan(30);
  });

  test("freezes after a failure or two", async () => {
    const freeze: LocalStep = async (_, { attempt }) => {
      if (attempt < 3) throw new Error("busy");
    };
    expect((await testCrashPoints(freezeRepoFiles({ freeze }), given())).effects).toEqual(["CommitFreezeRepoFiles"]);
  });

  test("sleeps for a week, and collects in every life, and never before", async () => {
    const frozenAt = now.getTime() + 1_000;
    const collections: number[] = [];
    const activity = freezeRepoFiles({
      freeze: step("freeze"),
      async collect(given, run) {
        collections.push(run.now().getTime() - frozenAt);
        await step("collect")(given, run);
      },
    });
    const { effects } = await testCrashPoints(activity, given(eventId(eventIdText(3, frozenAt))));
    expect(effects).toEqual(["freeze", "CommitFreezeRepoFiles", "collect"]);
    expect(Math.min(...collections)).toBeGreaterThanOrEqual(7 * day);
    expect(Math.max(...collections)).toBeLessThan(7 * day + 600_000);
  });
});
