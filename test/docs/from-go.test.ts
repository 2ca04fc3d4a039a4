import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { app, type Catalog, listRepo } from "../../docs/samples/list-repo.ts";
import * as tailwake from "../../functions/index.ts";
import type { RepoEvent } from "../../functions/nog/index.ts";
import { historyOf, runActivity, scriptedId, testCrashPoints } from "../../functions/testing/index.ts";
import { blocksOf, project, sampleTexts } from "./regions.ts";

const file = "docs/from-go.md";
const page = readFileSync(join(project, file), "utf8");

/**
 * The exported names of nog's four packages at 4450389, with the methods and fields of the types, by the file and the line
 * at which each is declared (for a method or a field: mostly that of its type).
 */
const goNames: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  grpcentities: {
    "grpcentities.go:68": ["SilentRetry"],
    "grpcentities.go:70": ["IsSilentRetry"],
    "grpcentities.go:74": ["SilentRetryAfter", "SilentRetryAfter.After", "SilentRetryAfter.Error"],
    "grpcentities.go:82": ["IsSilentRetryAfter"],
    "grpcentities.go:87": ["RegistryActivity", "RegistryActivity.ProcessRegistryEvents"],
    "grpcentities.go:96": ["RegistryActivityFunc", "RegistryActivityFunc.ProcessRegistryEvents"],
    "grpcentities.go:112": [
      "RegistryWorkflowIndexActivity",
      "RegistryWorkflowIndexActivity.ProcessRegistryWorkflowIndexEvents",
    ],
    "grpcentities.go:121": [
      "RegistryWorkflowIndexActivityFunc",
      "RegistryWorkflowIndexActivityFunc.ProcessRegistryEvents",
    ],
    "grpcentities.go:137": ["RegistryWorkflowActivity", "RegistryWorkflowActivity.ProcessRegistryWorkflowEvents"],
    "grpcentities.go:147": [
      "RegistryWorkflowActivityFunc",
      "RegistryWorkflowActivityFunc.ProcessRegistryWorkflowEvents",
    ],
    "grpcentities.go:165": ["RepoActivity", "RepoActivity.ProcessRepoEvents"],
    "grpcentities.go:174": ["RepoActivityFunc", "RepoActivityFunc.ProcessRepoEvents"],
    "grpcentities.go:190": ["RepoWorkflowActivity", "RepoWorkflowActivity.ProcessRepoWorkflowEvents"],
    "grpcentities.go:200": ["RepoWorkflowActivityFunc", "RepoWorkflowActivityFunc.ProcessRepoWorkflowEvents"],
    "grpcentities.go:218": ["RegistryEngine", "RegistryEngine.StartRegistryActivity"],
    "grpcentities.go:222": [
      "RegistryWorkflowIndexEngine",
      "RegistryWorkflowIndexEngine.StartRegistryWorkflowIndexActivity",
    ],
    "grpcentities.go:228": ["RegistryWorkflowEngine", "RegistryWorkflowEngine.StartRegistryWorkflowActivity"],
    "grpcentities.go:236": ["RepoEngine", "RepoEngine.StartRepoActivity"],
    "grpcentities.go:240": ["RepoWorkflowEngine", "RepoWorkflowEngine.StartRepoWorkflowActivity"],
    "grpcentities.go:246": ["Engine"],
  },
  grpclazy: {
    "grpclazy.go:18": ["ConfigRetryWatchSignalsWaitSeconds"],
    "grpclazy.go:19": ["ConfigRetryRunTasksIntervalSeconds"],
    "grpclazy.go:21": ["Logger", "Logger.Infow", "Logger.Warnw", "Logger.Errorw"],
    "grpclazy.go:27": ["Limiter", "Limiter.Acquire", "Limiter.Release"],
    "grpclazy.go:32": ["EngineConfig"],
    "grpclazy.go:33": ["EngineConfig.Conn"],
    "grpclazy.go:34": ["EngineConfig.SysRPCCreds"],
    "grpclazy.go:35": ["EngineConfig.StreamLimiter"],
    "grpclazy.go:36": ["EngineConfig.StreamLimiterRegistry"],
    "grpclazy.go:37": ["EngineConfig.StreamLimiterRepos"],
    "grpclazy.go:38": ["EngineConfig.StreamLimiterRepoWorkflows"],
    "grpclazy.go:41": ["Engine"],
    "grpclazy.go:93": ["NewEngine"],
    "grpclazy.go:110": ["Engine.SetContext"],
    "grpclazy.go:169": ["Engine.Run"],
    "registry.go:20": ["Engine.StartRegistryActivity"],
    "registry-workflow-index.go:20": ["Engine.StartRegistryWorkflowIndexActivity"],
    "registry-workflow.go:19": ["Engine.StartRegistryWorkflowActivity"],
    "repo.go:18": ["Engine.StartRepoActivity"],
    "repo-workflow.go:19": ["Engine.StartRepoWorkflowActivity"],
    "registry.go:13": ["NsFsoRegistry"],
    "registry-workflow-index.go:13": ["NsFsoRegistryEphemeralWorkflows"],
  },
  grpceager: {
    "grpceager.go:11": ["Logger", "Logger.Infow", "Logger.Warnw", "Logger.Errorw"],
    "grpceager.go:17": ["Limiter", "Limiter.Acquire", "Limiter.Release"],
    "grpceager.go:22": ["EngineConfig"],
    "grpceager.go:23": ["EngineConfig.Conn"],
    "grpceager.go:24": ["EngineConfig.SysRPCCreds"],
    "grpceager.go:25": ["EngineConfig.StreamLimiter"],
    "grpceager.go:30": ["Engine"],
    "grpceager.go:42": ["NewEngine"],
    "grpceager.go:51": ["Engine.SetContext"],
    "grpceager.go:55": ["Engine.Run"],
    "eager-registry.go:15": ["Engine.StartRegistryActivity"],
    "eager-repo.go:17": ["Engine.StartRepoActivity"],
    "eager-workflow.go:17": ["Engine.StartRepoWorkflowActivity"],
  },
  grpccron: {
    "grpccron.go:18": ["Logger", "Logger.Infow", "Logger.Warnw", "Logger.Errorw"],
    "grpccron.go:24": ["Limiter", "Limiter.Acquire", "Limiter.Release"],
    "grpccron.go:29": ["EngineConfig"],
    "grpccron.go:30": ["EngineConfig.Conn"],
    "grpccron.go:31": ["EngineConfig.SysRPCCreds"],
    "grpccron.go:32": ["EngineConfig.StreamLimiter"],
    "grpccron.go:33": ["EngineConfig.CronInterval"],
    "grpccron.go:36": ["Engine"],
    "grpccron.go:57": ["NewCronEngine"],
    "grpccron.go:68": ["Engine.SetContext"],
    "grpccron.go:72": ["Engine.Run"],
    "grpccron.go:92": ["Engine.StartRepoActivity"],
  },
};

