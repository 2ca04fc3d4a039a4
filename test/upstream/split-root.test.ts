import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { JobControl } from "../../functions/nog/gen/nogfso/job-control_pb.ts";
import { EphemeralRegistry, Registry, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import {
  FsoSplitRootDecision_Decision,
  FsoSplitRootSuggestion_Suggestion as Suggestion,
} from "../../functions/nog/gen/nogfso/root-info_pb.ts";
import {
  AppendSplitRootDecisionsI_Decision as Decision,
  SplitRoot,
  GetSplitRootO_StatusCode as StatusCode,
} from "../../functions/nog/gen/nogfso/split-root_pb.ts";
import { WorkflowEvent_Type as Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import type { Scope } from "../../local/upstream/access.ts";
import { newEventId, newUuid, registryHistory, ulidText, zeroId } from "../../local/upstream/ids.ts";
import { startUpstream, type Upstream, type UpstreamOptions } from "../../local/upstream/server.ts";
import { noVersionCheck, retryNoVersionCheck } from "../../local/upstream/vid.ts";
import {
  collect,
  expectFailure,
  failure,
  type Protocol,
  protocolNames,
  protocols,
  registry,
  repoId,
  seed,
  start,
  until,
  workflowA,
  workflowB,
} from "./harness.ts";

const globalRoot = "/ex";
const root = { globalRoot, host: "h.example.org", hostRoot: "/data/ex" };
const params = { maxDepth: 3, minDiskUsage: 10n, maxDiskUsage: 1000n };
const workflow = workflowA;
const conflict = "split-root workflow: command conflicts with aggregate state";

function clientsOf(upstream: Upstream, protocol: Protocol = "grpc") {
  const transport = protocols[protocol](upstream);
  const split = createClient(SplitRoot, transport);
  const registries = createClient(Registry, transport);
  const streams = createClient(EphemeralRegistry, transport);
  const events = async () =>
    (await collect(streams.registryWorkflowEvents({ registry, workflow }))).flatMap((message) => message.events);
  const index = async () =>
    (await collect(streams.registryWorkflowIndexEvents({ registry }))).flatMap((message) => message.events);
  const registryEvents = async () =>
    (await collect(registries.events({ registry }))).flatMap((message) => message.events);
  return { split, registries, streams, events, index, registryEvents };
}

/** With splitting of the root enabled. */
async function open(protocol: Protocol = "grpc", options: UpstreamOptions = {}) {
  const { upstream } = await start(options);
  const clients = clientsOf(upstream, protocol);
  await clients.split.createSplitRootConfig({ registry, config: { globalRoot, ...params } });
  const begin = () => clients.split.beginSplitRoot({ registry, globalRoot, workflow });
  return { upstream, ...clients, begin };
}

const paths = [
  { path: ".", usage: 5000n },
  { path: "a", usage: 3000n },
];
const suggestions = [
  { path: ".", suggestion: Suggestion.S_REPO_CANDIDATE },
  { path: "a", suggestion: Suggestion.S_REPO_CANDIDATE },
  { path: "keep", suggestion: Suggestion.S_DONT_SPLIT },
];

/** A workflow whose analysis is complete. */
async function analysed(protocol: Protocol = "grpc", options: UpstreamOptions = {}) {
  const all = await open(protocol, options);
  await all.begin();
  await all.split.appendSplitRootDu({ workflow, paths });
  await all.split.commitSplitRootDu({ workflow });
  await all.split.appendSplitRootSuggestions({ workflow, paths: suggestions });
  const { workflowVid } = await all.split.commitSplitRootAnalysis({ workflow });
  return { ...all, workflowVid };
}

describe.each(protocolNames)("over %s", (protocol) => {
  test("du, analysis, decisions and commit write the events of the original and chain by version", async () => {
    const { upstream, split, begin, events, index } = await open(protocol);
    const begun = await begin();
    expect(begun.registryVid).toEqual(upstream.journal.head(registryHistory(registry)));
    const du = await split.appendSplitRootDu({ workflow, workflowVid: begun.workflowVid, paths });
    const duCommitted = await split.commitSplitRootDu({ workflow, workflowVid: du.workflowVid });
    const suggested = await split.appendSplitRootSuggestions({
      workflow,
      workflowVid: duCommitted.workflowVid,
      paths: suggestions,
    });
    const analysis = await split.commitSplitRootAnalysis({ workflow, workflowVid: suggested.workflowVid });
    const decided = await split.appendSplitRootDecisions({
      workflow,
      workflowVid: analysis.workflowVid,
      paths: [
        { path: "/ex", decision: Decision.D_IGNORE_ONCE },
        { path: "/ex/a/", decision: Decision.D_NEVER_SPLIT },
      ],
    });
    const committed = await split.commitSplitRoot({ workflow, workflowVid: decided.workflowVid });

    const written = await events();
    expect(written).toMatchObject([
      {
        event: Type.EV_FSO_SPLIT_ROOT_STARTED,
        registryId: registryHistory(registry),
        fsoRootInfo: root,
        fsoSplitRootParams: { globalRoot: "", ...params },
      },
      { event: Type.EV_FSO_SPLIT_ROOT_DU_APPENDED, pathDiskUsage: paths[0] },
      { event: Type.EV_FSO_SPLIT_ROOT_DU_APPENDED, pathDiskUsage: paths[1] },
      { event: Type.EV_FSO_SPLIT_ROOT_DU_COMPLETED, statusCode: 0, statusMessage: "" },
      { event: Type.EV_FSO_SPLIT_ROOT_SUGGESTION_APPENDED, fsoSplitRootSuggestion: suggestions[0] },
      { event: Type.EV_FSO_SPLIT_ROOT_SUGGESTION_APPENDED, fsoSplitRootSuggestion: suggestions[1] },
      { event: Type.EV_FSO_SPLIT_ROOT_SUGGESTION_APPENDED, fsoSplitRootSuggestion: suggestions[2] },
      { event: Type.EV_FSO_SPLIT_ROOT_ANALYSIS_COMPLETED, statusCode: 0 },
      {
        event: Type.EV_FSO_SPLIT_ROOT_DECISION_APPENDED,
        fsoSplitRootDecision: { path: ".", decision: FsoSplitRootDecision_Decision.D_IGNORE_ONCE },
      },
      {
        event: Type.EV_FSO_SPLIT_ROOT_DECISION_APPENDED,
        fsoSplitRootDecision: { path: "a", decision: FsoSplitRootDecision_Decision.D_NEVER_SPLIT },
      },
      { event: Type.EV_FSO_SPLIT_ROOT_COMPLETED, statusCode: 0 },
      { event: Type.EV_FSO_SPLIT_ROOT_COMMITTED },
    ]);
    const ids = written.map((event) => event.id);
    expect([ids[0], ids[2], ids[3], ids[6], ids[7], ids[9], ids[11]]).toEqual([
      begun.workflowVid,
      du.workflowVid,
      duCommitted.workflowVid,
      suggested.workflowVid,
      analysis.workflowVid,
      decided.workflowVid,
      committed.workflowVid,
    ]);
    const indexed = await index();
    expect(indexed).toMatchObject([
      {
        event: Type.EV_FSO_SPLIT_ROOT_STARTED,
        workflowId: workflow,
        workflowEventId: ids[0],
        fsoRootInfo: root,
        id: begun.workflowIndexVid,
      },
      {
        event: Type.EV_FSO_SPLIT_ROOT_COMPLETED,
        workflowId: workflow,
        workflowEventId: ids[10],
        id: committed.workflowIndexVid,
      },
    ]);
    expect(indexed[0]?.fsoSplitRootParams).toBeUndefined();
  });

  test("getting waits for the analysis with JC_WAIT, and tells the state otherwise", async () => {
    const { upstream, split, begin } = await open(protocol);
    await begin();
    const get = (jobControl: JobControl = JobControl.JC_UNSPECIFIED) => split.getSplitRoot({ workflow, jobControl });
    expect(await get()).toMatchObject({ statusCode: StatusCode.SC_RUNNING, statusMessage: "du running", globalRoot });
    await split.appendSplitRootDu({ workflow, paths });
    await split.commitSplitRootDu({ workflow });
    expect(await get()).toMatchObject({ statusCode: StatusCode.SC_RUNNING, statusMessage: "analysis running" });

    const waiting = get(JobControl.JC_WAIT);
    await until(() => upstream.openCalls === 1);
    await split.appendSplitRootSuggestions({ workflow, paths: suggestions });
    const { workflowVid } = await split.commitSplitRootAnalysis({ workflow });
    expect(await waiting).toMatchObject({
      workflowVid,
      statusCode: StatusCode.SC_ANALYSIS_COMPLETED,
      statusMessage: "analysis completed",
      du: paths,
      suggestions,
      decisions: [],
    });
  });

  test("the configuration of a root is created with defaults, updated and deleted", async () => {
    const { upstream } = await start();
    const { split, registryEvents } = clientsOf(upstream, protocol);
    const get = () => split.getSplitRootConfig({ registry, globalRoot: "/ex/" });
    expect((await get()).config).toMatchObject({ globalRoot, enabled: false, maxDepth: 0 });
    const gib = 1n << 30n;
    const defaults = { maxDepth: 3, minDiskUsage: 20n * gib, maxDiskUsage: 400n * gib };
    const created = await split.createSplitRootConfig({ registry, config: { globalRoot: "/ex/" } });
    expect(created.config).toMatchObject({ globalRoot, enabled: true, ...defaults });
    expect(created.registryVid).toEqual(upstream.journal.head(registryHistory(registry)));
    const updated = await split.updateSplitRootConfig({ registry, config: { globalRoot, maxDepth: 5 } });
    expect(updated.config).toMatchObject({ ...defaults, maxDepth: 5 });
    expect(await get()).toMatchObject({ config: updated.config, registryVid: updated.registryVid });
    await split.deleteSplitRootConfig({ registry, registryVid: updated.registryVid, globalRoot });
    expect((await get()).config?.enabled).toBe(false);
    expect((await registryEvents()).slice(4)).toMatchObject([
      { event: RegistryEvent_Type.EV_FSO_SPLIT_ROOT_ENABLED, fsoSplitRootParams: { globalRoot, maxDepth: 0 } },
      { event: RegistryEvent_Type.EV_FSO_SPLIT_ROOT_PARAMS_UPDATED, fsoSplitRootParams: { globalRoot, ...defaults } },
      { event: RegistryEvent_Type.EV_FSO_SPLIT_ROOT_PARAMS_UPDATED, fsoSplitRootParams: { maxDepth: 5 } },
      { event: RegistryEvent_Type.EV_FSO_SPLIT_ROOT_DISABLED, fsoSplitRootParams: { globalRoot } },
    ]);
  });

  test("path flags are set, listed below a root and unset", async () => {
    const { upstream } = await start();
    upstream.seed.initRoot(registry, { globalRoot: "/ex2", host: "h", hostRoot: "/ex2" });
    const { split } = clientsOf(upstream, protocol);
    const list = async () => (await split.listSplitRootPathFlags({ registry, globalRoot })).paths;
    const flag = (relativePath: string, flags: number) => ({ registry, globalRoot, relativePath, flags });
    await split.createSplitRootPathFlag(flag("keep", 1));
    const { registryVid } = await split.createSplitRootPathFlag(flag("./b/../a", 0x80000001));
    expect(await split.createSplitRootPathFlag(flag("a", 1))).toMatchObject({ registryVid });
    await split.createSplitRootPathFlag({ ...flag("x", 1), globalRoot: "/ex2" });
    expect(await list()).toMatchObject([
      { path: "/ex/a", flags: 0x80000001 },
      { path: "/ex/keep", flags: 1 },
    ]);
    await split.deleteSplitRootPathFlag(flag("a", 1));
    await split.deleteSplitRootPathFlag(flag("keep", 3));
    expect(await list()).toMatchObject([{ path: "/ex/a", flags: 0x80000000 }]);
  });
});

test("beginning checks root, registry, version, configuration and workflow id in this order", async () => {
  const { upstream } = await start();
  const { split } = clientsOf(upstream);
  const begin = (more: object) => split.beginSplitRoot({ registry, globalRoot, workflow: new Uint8Array(3), ...more });
  const vid = () => upstream.journal.head(registryHistory(registry));
  await expectFailure(begin({ registry: "-" }), Code.InvalidArgument, /malformed registry name/);
  await expectFailure(begin({ registry: "other" }), Code.Unknown, "registry error: uninitialized registry");
  await expectFailure(begin({ registryVid: new Uint8Array(3) }), Code.InvalidArgument, "malformed VID");
  await expectFailure(begin({ registryVid: zeroId, globalRoot: "/no" }), Code.FailedPrecondition, "version conflict");
  await expectFailure(begin({ registryVid: noVersionCheck }), Code.FailedPrecondition, "version conflict");
  await expectFailure(begin({ registryVid: vid(), globalRoot: "/no" }), Code.NotFound, "unknown root");
  await expectFailure(begin({ registryVid: vid() }), Code.FailedPrecondition, "split root disabled");
  await split.createSplitRootConfig({ registry, config: { globalRoot } });
  await expectFailure(begin({}), Code.InvalidArgument, "malformed workflow ID");
  await begin({ registryVid: vid(), globalRoot: "//ex/./", workflow });
});

test("a workflow id works once", async () => {
  const { split, begin } = await open();
  const used = "rejected workflow ID: ID has been used before";
  await begin();
  await expectFailure(begin(), Code.FailedPrecondition, used);
  await expectFailure(split.beginSplitRoot({ registry, globalRoot, workflow: repoId }), Code.FailedPrecondition, used);
});

test("300 paths and 300 suggestions are the limit, and a batch is written as a whole or not at all", async () => {
  const { split, begin, events } = await open();
  await begin();
  const many = (count: number) => Array.from({ length: count }, (_, i) => ({ path: `p${i}`, usage: 1n }));
  const suggested = (count: number) => many(count).map(({ path }) => ({ path, suggestion: Suggestion.S_SMALL_DIR }));
  const tooManyPaths = "split-root workflow: resource exhausted: more than 300 du paths";
  await expectFailure(split.appendSplitRootDu({ workflow, paths: many(301) }), Code.ResourceExhausted, tooManyPaths);
  await split.appendSplitRootDu({ workflow, paths: many(299) });
  await expectFailure(split.appendSplitRootDu({ workflow, paths: many(2) }), Code.ResourceExhausted, tooManyPaths);
  await split.appendSplitRootDu({ workflow, paths: many(1) });
  await split.commitSplitRootDu({ workflow });
  const append = (count: number) => split.appendSplitRootSuggestions({ workflow, paths: suggested(count) });
  await append(299);
  await expectFailure(
    append(2),
    Code.ResourceExhausted,
    "split-root workflow: resource exhausted: more than 300 suggestions",
  );
  await append(1);
  await split.commitSplitRootAnalysis({ workflow });
  expect(await events()).toHaveLength(1 + 300 + 1 + 300 + 1);
});

test("an empty batch changes nothing and gives the version back", async () => {
  const { split, begin } = await open();
  const { workflowVid } = await begin();
  expect(await split.appendSplitRootDu({ workflow })).toMatchObject({ workflowVid });
  await expectFailure(split.commitSplitRootDu({ workflow }), Code.FailedPrecondition, conflict);
});

test("steps out of order are FailedPrecondition, a repeated one is idempotent until the next", async () => {
  const { split, begin } = await open();
  await begin();
  const refused = (call: Promise<unknown>) => expectFailure(call, Code.FailedPrecondition, conflict);
  const status = { statusCode: 1, statusMessage: "failed" };
  const suggest = () => split.appendSplitRootSuggestions({ workflow, paths: suggestions });
  await refused(suggest());
  await refused(split.commitSplitRootAnalysis({ workflow }));
  await refused(split.commitSplitRoot({ workflow }));
  await refused(split.abortSplitRoot({ workflow, ...status }));
  await split.appendSplitRootDu({ workflow, paths });
  const { workflowVid } = await split.commitSplitRootDu({ workflow });
  expect(await split.commitSplitRootDu({ workflow })).toMatchObject({ workflowVid });
  await refused(split.abortSplitRootDu({ workflow, ...status }));
  await refused(split.appendSplitRootDu({ workflow, paths }));
  await refused(split.commitSplitRootAnalysis({ workflow }));
  await suggest();
  await refused(split.commitSplitRootDu({ workflow }));
  const analysis = await split.commitSplitRootAnalysis({ workflow });
  expect(await split.commitSplitRootAnalysis({ workflow })).toEqual(analysis);
  await refused(suggest());
  await refused(split.abortSplitRootAnalysis({ workflow, ...status }));
  await split.abortSplitRoot({ workflow, ...status });
  await refused(split.abortSplitRoot({ workflow, ...status }));
  await refused(split.commitSplitRoot({ workflow }));
});

test("du and analysis can fail, and the workflow is then aborted", async () => {
  for (const step of ["du", "analysis"] as const) {
    const { split, begin, events, index } = await open();
    await begin();
    const status = { statusCode: 7, statusMessage: `${step} went wrong` };
    if (step === "du") await split.abortSplitRootDu({ workflow, ...status });
    else {
      await split.appendSplitRootDu({ workflow, paths });
      await split.commitSplitRootDu({ workflow });
      await split.abortSplitRootAnalysis({ workflow, ...status });
    }
    expect(await split.getSplitRoot({ workflow, jobControl: JobControl.JC_WAIT })).toMatchObject({
      statusCode: StatusCode.SC_FAILED,
      statusMessage: `${step} failed`,
    });
    const aborted = await split.abortSplitRoot({ workflow, ...status });
    expect(await split.getSplitRoot({ workflow })).toMatchObject({ workflowVid: aborted.workflowVid, ...status });
    expect((await events()).slice(-3)).toMatchObject([
      {
        event: step === "du" ? Type.EV_FSO_SPLIT_ROOT_DU_COMPLETED : Type.EV_FSO_SPLIT_ROOT_ANALYSIS_COMPLETED,
        ...status,
      },
      { event: Type.EV_FSO_SPLIT_ROOT_COMPLETED, ...status },
      { event: Type.EV_FSO_SPLIT_ROOT_COMMITTED },
    ]);
    expect(await index()).toMatchObject([
      {},
      { event: Type.EV_FSO_SPLIT_ROOT_COMPLETED, statusCode: 0, id: aborted.workflowIndexVid },
    ]);
  }
});

test("aborts and commits check the version, what appends or ends a step does not, as in the original", async () => {
  const { split, begin } = await open();
  await begin();
  const stale = newEventId(0);
  await split.appendSplitRootDu({ workflow, workflowVid: stale, paths });
  await expectFailure(
    split.appendSplitRootDu({ workflow, workflowVid: new Uint8Array(5), paths }),
    Code.InvalidArgument,
    /malformed vid/,
  );
  const abort = (workflowVid: Uint8Array) => split.abortSplitRootDu({ workflow, workflowVid, statusCode: 1 });
  await expectFailure(abort(zeroId), Code.Unknown, /version conflict: stored VID/);
  const { workflowVid: duVid } = await split.commitSplitRootDu({ workflow, workflowVid: stale });
  await split.appendSplitRootSuggestions({ workflow, workflowVid: stale, paths: [] });
  await split.appendSplitRootSuggestions({ workflow, workflowVid: stale, paths: suggestions.slice(2) });
  await expectFailure(
    split.abortSplitRootAnalysis({ workflow, workflowVid: duVid, statusCode: 1 }),
    Code.Unknown,
    /split-root workflow: event journal: version conflict: stored VID/,
  );
  const { workflowVid: current } = await split.commitSplitRootAnalysis({ workflow, workflowVid: stale });
  // What comes late conflicts with the state, whatever its version.
  await expectFailure(
    split.appendSplitRootSuggestions({ workflow, workflowVid: duVid, paths: suggestions }),
    Code.FailedPrecondition,
    conflict,
  );
  await expectFailure(
    split.commitSplitRoot({ workflow, workflowVid: stale }),
    Code.Unknown,
    `split-root workflow: event journal: version conflict: stored VID ${ulidText(current)} != expected VID ${ulidText(stale)}`,
  );
  await split.commitSplitRoot({ workflow, workflowVid: retryNoVersionCheck });
});

test("of two analyses that race, the one that comes after the other's commit is refused as a whole", async () => {
  const { split, begin, events } = await open();
  await begin();
  await split.appendSplitRootDu({ workflow, paths });
  await split.commitSplitRootDu({ workflow });
  const analyse = async () => {
    await split.appendSplitRootSuggestions({ workflow, paths: suggestions });
    await split.commitSplitRootAnalysis({ workflow });
  };
  const results = await Promise.allSettled(Array.from({ length: 8 }, analyse));
  expect(results.some(({ status }) => status === "fulfilled")).toBe(true);
  const written = (await events()).map((event) => event.event);
  expect(written.filter((event) => event === Type.EV_FSO_SPLIT_ROOT_ANALYSIS_COMPLETED)).toHaveLength(1);
  expect(written.at(-1)).toBe(Type.EV_FSO_SPLIT_ROOT_ANALYSIS_COMPLETED);
  const suggested = written.filter((event) => event === Type.EV_FSO_SPLIT_ROOT_SUGGESTION_APPENDED);
  expect(suggested.length % suggestions.length).toBe(0);
});

test("a decided candidate becomes a repo, or is never split; a workflow with undecided ones cannot be committed", async () => {
  const { split, registries, workflowVid } = await analysed();
  const creator = { creatorName: "A U Thor", creatorEmail: "author@example.org" };
  const decide = (path: string, decision: Decision, more: object = creator) =>
    split.appendSplitRootDecisions({ workflow, paths: [{ path, decision }], ...more });
  await expectFailure(split.commitSplitRoot({ workflow }), Code.Unknown, "split-root workflow: undecided candidates");
  await expectFailure(decide("/other", Decision.D_IGNORE_ONCE), Code.FailedPrecondition, "path outside of root");
  await expectFailure(decide("/ex/keep", Decision.D_IGNORE_ONCE), Code.FailedPrecondition, "path is not a candidate");
  await expectFailure(decide("/ex/a", Decision.D_UNSPECIFIED), Code.Unimplemented, "unimplemented split-root decision");
  await expectFailure(
    decide("/ex/a", Decision.D_CREATE_REPO, {}),
    Code.Unknown,
    "registry error: missing creator name",
  );
  await expectFailure(
    decide("/ex/a", Decision.D_CREATE_REPO, { ...creator, workflowVid: newEventId(0) }),
    Code.FailedPrecondition,
    "version conflict",
  );

  const { effects, ...created } = await decide("/ex/a", Decision.D_CREATE_REPO, { ...creator, workflowVid });
  expect(effects).toMatchObject([
    { path: "/ex/a", workflowVid: created.workflowVid, registryVid: created.registryVid },
  ]);
  const { repos } = await registries.getRepos({ registry });
  expect(repos).toMatchObject([
    { globalPath: "/ex/a", id: effects[0]?.repoId, confirmed: true },
    { globalPath: "/ex/repo", id: repoId, confirmed: true },
  ]);
  await expectFailure(decide("/ex/a", Decision.D_IGNORE_ONCE), Code.FailedPrecondition, "path is not a candidate");
  // The workflow may not be aborted any more.
  await expectFailure(split.abortSplitRoot({ workflow, statusCode: 1 }), Code.FailedPrecondition, conflict);
  await expectFailure(
    split.appendSplitRootDecisions({
      workflow,
      paths: [Decision.D_NEVER_SPLIT, Decision.D_IGNORE_ONCE].map((decision) => ({ path: "/ex", decision })),
    }),
    Code.Unknown,
    "split-root workflow: path `.` is not a candidate",
  );
  expect((await split.listSplitRootPathFlags({ registry, globalRoot })).paths).toMatchObject([
    { path: "/ex", flags: 1 },
  ]);
  await split.commitSplitRoot({ workflow });
  expect(await split.getSplitRoot({ workflow })).toMatchObject({
    statusCode: 0,
    decisions: [
      { path: "a", decision: FsoSplitRootDecision_Decision.D_CREATE_REPO },
      { path: ".", decision: FsoSplitRootDecision_Decision.D_NEVER_SPLIT },
    ],
  });
});

test("a commit or an abort that was interrupted before the final event can be repeated", async () => {
  for (const statusCode of [0, 9]) {
    const { upstream, split, begin, events, index } = await open();
    await begin();
    await split.appendSplitRootDu({ workflow, paths });
    await split.commitSplitRootDu({ workflow });
    await split.appendSplitRootSuggestions({ workflow, paths: suggestions.slice(2) });
    await split.commitSplitRootAnalysis({ workflow });
    upstream.seed.appendRegistryWorkflowEvents(workflow, [{ event: Type.EV_FSO_SPLIT_ROOT_COMPLETED, statusCode }]);
    expect((await split.getSplitRoot({ workflow })).statusCode).toBe(
      statusCode === 0 ? StatusCode.SC_COMPLETED : StatusCode.SC_FAILED,
    );
    if (statusCode === 0) await split.commitSplitRoot({ workflow });
    else await split.abortSplitRoot({ workflow, statusCode: 1 });
    expect((await events()).slice(-2).map(({ event }) => event)).toEqual([127, 128]);
    expect(await index()).toHaveLength(2);
  }
});

test("configurations are checked: values, root, existence, version", async () => {
  const { upstream } = await start();
  const { split } = clientsOf(upstream);
  const create = (config: object, more: object = {}) =>
    split.createSplitRootConfig({ registry, config: { globalRoot, ...config }, ...more });
  const invalid = "registry error: invalid split root config";
  for (const config of [{ maxDepth: 9 }, { maxDepth: -1 }, { minDiskUsage: -1n }, { maxDiskUsage: -1n }]) {
    await expectFailure(create(config), Code.Unknown, invalid);
  }
  await expectFailure(create({ globalRoot: "/no" }), Code.Unknown, "registry error: unknown root");
  await expectFailure(split.createSplitRootConfig({ registry }), Code.InvalidArgument, "missing config");
  await expectFailure(
    create({}, { registryVid: zeroId }),
    Code.Unknown,
    /registry error: version conflict: stored VID/,
  );
  const none = "registry error: no split root config";
  await expectFailure(split.updateSplitRootConfig({ registry, config: { globalRoot } }), Code.Unknown, none);
  await expectFailure(split.deleteSplitRootConfig({ registry, globalRoot }), Code.Unknown, none);
  const { registryVid } = await create(params);
  expect((await create({ maxDepth: 3 })).registryVid).toEqual(registryVid);
  for (const config of [{ maxDepth: 4 }, { minDiskUsage: 11n }, { maxDiskUsage: 1001n }]) {
    await expectFailure(create(config), Code.Unknown, "registry error: split root config already exists");
  }
  expect((await split.updateSplitRootConfig({ registry, config: { globalRoot } })).registryVid).toEqual(registryVid);
});

test("path flags stay below their root, and are checked early against the registry's version", async () => {
  const { upstream } = await start();
  const { split } = clientsOf(upstream);
  const set = (more: object) =>
    split.createSplitRootPathFlag({ registry, globalRoot, relativePath: "a", flags: 1, ...more });
  await expectFailure(set({ globalRoot: "/no" }), Code.NotFound, "unknown root");
  for (const relativePath of ["", ".", "..", "../other", "a/../.."]) {
    await expectFailure(set({ relativePath }), Code.InvalidArgument, "malformed path");
  }
  await expectFailure(set({ registryVid: zeroId }), Code.FailedPrecondition, "version conflict");
  await set({ registryVid: upstream.journal.head(registryHistory(registry)) });
});

test("unknown workflows, those of another kind and of another registry are refused", async () => {
  const { upstream, split, begin, streams } = await open();
  await expectFailure(
    split.commitSplitRootDu({ workflow: newUuid() }),
    Code.Unknown,
    "split-root workflow: uninitialized",
  );
  await expectFailure(
    split.commitSplitRootDu({ workflow: new Uint8Array(2) }),
    Code.InvalidArgument,
    "malformed workflow ID",
  );
  upstream.seed.appendRegistryWorkflowEvents(workflowB, [
    { event: Type.EV_FSO_PING_REGISTRY_STARTED, registryId: registryHistory(registry) },
  ]);
  await expectFailure(split.commitSplitRootDu({ workflow: workflowB }), Code.Unknown, /invalid event type/);
  upstream.seed.initRegistry("other");
  await begin();
  await expectFailure(
    streams.registryWorkflowEvents({ registry: "other", workflow }),
    Code.PermissionDenied,
    "registry does not own workflow",
  );
});

test("each command asks for its own action, and is refused with Unknown", async () => {
  const asked: string[] = [];
  let refused: string | undefined;
  const allows = (scope: Scope) => {
    asked.push(`${scope.action} ${"name" in scope ? scope.name : scope.path}`);
    return scope.action !== refused;
  };
  const { split, registries, streams } = await analysed("grpc", { allows });
  await split.appendSplitRootDecisions({
    workflow,
    paths: [{ path: "/ex/a", decision: Decision.D_CREATE_REPO }],
    creatorName: "A",
    creatorEmail: "a@example.org",
  });
  await split.appendSplitRootDecisions({ workflow, paths: [{ path: "/ex", decision: Decision.D_IGNORE_ONCE }] });
  await split.commitSplitRoot({ workflow });
  await split.getSplitRoot({ workflow });
  await split.listSplitRootPathFlags({ registry, globalRoot });
  await split.getSplitRootConfig({ registry, globalRoot });
  await registries.getRepos({ registry });
  expect(asked).toEqual([
    "fso/admin-registry exreg",
    "fso/admin-root /ex",
    "fso/exec-du /ex",
    "fso/exec-du /ex",
    "fso/exec-split-root /ex",
    "fso/exec-split-root /ex",
    "fso/admin-root /ex",
    "fso/init-repo /ex/a",
    "fso/admin-root /ex",
    "fso/admin-root /ex",
    "fso/admin-root /ex",
    "fso/read-root /ex",
    "fso/read-root /ex",
    "fso/read-registry exreg",
  ]);

  const deny = "default deny";
  refused = "fso/exec-split-root";
  await expectFailure(split.commitSplitRootAnalysis({ workflow }), Code.Unknown, deny);
  // The admin may abort as well.
  await expectFailure(split.abortSplitRoot({ workflow, statusCode: 1 }), Code.FailedPrecondition, conflict);
  refused = "fso/exec-du";
  await expectFailure(split.abortSplitRootDu({ workflow, statusCode: 1 }), Code.Unknown, deny);
  refused = "fso/read-root";
  await split.listSplitRootPathFlags({ registry, globalRoot });
  await expectFailure(streams.registryWorkflowEvents({ registry, workflow }), Code.Unknown, deny);
});

test("a waiting get ends when its client or the server goes", async () => {
  const { upstream, split, begin } = await open();
  await begin();
  const abort = new AbortController();
  const request = { workflow, jobControl: JobControl.JC_WAIT };
  const aborted = failure(split.getSplitRoot(request, { signal: abort.signal }));
  const shut = failure(split.getSplitRoot(request));
  await until(() => upstream.openCalls === 2);
  abort.abort();
  await until(() => upstream.openCalls === 1);
  await upstream.close();
  expect((await aborted).code).toBe(Code.Canceled);
  expect(await shut).toMatchObject({ code: Code.Unavailable, rawMessage: "shutdown" });
});

test("a restart on the same directory goes on where the first server ended", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "upstream-split-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const first = await startUpstream({ dataDir });
  seed(first);
  const { split } = clientsOf(first);
  await split.createSplitRootConfig({ registry, config: { globalRoot, ...params } });
  await split.createSplitRootPathFlag({ registry, globalRoot, relativePath: "keep", flags: 1 });
  await split.beginSplitRoot({ registry, globalRoot, workflow });
  const { workflowVid } = await split.appendSplitRootDu({ workflow, paths });
  await first.close();

  const second = await startUpstream({ dataDir });
  onTestFinished(() => second.close());
  const { split: again, index } = clientsOf(second);
  expect((await again.listSplitRootPathFlags({ registry, globalRoot })).paths).toMatchObject([{ path: "/ex/keep" }]);
  await expectFailure(
    again.beginSplitRoot({ registry, globalRoot, workflow }),
    Code.FailedPrecondition,
    "rejected workflow ID: ID has been used before",
  );
  expect(await again.getSplitRoot({ workflow })).toMatchObject({ workflowVid, du: paths });
  const aborted = await again.abortSplitRootDu({ workflow, workflowVid, statusCode: 1, statusMessage: "interrupted" });
  await again.abortSplitRoot({ workflow, workflowVid: aborted.workflowVid, statusCode: 1 });
  expect(await index()).toHaveLength(2);
});

test("snapshots keep the workflow with its root, and deletion removes it", async () => {
  const { upstream, split, begin, index } = await open();
  await begin();
  upstream.seed.snapshotIndex(registry);
  upstream.seed.trimIndex(registry);
  upstream.seed.collectIndex(registry);
  expect((await index())[1]?.workflowIndexState).toMatchObject({
    duRoot: [],
    splitRoot: [{ workflowId: workflow, completedWorkflowEventId: new Uint8Array(), ...root }],
  });
  await split.abortSplitRootDu({ workflow, statusCode: 1 });
  await split.abortSplitRoot({ workflow, statusCode: 1 });
  upstream.seed.deleteWorkflow(registry, workflow);
  expect((await index()).slice(3).map(({ event }) => event)).toEqual([127, 129]);
  await expectFailure(split.getSplitRoot({ workflow }), Code.Unknown, "split-root workflow: uninitialized");
});
