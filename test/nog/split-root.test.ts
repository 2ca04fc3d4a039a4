import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { caughtUp, completed } from "../../functions/contract/outcome.ts";
import { Registry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { SplitRoot } from "../../functions/nog/gen/nogfso/split-root_pb.ts";
import { type RegistryWorkflowEvent, type registryWorkflow, splitRoot, vidBytes } from "../../functions/nog/index.ts";
import {
  type CrashPointsGiven,
  historyOf,
  type Routes,
  runActivity,
  type ScriptedHistory,
  scriptedId,
  testCrashPoints,
} from "../../functions/testing/index.ts";

type Event = RegistryWorkflowEvent;
type Given = CrashPointsGiven<typeof registryWorkflow>;

const address = { registry: "exreg", workflowId: "5f0c2b1e-8f5e-4d0c-9a33-1f2b3c4d5e6f" };
const started: Event = {
  type: "splitRootStarted",
  registryId: "a85e477e-e5d3-5d2d-b4a8-ec32cfe3254f",
  globalRoot: "/ex",
  host: "h.example.org",
  hostRoot: "/data/ex",
  maxDepth: 3,
  minDiskUsage: 10n,
  maxDiskUsage: 100n,
};
const line = (path: string, usage: bigint): Event => ({ type: "splitRootDuAppended", path, usage });
const ended = (
  type: "splitRootDuCompleted" | "splitRootAnalysisCompleted" | "splitRootCompleted",
  statusCode = 0,
): Event => ({ type, statusCode, message: "" });
const suggested: Event = { type: "splitRootSuggestionAppended", path: ".", suggestion: "repoCandidate" };
const committed: Event = { type: "splitRootCommitted" };

const measured = [started, line(".", 500n), line("a", 200n), line("repo", 50n), line("keep", 70n)];
const duCompleted = [...measured, ended("splitRootDuCompleted")];

/** The server: it refuses what its state does not allow, and ignores versions where the original does. */
function server(script: { refuse?: (method: string) => ConnectError | undefined } = {}): Routes<Event> {
  return (router, history) => {
    const state = () => history.events.at(-1)?.event.type;
    const tell = (method: string, from: readonly Event["type"][], events: readonly Event[]) => {
      const refusal = script.refuse?.(method);
      if (refusal) throw refusal;
      if (!from.includes(state() as Event["type"])) {
        throw new ConnectError("split-root workflow: command conflicts with aggregate state", Code.FailedPrecondition);
      }
      for (const event of events) history.append(event);
      return { workflowVid: vidOf(history) };
    };
    router.service(Registry, {
      getRepos: () => ({ repos: [{ globalPath: "/ex/repo" }, { globalPath: "/ex/other" }] }),
    });
    router.service(SplitRoot, {
      listSplitRootPathFlags: () => ({
        paths: [
          { path: "/ex/keep", flags: 3 },
          { path: "/ex/a", flags: 2 },
        ],
      }),
      appendSplitRootSuggestions: ({ paths }) =>
        tell(
          "append",
          ["splitRootDuCompleted", "splitRootSuggestionAppended"],
          paths.map(({ path }) => ({ type: "splitRootSuggestionAppended", path, suggestion: "repo" })),
        ),
      commitSplitRootAnalysis: () =>
        state() === "splitRootAnalysisCompleted"
          ? { workflowVid: vidOf(history) }
          : tell("commit", ["splitRootSuggestionAppended"], [ended("splitRootAnalysisCompleted")]),
      abortSplitRootAnalysis: ({ statusCode }) =>
        tell(
          "abortAnalysis",
          ["splitRootDuCompleted", "splitRootSuggestionAppended"],
          [ended("splitRootAnalysisCompleted", statusCode)],
        ),
      abortSplitRoot: ({ statusCode }) =>
        tell(
          "abort",
          ["splitRootDuCompleted", "splitRootAnalysisCompleted", "splitRootCompleted"],
          [...(state() === "splitRootCompleted" ? [] : [ended("splitRootCompleted", statusCode)]), committed],
        ),
    });
  };
}

function vidOf(history: ScriptedHistory<Event>): Uint8Array {
  return vidBytes(history.events.at(-1)?.id ?? "");
}

const vid = (n: number) => Buffer.from(vidBytes(scriptedId(n))).toString("base64");
const workflow = Buffer.from(address.workflowId.replaceAll("-", ""), "hex").toString("base64");
const run = (events: readonly Event[], routes: Routes<Event> = server()) =>
  runActivity(splitRoot, { address, history: historyOf(events), routes });

const analysis = [
  { method: "nogfso.Registry/GetRepos", request: { registry: "exreg", globalPathPrefix: "/ex" } },
  { method: "nogfso.SplitRoot/ListSplitRootPathFlags", request: { registry: "exreg", globalRoot: "/ex" } },
  {
    method: "nogfso.SplitRoot/AppendSplitRootSuggestions",
    request: {
      workflow,
      workflowVid: vid(6),
      paths: [
        { path: ".", suggestion: "S_REPO_CANDIDATE" },
        { path: "a", suggestion: "S_REPO_CANDIDATE" },
        { path: "keep", suggestion: "S_DONT_SPLIT" },
        { path: "repo", suggestion: "S_REPO" },
      ],
    },
  },
  { method: "nogfso.SplitRoot/CommitSplitRootAnalysis", request: { workflow, workflowVid: vid(10) } },
];

describe("split-root", () => {
  test.each<[string, readonly Event[]]>([
    ["a workflow that has not begun", []],
    ["disk usage", measured],
    ["decisions", [...duCompleted, suggested, ended("splitRootAnalysisCompleted")]],
    ["the admin's commit to end", [...duCompleted, suggested, ended("splitRootCompleted")]],
    ["an admin's abort to end", [...duCompleted, suggested, ended("splitRootCompleted", 1)]],
  ])("waits for %s, without a call", async (_, events) => {
    const { outcome, calls } = await run(events);
    expect(outcome.type).toBe("caughtUp");
    expect(calls).toEqual([]);
  });

  test("analyses what was measured: repos, flags, suggestions and commit, each with the version before it", async () => {
    const { outcome, calls, record } = await run(duCompleted);
    expect(calls).toEqual(analysis);
    expect(outcome).toEqual({ ...caughtUp(), tail: scriptedId(6) });
    expect(record.status).toBe("sleeping");
  });

  test("commits suggestions that a killed run has appended, and appends no others", async () => {
    const { calls } = await run([...duCompleted, suggested]);
    expect(calls).toMatchObject([{ method: "nogfso.SplitRoot/CommitSplitRootAnalysis" }]);
  });

  test("a second line of a path counts instead of the first", async () => {
    const { calls } = await run([...measured, line("a", 9n), ended("splitRootDuCompleted")]);
    expect(calls[2]?.request).toMatchObject({ paths: [{}, {}, {}, { path: "a", suggestion: "S_SMALL_DIR" }] });
  });

  test("aborts the analysis when the server takes no more suggestions, then the workflow", async () => {
    const text = `split-root workflow: resource exhausted: more than 300 suggestions ${"ü".repeat(100)}`;
    const refuse = (method: string) =>
      method === "append" ? new ConnectError(text, Code.ResourceExhausted) : undefined;
    const { calls } = await run(duCompleted, server({ refuse }));
    expect(calls.slice(3)).toMatchObject([
      { method: "nogfso.SplitRoot/AbortSplitRootAnalysis", request: { workflowVid: vid(6), statusCode: 1 } },
    ]);
    const next = await run([...duCompleted, ended("splitRootAnalysisCompleted", 1)]);
    expect(next.calls).toMatchObject([
      {
        method: "nogfso.SplitRoot/AbortSplitRoot",
        request: { workflowVid: vid(7), statusCode: 1, statusMessage: "analysis failed" },
      },
    ]);
    const { statusMessage } = Object(calls[3]?.request);
    expect(Buffer.byteLength(statusMessage)).toBeLessThanOrEqual(120);
    expect(statusMessage).toMatch(/^failed to append suggestions: split-root workflow: resource exhausted/);
  });

  test.each<[string, readonly Event[], string]>([
    [
      "more paths than it keeps",
      [...measured, ...Array.from({ length: 297 }, (_, i) => line(`d${i}`, 1n))],
      "more than 300 paths with disk usage",
    ],
    ["no usage of the root", [started, line("a", 5n)], "no disk usage of the root itself"],
  ])("aborts the analysis of %s", async (_, events, statusMessage) => {
    const { calls } = await run([...events, ended("splitRootDuCompleted")]);
    expect(calls.find(({ method }) => method.endsWith("AbortSplitRootAnalysis"))?.request).toMatchObject({
      statusCode: 1,
      statusMessage,
    });
    expect(calls.some(({ method }) => method.includes("Append"))).toBe(false);
  });

  test("300 paths are analysed", async () => {
    const more = Array.from({ length: 296 }, (_, i) => line(`d${i}`, 1n));
    const { calls } = await run([...measured, ...more, ended("splitRootDuCompleted")]);
    expect(Object(calls[2]?.request).paths).toHaveLength(300);
  });

  test("aborts the workflow when du failed, and repeats an abort of its own that the server did not end", async () => {
    const failed = [...measured, ended("splitRootDuCompleted", 7)];
    const first = await run(failed);
    expect(first.calls).toMatchObject([
      { method: "nogfso.SplitRoot/AbortSplitRoot", request: { workflowVid: vid(6), statusMessage: "du failed" } },
    ]);
    const again = await run([...failed, ended("splitRootCompleted", 1)]);
    expect(again.calls).toMatchObject([
      { method: "nogfso.SplitRoot/AbortSplitRoot", request: { workflowVid: vid(7) } },
    ]);
  });

  test("an outage, or a conflict, is a failed attempt", async () => {
    for (const [method, code] of [
      ["append", Code.Unavailable],
      ["commit", Code.Unknown],
    ] as const) {
      const refuse = (asked: string) => (asked === method ? new ConnectError("version conflict", code) : undefined);
      expect((await run(duCompleted, server({ refuse }))).outcome.type).toBe("retry");
    }
  });

  test("is completed when the workflow is terminated, and its view is small then", async () => {
    const { outcome, view, calls } = await run([
      ...duCompleted,
      suggested,
      ended("splitRootAnalysisCompleted"),
      ended("splitRootCompleted"),
      committed,
    ]);
    expect(outcome).toEqual(completed(scriptedId(10)));
    expect([view, calls]).toEqual([undefined, []]);
  });
});

describe("every cut of split-root", () => {
  const given = (history: readonly Event[], more: Partial<Given> = {}): Given => ({
    address,
    history: historyOf(history),
    routes: server(),
    ...more,
  });

  test("has the effects of one analysis, each suggestion appended once", async () => {
    const appended: number[] = [];
    const routes: Given["routes"] = (router, history) => {
      appended.push(0);
      server()(router, {
        get events() {
          return history.events;
        },
        append(event: Event) {
          if (event.type === "splitRootSuggestionAppended") appended.push((appended.pop() ?? 0) + 1);
          return history.append(event);
        },
      } as ScriptedHistory<Event>);
    };
    const { effects, points } = await testCrashPoints(splitRoot, given(duCompleted, { routes }));
    expect(effects).toEqual(analysis);
    expect(points).toBeGreaterThan(25);
    expect(appended).toEqual(Array(points + 1).fill(4));
  });

  test("aborts what failed to its end", async () => {
    const { effects } = await testCrashPoints(splitRoot, given([...measured, ended("splitRootDuCompleted", 7)]));
    expect(effects).toMatchObject([{ method: "nogfso.SplitRoot/AbortSplitRoot" }]);
  });

  test("aborts an analysis that the server has no room for", async () => {
    const refuse = (method: string) =>
      method === "append" ? new ConnectError("resource exhausted", Code.ResourceExhausted) : undefined;
    const { effects } = await testCrashPoints(splitRoot, given(duCompleted, { routes: server({ refuse }) }));
    expect(effects.slice(3)).toMatchObject([
      { method: "nogfso.SplitRoot/AbortSplitRootAnalysis" },
      { method: "nogfso.SplitRoot/AbortSplitRoot" },
    ]);
  });
});