/** The rows of the first table below a heading, as cells. */
function rowsBelow(heading: string): string[][] {
  const [, section = ""] = page.split(new RegExp(`^#+ ${heading}$`, "m"));
  const [table = ""] = /^\|.*\n(?:\|.*\n)+/m.exec(section) ?? [];
  const rows = table.split("\n").map((line) => line.split("|").slice(1, -1));
  return rows.slice(2, -1).map((cells) => cells.map((cell) => cell.trim()));
}

const codeIn = (cell = ""): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

/** The names that an entry of the package exports, types too. */
function exportsOf(entry: string): ReadonlySet<string> {
  const { compilerOptions } = JSON.parse(readFileSync(join(project, "tsconfig.json"), "utf8"));
  const [source] = compilerOptions.paths[entry] ?? expect.fail(`no entry ${entry}`);
  const text = readFileSync(join(project, source), "utf8");
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = ""]) => names.split(","));
  const declared = [...text.matchAll(/^export (?:async )?(?:interface|type|function|const|class) (\w+)/gm)];
  return new Set([
    ...listed.map((name) => name.trim().replace(/^(?:type )?(?:\w+ as )?/, "")),
    ...declared.map(([, name = ""]) => name),
  ]);
}

describe("the names of nog's packages", () => {
  it.each(Object.keys(goNames))(
    "of %s have a row each, with the line of the original, and no other has one",
    (name) => {
      const rows = rowsBelow(name).map(([names, , , source]) => [...codeIn(source), ...codeIn(names)]);
      expect(rows).toEqual(Object.entries(goNames[name] ?? {}).map(([source, names]) => [source, ...names]));
    },
  );

  it.each(Object.keys(goNames))("of %s are what the package exports, from the entry that the row says", (name) => {
    for (const [names, counterpart = "", about] of rowsBelow(name)) {
      expect(about, names).toMatch(/^[A-Z`].*\.$/);
      if (counterpart === "None.") continue;
      for (const part of counterpart.split("; ")) {
        const [, known = "", entry = ""] = /^(.+) from `([^`]+)`$/.exec(part) ?? expect.fail(part);
        expect(codeIn(known).length, part).toBeGreaterThan(0);
        const exported = exportsOf(entry);
        expect(codeIn(known).filter((one) => !exported.has(one))).toEqual([]);
      }
    }
  });

  it("beside the tables are exported, too", () => {
    const [, rest = ""] = /^`ulid\.I` is (.*?)\n\n/ms.exec(page) ?? [];
    const known = new Set(["tailwake", "tailwake/nog"].flatMap((entry) => [entry, ...exportsOf(entry)]));
    const ofGo = ["ulid.Nil", "uuid.I"];
    expect(codeIn(rest).filter((name) => !known.has(name) && !ofGo.includes(name))).toEqual([]);
  });
});

it("the outcomes of nog map to all outcomes of the contract, and to no other", () => {
  const mapped = rowsBelow("Outcomes").flatMap(([, name]) => codeIn(name));
  const outcomes = ["completed", "caughtUp", "canceled", "silentRetry", "silentRetryAfter", "retry"];
  expect(new Set(mapped)).toEqual(new Set(outcomes));
  for (const outcome of outcomes) expect(tailwake).toHaveProperty(outcome, expect.any(Function));
});

describe("the activity that is ported", () => {
  const address = { repoId: "92f224c0-bb9a-4f2e-820d-28e1b887afc8" };
  const created: RepoEvent = { type: "gitCreated", gitlabProjectId: 5n };
  const started: RepoEvent = {
    type: "initStarted",
    registry: "exreg",
    creatorName: "A. U. Thor",
    creatorEmail: "author@example.org",
    gitlabHost: "",
    gitlabPath: "",
    gitToNogAddr: "",
    subdirTracking: "unspecified",
    globalPath: "/ex/repo",
    fileHost: "files.example.org",
    hostPath: "/srv/repo",
  };
  const listing = () => {
    const listed: string[] = [];
    const catalog: Catalog = { list: async (repoId, path) => void listed.push(`${repoId} ${path}`) };
    return { listed, activity: listRepo(catalog) };
  };

  it("is shown in TypeScript as the sample has it, word for word, and makes an app", () => {
    const samples = [...sampleTexts()].filter(([name]) => name.startsWith("docs/samples/list-repo.ts#"));
    expect(blocksOf(file, "ts")).toEqual(samples.map(([, text]) => text));
    expect(app.activities).toHaveLength(1);
  });

  it("lists the repo once its Git repo exists, wherever its process dies", async () => {
    const { listed, activity } = listing();
    const { points } = await testCrashPoints(activity, { address, history: historyOf([started, created]) });
    expect(points).toBeGreaterThan(5);
    expect(listed.length).toBeGreaterThan(points);
    expect([...new Set(listed)]).toEqual([`${address.repoId} /ex/repo`]);
  });

  it("waits while the repo has an error, and goes on with what it knew", async () => {
    const { listed, activity } = listing();
    const history = historyOf<RepoEvent>([started, { type: "errorSet", message: "no space" }, created]);
    const waiting = await runActivity(activity, { address, history });
    expect(waiting.outcome).toEqual({ type: "caughtUp", tail: scriptedId(3) });
    expect(listed).toEqual([]);
    const cleared = [...history, { id: scriptedId(4), event: { type: "errorCleared" } as const }];
    const listedNow = await runActivity(activity, { address, history: cleared, tail: scriptedId(3) });
    expect(listedNow.outcome.type).toBe("completed");
    expect(listed).toEqual([`${address.repoId} /ex/repo`]);
  });

  it("is tried again if the catalog refuses", async () => {
    const activity = listRepo({ list: () => Promise.reject(new Error("out")) });
    const { outcome } = await runActivity(activity, { address, history: historyOf([started, created]) });
    expect(outcome).toMatchObject({ type: "retry", tail: scriptedId(2) });
  });
});
