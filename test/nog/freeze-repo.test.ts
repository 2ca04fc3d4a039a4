import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { completed } from "../../functions/contract/outcome.ts";
import { FreezeRepo, ReposFreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import { freezeRepo, type RegistryWorkflowEvent, type registryWorkflow } from "../../functions/nog/index.ts";
import {
  type Call,
  type CrashPointsGiven,
  historyOf,
  runActivity,
  scriptedId,
  testCrashPoints,
} from "../../functions/testing/index.ts";
import { FreezeServer, freezeStarted } from "./freeze-server.ts";
import { workflowId } from "./messages.ts";

type Event = RegistryWorkflowEvent;
type Given = CrashPointsGiven<typeof registryWorkflow>;

const address = { registry: "exreg", workflowId };
const filesStarted: Event = { type: "freezeRepoFilesStarted" };
const filesCompleted = (statusCode = 0, message = ""): Event => ({
  type: "freezeRepoFilesCompleted",
  statusCode,
  message,
});
const ended = (statusCode = 0): Event => ({ type: "freezeRepoCompleted", statusCode, message: "" });
const committed: Event = { type: "freezeRepoCommitted" };

async function run(events: readonly Event[], prepare: (server: FreezeServer) => void = () => {}) {
  let server: FreezeServer | undefined;
  const result = await runActivity(freezeRepo, {
    address,
    history: historyOf(events),
    routes(router, history) {
      server = new FreezeServer(history);
      prepare(server);
      server.routes(router);
    },
  });
  return { ...result, server, made: result.calls.map(shown) };
}

/** `method`, the versions that it names and the status that it sends. */
function shown({ method, request }: Call): string {
  const { registryVid, repoVid, workflowVid, statusCode, statusMessage } = Object(request);
  const vid = (registryVid ?? repoVid ?? workflowVid) === undefined ? "" : " at its version";
  const status = statusCode === undefined ? "" : ` ${statusCode}`;
  const message = statusMessage === undefined ? "" : ` "${statusMessage}"`;
  return `${method.slice(method.indexOf("/") + 1)}${vid}${status}${message}`;
}

const held = (server: FreezeServer) => {
  server.registry.begin(new Uint8Array());
  server.repo.begin(new Uint8Array());
};
const begin = [
  "RegistryBeginFreezeRepo at its version",
  "ReposBeginFreezeRepo at its version",
  "BeginFreezeRepoFiles at its version",
];
const commit = ["ReposCommitFreezeRepo", "RegistryCommitFreezeRepo", "CommitFreezeRepo at its version"];
const release = (code: number, message: string) => [
  `ReposAbortFreezeRepo ${code} "${message}"`,
  `RegistryAbortFreezeRepo ${code}`,
  `AbortFreezeRepo ${code} "${message}"`,
];

describe("freeze-repo", () => {
  test.each<[string, readonly Event[]]>([
    ["a workflow that has not begun", []],
    ["the files", [freezeStarted(), filesStarted]],
  ])("waits for %s, without a call", async (_, events) => {
    const { outcome, calls } = await run(events);
    expect([outcome.type, calls]).toEqual(["caughtUp", []]);
  });

  test("begins in registry, repo and workflow, each at the version that the freeze was asked for", async () => {
    expect((await run([freezeStarted()])).made).toEqual(begin);
  });

  test("names no version of registry and repo if it was asked for any", async () => {
    const { made } = await run([freezeStarted({})]);
    expect(made).toEqual(["RegistryBeginFreezeRepo", "ReposBeginFreezeRepo", "BeginFreezeRepoFiles at its version"]);
  });

  test.each([
    ["registry", (server: FreezeServer) => server.registry.begin(new Uint8Array())],
    ["registry and repo", held],
  ])("goes on after its own begin in %s, which it finds as a version conflict", async (_, prepare) => {
    const { made, server, log } = await run([freezeStarted()], prepare);
    expect(made).toEqual(begin);
    expect(server?.registry.changes).toHaveLength(1);
    expect(server?.repo.changes).toHaveLength(1);
    expect(log.filter(({ level }) => level !== "info")).toEqual([]);
  });

  test("goes on after its own begin, although others have moved the registry since", async () => {
    const { made } = await run([freezeStarted()], (server) => {
      held(server);
      server.registry.move();
    });
    expect(made).toEqual(begin);
  });

  test.each<[string, number, string, (server: FreezeServer) => void]>([
    ["the registry has moved", 103, "registry begin failed", ({ registry }) => registry.move()],
    [
      "the registry refuses",
      103,
      "registry begin failed",
      ({ registry }) => {
        registry.refusal = "cannot freeze repo";
      },
    ],
    [
      "another workflow holds the repo in the registry",
      103,
      "registry begin failed",
      ({ registry }) => {
        registry.refusal = "workflow conflict";
      },
    ],
    ["the repo has moved", 104, "repo begin failed", ({ repo }) => repo.move()],
    [
      "the repo has an error",
      104,
      "repo begin failed",
      ({ repo }) => {
        repo.refusal = "cannot proceed due to repo error";
      },
    ],
    [
      "another workflow holds the repo",
      104,
      "repo begin failed",
      ({ repo }) => {
        repo.refusal = "storage workflow conflict";
      },
    ],
  ])("releases what it has when %s", async (_, code, message, prepare) => {
    const { made, server, log, outcome } = await run([freezeStarted()], prepare);
    expect(made.slice(code === 103 ? 1 : 2)).toEqual(release(code, message));
    expect(outcome.type).toBe("caughtUp");
    expect(server?.registry.tier).toBe(code === 103 ? "online" : "freezeFailed");
    expect(server?.repo.tier).toBe("online");
    expect(log.filter(({ level }) => level === "warn")).toMatchObject([{ message: "freeze refused" }]);
  });

  test("does not begin again after a release that was interrupted", async () => {
    const { made } = await run([freezeStarted()], ({ registry }) => {
      registry.begin(new Uint8Array());
      registry.end(new Uint8Array(), 104);
    });
    expect(made).toEqual(["RegistryBeginFreezeRepo at its version", ...release(104, "repo begin failed")]);
  });

  test("a repo that moves, or an outage, is a failed attempt and releases nothing", async () => {
    for (const text of ["workflow conflict", "repo journal error: timeout"]) {
      const { made, outcome } = await run([freezeStarted()], ({ repo }) => {
        repo.refusal = text;
      });
      expect(outcome.type).toBe("retry");
      expect(made).toEqual(begin.slice(0, 2));
    }
  });

  test("a conflict of the workflow is a failed attempt: the next one reads what was missing", async () => {
    const routes: Given["routes"] = (router, history) => {
      const server = new FreezeServer(history);
      server.routes(router);
      router.service(ReposFreezeRepo, {
        reposBeginFreezeRepo() {
          history.append(ended(104));
          return {};
        },
      });
    };
    const { outcome, calls } = await runActivity(freezeRepo, {
      address,
      history: historyOf([freezeStarted()]),
      routes,
    });
    expect(outcome.type).toBe("retry");
    expect(calls.map(shown)).toEqual(begin);
  });

  test("commits in repo, registry and workflow when the files are frozen", async () => {
    const { made, server } = await run([freezeStarted(), filesStarted, filesCompleted()], held);
    expect(made).toEqual(commit);
    expect([server?.registry.tier, server?.repo.tier]).toEqual(["frozen", "frozen"]);
  });

  test.each([
    ["disk full", "disk full"],
    ["", "freezing the files failed"],
    ["ü".repeat(90), "ü".repeat(60)],
  ])("releases all three when the files could not be frozen: %s", async (message, sent) => {
    const { made } = await run([freezeStarted(), filesStarted, filesCompleted(105, message)], held);
    expect(made).toEqual(release(105, sent));
  });

  test("ends a workflow that the server has completed and not ended", async () => {
    const done = [freezeStarted(), filesStarted, filesCompleted()];
    expect((await run([...done, ended()])).made).toEqual(["CommitFreezeRepo at its version"]);
    expect((await run([...done, ended(105)])).made).toEqual(['AbortFreezeRepo 105 "freezing the files failed"']);
  });

  test("an abort of the workflow that is refused as it has ended is no error", async () => {
    const { outcome, calls, log } = await runActivity(freezeRepo, {
      address,
      history: historyOf([freezeStarted(), ended(105)]),
      routes: (router) =>
        router.service(FreezeRepo, {
          abortFreezeRepo() {
            throw new ConnectError("freeze-repo workflow: already terminated", Code.Unknown);
          },
        }),
    });
    expect([outcome.type, calls.length]).toEqual(["caughtUp", 1]);
    expect(log).toContainEqual(expect.objectContaining({ level: "info", message: "nothing to release" }));
  });

  test("is completed when the workflow is terminated", async () => {
    const { outcome, calls } = await run([freezeStarted(), filesStarted, filesCompleted(), ended(), committed]);
    expect([outcome, calls]).toEqual([completed(scriptedId(5)), []]);
  });
});

describe("every cut of freeze-repo", () => {
  /** The storage side freezes the files, or fails to, as soon as they may be. */
  function given(files: Event, prepare: (server: FreezeServer) => void = () => {}, first = freezeStarted()): Given {
    return {
      address,
      history: historyOf([first]),
      effectOf: shown,
      routes(router, history) {
        const append = history.append.bind(history);
        history.append = (event, id) => {
          const appended = append(event, id);
          return event.type === "freezeRepoFilesStarted" ? append(files) : appended;
        };
        const server = new FreezeServer(history);
        prepare(server);
        server.routes(router);
      },
    };
  }

  test("begins and commits once in all three places", async () => {
    const { effects, points } = await testCrashPoints(freezeRepo, given(filesCompleted()));
    expect(effects).toEqual([...begin, ...commit]);
    expect(points).toBeGreaterThan(30);
  });

  test("does so without versions, too", async () => {
    const { effects } = await testCrashPoints(freezeRepo, given(filesCompleted(), undefined, freezeStarted({})));
    expect(effects).toHaveLength(6);
  });

  test("releases all three when the files could not be frozen", async () => {
    const { effects } = await testCrashPoints(freezeRepo, given(filesCompleted(105, "disk full")));
    expect(effects).toEqual([...begin, ...release(105, "disk full")]);
  });

  test.each<[string, number, (server: FreezeServer) => void]>([
    ["the registry has moved", 103, ({ registry }) => registry.move()],
    ["the repo has moved", 104, ({ repo }) => repo.move()],
    [
      "the repo has an error",
      104,
      ({ repo }) => {
        repo.refusal = "cannot proceed due to repo error";
      },
    ],
  ])("releases, with the code of what refused, when %s", async (_, code, prepare) => {
    const { effects } = await testCrashPoints(freezeRepo, given(filesCompleted(), prepare));
    expect(effects.slice(-3)).toEqual(release(code, code === 103 ? "registry begin failed" : "repo begin failed"));
  });
});
