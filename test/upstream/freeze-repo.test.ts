import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { FreezeRepo, RegistryFreezeRepo, ReposFreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import { JobControl } from "../../functions/nog/gen/nogfso/job-control_pb.ts";
import { EphemeralRegistry, Registry, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import {
  RepoEvent_Type,
  Repos,
  GetRepoO_StorageTierCode as StorageTier,
} from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { StatusCode } from "../../functions/nog/gen/nogfso/status_pb.ts";
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

const workflow = workflowA;
const author = { authorName: "A U Thor", authorEmail: "author@example.org" };
const failed = { statusCode: StatusCode.SC_STAD_FREEZE_REPO_FAILED, statusMessage: "stad failed" };
const conflict = "freeze-repo workflow: command conflicts with aggregate state";
const registryConflict = "registry error: workflow conflict";
const repoConflict = "repos error: storage workflow conflict";

function clientsOf(upstream: Upstream, protocol: Protocol = "grpc") {
  const transport = protocols[protocol](upstream);
  const freeze = createClient(FreezeRepo, transport);
  const registries = createClient(Registry, transport);
  const repos = createClient(Repos, transport);
  const streams = createClient(EphemeralRegistry, transport);
  const ofRegistry = createClient(RegistryFreezeRepo, transport);
  const ofRepo = createClient(ReposFreezeRepo, transport);
  return {
    freeze,
    streams,
    ofRegistry,
    ofRepo,
    begin: (more: object = {}) => freeze.beginFreezeRepo({ registry, repo: repoId, workflow, ...author, ...more }),
    /** The part that the registry and the repo have in a freeze. */
    atRegistry: { registry, repo: repoId, workflow },
    atRepo: { repo: repoId, workflow },
    tier: async () => (await repos.getRepo({ repo: repoId })).storageTier,
    repo: () => repos.getRepo({ repo: repoId }),
    events: async () =>
      (await collect(streams.registryWorkflowEvents({ registry, workflow }))).flatMap((message) => message.events),
    index: async () =>
      (await collect(streams.registryWorkflowIndexEvents({ registry }))).flatMap((message) => message.events),
    registryEvents: async () => (await collect(registries.events({ registry }))).flatMap((message) => message.events),
    repoEvents: async () => (await collect(repos.events({ repo: repoId }))).flatMap((message) => message.events),
  };
}

/** With a repo that is online. */
async function open(protocol: Protocol = "grpc", options: UpstreamOptions = {}) {
  const { upstream } = await start(options);
  upstream.seed.confirmShadow(repoId);
  return { upstream, ...clientsOf(upstream, protocol) };
}

describe.each(protocolNames)("over %s", (protocol) => {
  test("a freeze writes the events of the original, in workflow, registry, repo and index", async () => {
    const all = await open(protocol);
    const { upstream, freeze, ofRegistry, ofRepo, atRegistry, atRepo } = all;
    const registryVid = upstream.journal.head(registryHistory(registry));
    const repoVid = upstream.journal.head(repoId);
    const begun = await all.begin();
    expect(begun).toMatchObject({ registryVid, repoVid });
    const registryBegun = await ofRegistry.registryBeginFreezeRepo({ ...atRegistry, registryVid });
    const repoBegun = await ofRepo.reposBeginFreezeRepo({ ...atRepo, repoVid });
    expect(await all.tier()).toBe(StorageTier.ST_FREEZING);
    const files = await freeze.beginFreezeRepoFiles({ workflow, workflowVid: begun.workflowVid });
    const frozen = await freeze.commitFreezeRepoFiles({ workflow, workflowVid: files.workflowVid });
    const repoCommitted = await ofRepo.reposCommitFreezeRepo(atRepo);
    const registryCommitted = await ofRegistry.registryCommitFreezeRepo(atRegistry);
    const committed = await freeze.commitFreezeRepo({ workflow, workflowVid: frozen.workflowVid });
    expect(await all.tier()).toBe(StorageTier.ST_FROZEN);

    const written = await all.events();
    expect(written).toMatchObject([
      {
        event: Type.EV_FSO_FREEZE_REPO_STARTED_2,
        registryId: registryHistory(registry),
        fsoRegistryName: registry,
        repoId,
        gitAuthor: { name: "A U Thor", email: "author@example.org" },
        fsoRepoInitInfo: { globalPath: "/ex/repo", fileHost: "" },
        registryEventId: new Uint8Array(),
        repoEventId: new Uint8Array(),
        id: begun.workflowVid,
      },
      { event: Type.EV_FSO_FREEZE_REPO_FILES_STARTED, id: files.workflowVid },
      { event: Type.EV_FSO_FREEZE_REPO_FILES_COMPLETED, statusCode: 0, id: frozen.workflowVid },
      { event: Type.EV_FSO_FREEZE_REPO_COMPLETED_2, statusCode: 0, statusMessage: "" },
      { event: Type.EV_FSO_FREEZE_REPO_COMMITTED, id: committed.workflowVid },
    ]);
    expect(await all.index()).toMatchObject([
      {
        event: Type.EV_FSO_FREEZE_REPO_STARTED_2,
        workflowId: workflow,
        workflowEventId: begun.workflowVid,
        fsoRepoInitInfo: { globalPath: "/ex/repo" },
        fsoRegistryName: "",
        id: begun.workflowIndexVid,
      },
      {
        event: Type.EV_FSO_FREEZE_REPO_COMPLETED_2,
        workflowId: workflow,
        workflowEventId: written[3]?.id,
        id: committed.workflowIndexVid,
      },
    ]);
    const ids = { repoId, workflowId: workflow };
    expect((await all.registryEvents()).slice(-2)).toMatchObject([
      { event: RegistryEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2, ...ids, id: registryBegun.registryVid },
      {
        event: RegistryEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2,
        ...ids,
        statusCode: 0,
        id: registryCommitted.registryVid,
      },
    ]);
    expect((await all.repoEvents()).slice(-2)).toMatchObject([
      { event: RepoEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2, workflowId: workflow, id: repoBegun.repoVid },
      {
        event: RepoEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2,
        workflowId: workflow,
        statusCode: 0,
        id: repoCommitted.repoVid,
      },
    ]);
  });

  test("a freeze that failed is aborted in repo, registry and workflow, and can be tried again", async () => {
    const all = await open(protocol);
    const { upstream, freeze, ofRegistry, ofRepo, atRegistry, atRepo } = all;
    await all.begin();
    await ofRegistry.registryBeginFreezeRepo(atRegistry);
    await ofRepo.reposBeginFreezeRepo(atRepo);
    await freeze.beginFreezeRepoFiles({ workflow });
    await freeze.abortFreezeRepoFiles({ workflow, ...failed });
    await ofRepo.reposAbortFreezeRepo({ ...atRepo, ...failed });
    await ofRegistry.registryAbortFreezeRepo({ ...atRegistry, statusCode: failed.statusCode });
    const aborted = await freeze.abortFreezeRepo({ workflow, ...failed });

    expect((await all.events()).slice(2)).toMatchObject([
      { event: Type.EV_FSO_FREEZE_REPO_FILES_COMPLETED, ...failed },
      { event: Type.EV_FSO_FREEZE_REPO_COMPLETED_2, ...failed },
      { event: Type.EV_FSO_FREEZE_REPO_COMMITTED, id: aborted.workflowVid },
    ]);
    expect((await all.registryEvents()).at(-1)).toMatchObject({
      event: RegistryEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2,
      statusCode: failed.statusCode,
    });
    expect((await all.repoEvents()).slice(-2)).toMatchObject([
      { event: RepoEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2, statusCode: failed.statusCode, statusMessage: "" },
      { event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage: "freeze failed: stad failed" },
    ]);
    expect(await all.repo()).toMatchObject({
      storageTier: StorageTier.ST_FREEZE_FAILED,
      errorMessage: "freeze failed: stad failed",
    });

    const next = { workflow: workflowB };
    await expectFailure(all.begin(next), Code.FailedPrecondition, "repo has stored error");
    await ofRegistry.registryBeginFreezeRepo({ ...atRegistry, ...next });
    await expectFailure(ofRepo.reposBeginFreezeRepo({ ...atRepo, ...next }), Code.Unknown, repoConflict);
    upstream.seed.appendRepoEvents(repoId, [{ event: RepoEvent_Type.EV_FSO_REPO_ERROR_CLEARED }]);
    await ofRepo.reposBeginFreezeRepo({ ...atRepo, ...next });
    expect(await all.tier()).toBe(StorageTier.ST_FREEZING);
  });

  test("getting waits for the completion with JC_WAIT, and tells the state otherwise", async () => {
    const { upstream, freeze, begin } = await open(protocol);
    await begin();
    const get = (jobControl: JobControl = JobControl.JC_NO_WAIT) => freeze.getFreezeRepo({ workflow, jobControl });
    const running = { statusCode: StatusCode.SC_RUNNING, registry, repoId };
    expect(await get()).toMatchObject({ ...running, statusMessage: "initializing" });
    await freeze.beginFreezeRepoFiles({ workflow });
    expect(await get()).toMatchObject({ ...running, statusMessage: "freezing files" });
    await freeze.abortFreezeRepoFiles({ workflow, ...failed });
    expect(await get()).toMatchObject({ statusCode: StatusCode.SC_FAILED, statusMessage: "freezing files failed" });
    const waiting = get(JobControl.JC_WAIT);
    await until(() => upstream.openCalls === 1);
    await freeze.abortFreezeRepo({ workflow, ...failed });
    expect(await waiting).toMatchObject(failed);
  });
});

test("the versions that a freeze was begun with are checked early and are in its first event", async () => {
  const { upstream, begin, events } = await open();
  const registryVid = upstream.journal.head(registryHistory(registry));
  const repoVid = upstream.journal.head(repoId);
  await expectFailure(begin({ registryVid: new Uint8Array(3) }), Code.InvalidArgument, "malformed VID");
  await expectFailure(begin({ registryVid: zeroId }), Code.FailedPrecondition, "version conflict");
  await expectFailure(begin({ registryVid: noVersionCheck }), Code.FailedPrecondition, "version conflict");
  await expectFailure(begin({ registryVid, repoVid: registryVid }), Code.FailedPrecondition, "version conflict");
  await begin({ registryVid, repoVid });
  expect((await events())[0]).toMatchObject({ registryEventId: registryVid, repoEventId: repoVid });
});

test("beginning checks repo, registry, versions and workflow id in this order", async () => {
  const { upstream, begin } = await open();
  upstream.seed.initRegistry("other");
  await expectFailure(begin({ repo: new Uint8Array(1), registry: "-" }), Code.InvalidArgument, /malformed repo id/);
  await expectFailure(begin({ registry: "-" }), Code.InvalidArgument, /malformed registry name/);
  await expectFailure(begin({ registry: "none" }), Code.Unknown, "registry error: uninitialized registry");
  await expectFailure(begin({ registry: "other", registryVid: zeroId }), Code.NotFound, "unknown repo");
  await expectFailure(begin({ repo: newUuid() }), Code.NotFound, "unknown repo");
  await expectFailure(begin({ workflow: new Uint8Array(3) }), Code.InvalidArgument, "malformed workflow ID");
  await expectFailure(begin({ authorName: "" }), Code.Unknown, "freeze-repo workflow: empty AuthorName");
});

test("beginning burns the workflow id, also if registry or repo refuse", async () => {
  const { upstream, begin } = await open();
  const used = "rejected workflow ID: ID has been used before";
  const { seed: s } = upstream;
  const child = s.initRepo(registry, { globalPath: "/ex/repo/child" });
  await expectFailure(begin(), Code.FailedPrecondition, "registry: not a leaf repo");
  await expectFailure(begin(), Code.FailedPrecondition, used);
  const next = { repo: child, workflow: workflowB };
  s.appendRegistryEvents(registry, [
    { event: RegistryEvent_Type.EV_FSO_ARCHIVE_REPO_STARTED, repoId: child, workflowId: newUuid() },
  ]);
  await expectFailure(begin(next), Code.FailedPrecondition, "registry: conflicting repo storage state");
  await expectFailure(begin(next), Code.FailedPrecondition, used);
  s.appendRegistryEvents(registry, [
    { event: RegistryEvent_Type.EV_FSO_UNFREEZE_REPO_COMPLETED_2, repoId: child, workflowId: newUuid() },
  ]);
  await begin({ repo: child, workflow: newUuid() });
});

test("steps out of order are FailedPrecondition, a repeated one is idempotent until the next", async () => {
  const { freeze, begin } = await open();
  await begin();
  const refused = (call: Promise<unknown>) => expectFailure(call, Code.FailedPrecondition, conflict);
  await refused(freeze.commitFreezeRepoFiles({ workflow }));
  await refused(freeze.abortFreezeRepoFiles({ workflow, ...failed }));
  await refused(freeze.commitFreezeRepo({ workflow }));
  const files = await freeze.beginFreezeRepoFiles({ workflow });
  expect(await freeze.beginFreezeRepoFiles({ workflow })).toEqual(files);
  await refused(freeze.commitFreezeRepo({ workflow }));
  await refused(freeze.abortFreezeRepo({ workflow, ...failed }));
  const frozen = await freeze.commitFreezeRepoFiles({ workflow });
  expect(await freeze.commitFreezeRepoFiles({ workflow, workflowVid: frozen.workflowVid })).toEqual(frozen);
  await refused(freeze.beginFreezeRepoFiles({ workflow }));
  await refused(freeze.abortFreezeRepoFiles({ workflow, ...failed }));
  await freeze.commitFreezeRepo({ workflow });
  await refused(freeze.commitFreezeRepo({ workflow }));
  await refused(freeze.beginFreezeRepoFiles({ workflow }));
  await expectFailure(
    freeze.abortFreezeRepo({ workflow, ...failed }),
    Code.Unknown,
    "freeze-repo workflow: already terminated",
  );
});

test("a freeze can be aborted before its files, and after them", async () => {
  for (const withFiles of [false, true]) {
    const { freeze, begin, index } = await open();
    await begin();
    if (withFiles) {
      await freeze.beginFreezeRepoFiles({ workflow });
      await freeze.commitFreezeRepoFiles({ workflow });
    }
    const status = { statusCode: StatusCode.SC_REGISTRY_BEGIN_FREEZE_REPO_FAILED, statusMessage: "registry failed" };
    await freeze.abortFreezeRepo({ workflow, ...status });
    expect(await freeze.getFreezeRepo({ workflow })).toMatchObject(status);
    expect(await index()).toHaveLength(2);
    await expectFailure(freeze.abortFreezeRepo({ workflow, ...status }), Code.Unknown, /already terminated/);
    await expectFailure(freeze.commitFreezeRepo({ workflow }), Code.FailedPrecondition, conflict);
  }
});

test("a commit or an abort that was interrupted before the final event can be repeated", async () => {
  for (const statusCode of [0, 103]) {
    const { upstream, freeze, begin, events, index } = await open();
    await begin();
    upstream.seed.appendRegistryWorkflowEvents(workflow, [{ event: Type.EV_FSO_FREEZE_REPO_COMPLETED_2, statusCode }]);
    if (statusCode === 0) await freeze.commitFreezeRepo({ workflow });
    else await freeze.abortFreezeRepo({ workflow, ...failed });
    expect((await events()).map(({ event }) => event)).toEqual([161, 164, 165]);
    expect(await index()).toHaveLength(2);
    expect((await freeze.getFreezeRepo({ workflow })).statusCode).toBe(statusCode);
  }
});

test("version conflicts are Unknown and name both versions, in workflow, registry and repo", async () => {
  const { upstream, freeze, ofRegistry, ofRepo, begin, atRegistry, atRepo } = await open();
  const { workflowVid } = await begin();
  const expected = newEventId(0);
  const text = (stored: Uint8Array) =>
    `version conflict: stored VID ${ulidText(stored)} != expected VID ${ulidText(expected)}`;
  await expectFailure(
    freeze.beginFreezeRepoFiles({ workflow, workflowVid: expected }),
    Code.Unknown,
    `freeze-repo workflow: event journal: ${text(workflowVid)}`,
  );
  await expectFailure(
    ofRegistry.registryBeginFreezeRepo({ ...atRegistry, registryVid: expected }),
    Code.Unknown,
    `registry error: ${text(upstream.journal.head(registryHistory(registry)))}`,
  );
  await expectFailure(
    ofRepo.reposBeginFreezeRepo({ ...atRepo, repoVid: expected }),
    Code.Unknown,
    `repos error: ${text(upstream.journal.head(repoId))}`,
  );
  for (const vid of [noVersionCheck, retryNoVersionCheck]) {
    await ofRegistry.registryBeginFreezeRepo({ ...atRegistry, registryVid: vid });
    await ofRepo.reposBeginFreezeRepo({ ...atRepo, repoVid: vid });
    await freeze.beginFreezeRepoFiles({ workflow, workflowVid: vid });
  }
  await expectFailure(
    ofRepo.reposCommitFreezeRepo({ ...atRepo, repoVid: new Uint8Array(3) }),
    Code.InvalidArgument,
    /malformed vid/,
  );
});

test("of commands that race for one version, one wins", async () => {
  const { freeze, ofRepo, begin, upstream, atRepo, events } = await open();
  const { workflowVid } = await begin();
  await freeze.beginFreezeRepoFiles({ workflow, workflowVid });
  const files = upstream.journal.head(workflow);
  const results = await Promise.allSettled([
    ...Array.from({ length: 5 }, () => freeze.commitFreezeRepoFiles({ workflow, workflowVid: files })),
    ...Array.from({ length: 5 }, () => freeze.abortFreezeRepoFiles({ workflow, workflowVid: files, ...failed })),
  ]);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect(await events()).toHaveLength(3);

  const repoVid = upstream.journal.head(repoId);
  const leaders = await Promise.allSettled(
    [workflowA, workflowB].map((id) => ofRepo.reposBeginFreezeRepo({ ...atRepo, workflow: id, repoVid })),
  );
  expect(leaders.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("registry and repo belong to one workflow until it ends, and repeat its commands without an event", async () => {
  const { ofRegistry, ofRepo, atRegistry, atRepo, registryEvents, repoEvents } = await open();
  const other = { workflow: workflowB };
  const refusedByRegistry = (call: Promise<unknown>) => expectFailure(call, Code.Unknown, registryConflict);
  const refusedByRepo = (call: Promise<unknown>) => expectFailure(call, Code.Unknown, repoConflict);
  // Nothing is pending: an abort that cleans up learns it from the text.
  await refusedByRegistry(ofRegistry.registryAbortFreezeRepo({ ...atRegistry, statusCode: 103 }));
  await refusedByRegistry(ofRegistry.registryCommitFreezeRepo(atRegistry));
  await refusedByRepo(ofRepo.reposAbortFreezeRepo({ ...atRepo, ...failed }));
  await refusedByRepo(ofRepo.reposCommitFreezeRepo(atRepo));

  const counts = async () => [(await registryEvents()).length, (await repoEvents()).length];
  for (const step of ["begin", "commit"] as const) {
    const [atRegistries, atRepos] = (await counts()) as [number, number];
    for (let i = 0; i < 2; i++) {
      if (step === "begin") {
        await ofRegistry.registryBeginFreezeRepo(atRegistry);
        await ofRepo.reposBeginFreezeRepo(atRepo);
      } else {
        await ofRegistry.registryCommitFreezeRepo(atRegistry);
        await ofRepo.reposCommitFreezeRepo(atRepo);
      }
    }
    expect(await counts()).toEqual([atRegistries + 1, atRepos + 1]);
    await refusedByRegistry(ofRegistry.registryBeginFreezeRepo({ ...atRegistry, ...other }));
    await refusedByRegistry(ofRegistry.registryCommitFreezeRepo({ ...atRegistry, ...other }));
    await refusedByRegistry(ofRegistry.registryAbortFreezeRepo({ ...atRegistry, ...other, statusCode: 103 }));
    await refusedByRepo(ofRepo.reposBeginFreezeRepo({ ...atRepo, ...other }));
    await refusedByRepo(ofRepo.reposCommitFreezeRepo({ ...atRepo, ...other }));
    await refusedByRepo(ofRepo.reposAbortFreezeRepo({ ...atRepo, ...other, ...failed }));
  }
  // Frozen: the same workflow can neither begin again nor abort.
  await refusedByRegistry(ofRegistry.registryBeginFreezeRepo(atRegistry));
  await refusedByRegistry(ofRegistry.registryAbortFreezeRepo({ ...atRegistry, statusCode: 103 }));
  await refusedByRepo(ofRepo.reposBeginFreezeRepo(atRepo));
  await refusedByRepo(ofRepo.reposAbortFreezeRepo({ ...atRepo, ...failed }));
});

test("a repeated abort of registry and repo writes no event", async () => {
  const { ofRegistry, ofRepo, atRegistry, atRepo, registryEvents, repoEvents } = await open();
  await ofRegistry.registryBeginFreezeRepo(atRegistry);
  await ofRepo.reposBeginFreezeRepo(atRepo);
  const abort = async () => [
    await ofRegistry.registryAbortFreezeRepo({ ...atRegistry, statusCode: 104 }),
    await ofRepo.reposAbortFreezeRepo({ ...atRepo, ...failed }),
  ];
  const first = await abort();
  const counts = [(await registryEvents()).length, (await repoEvents()).length];
  expect(await abort()).toEqual(first);
  expect([(await registryEvents()).length, (await repoEvents()).length]).toEqual(counts);
});

test("the registry freezes leaf repos, the repo only what is online, at rest and without error", async () => {
  const { upstream, ofRegistry, ofRepo, atRegistry, atRepo } = await open();
  const { seed: s } = upstream;
  const child = s.initRepo(registry, { globalPath: "/ex/repo/child" });
  await expectFailure(
    ofRegistry.registryBeginFreezeRepo(atRegistry),
    Code.Unknown,
    "registry error: cannot freeze repo",
  );
  await expectFailure(ofRepo.reposBeginFreezeRepo({ ...atRepo, repo: child }), Code.Unknown, repoConflict);
  s.appendRepoEvents(repoId, [{ event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage: "oops" }]);
  await expectFailure(
    ofRepo.reposBeginFreezeRepo(atRepo),
    Code.Unknown,
    "repos error: cannot proceed due to repo error",
  );
  s.appendRepoEvents(repoId, [{ event: RepoEvent_Type.EV_FSO_REPO_ERROR_CLEARED }]);
  s.beginRepoWorkflow(repoId, { newGlobalPath: "/ex/moved" });
  await expectFailure(ofRepo.reposBeginFreezeRepo(atRepo), Code.Unknown, "repos error: workflow conflict");
});

test("a repo's abort needs a code and a message of at most 150 bytes", async () => {
  const { ofRepo, atRepo, repo } = await open();
  await ofRepo.reposBeginFreezeRepo(atRepo);
  const abort = (status: object) => ofRepo.reposAbortFreezeRepo({ ...atRepo, ...failed, ...status });
  await expectFailure(abort({ statusCode: 0 }), Code.Unknown, "repos error: invalid error status code");
  await expectFailure(abort({ statusMessage: "" }), Code.Unknown, "repos error: invalid error status message");
  const long = "ü".repeat(75);
  await expectFailure(abort({ statusMessage: `${long}x` }), Code.Unknown, "repos error: status message too long");
  await abort({ statusMessage: long });
  expect((await repo()).errorMessage).toBe(`freeze failed: ${long}`);
});

test("unknown workflows, those of another kind, and repos of another registry are refused", async () => {
  const { upstream, freeze, ofRegistry, ofRepo, streams, begin, atRegistry, atRepo } = await open();
  await expectFailure(
    freeze.beginFreezeRepoFiles({ workflow: newUuid() }),
    Code.Unknown,
    "freeze-repo workflow: uninitialized",
  );
  await expectFailure(
    freeze.beginFreezeRepoFiles({ workflow: new Uint8Array(2) }),
    Code.InvalidArgument,
    "malformed workflow ID",
  );
  upstream.seed.appendRegistryWorkflowEvents(workflowB, [
    { event: Type.EV_FSO_PING_REGISTRY_STARTED, registryId: registryHistory(registry) },
  ]);
  await expectFailure(freeze.commitFreezeRepo({ workflow: workflowB }), Code.Unknown, /invalid event type/);
  upstream.seed.initRegistry("other");
  await expectFailure(
    ofRegistry.registryBeginFreezeRepo({ ...atRegistry, registry: "other" }),
    Code.NotFound,
    "unknown repo",
  );
  await expectFailure(
    ofRegistry.registryBeginFreezeRepo({ ...atRegistry, workflow: new Uint8Array(2) }),
    Code.InvalidArgument,
    /malformed workflow id/,
  );
  await expectFailure(
    ofRepo.reposBeginFreezeRepo({ ...atRepo, repo: newUuid() }),
    Code.Unknown,
    "repos error: uninitialized repo",
  );
  await begin();
  await expectFailure(
    streams.registryWorkflowEvents({ registry: "other", workflow }),
    Code.PermissionDenied,
    "registry does not own workflow",
  );
});

test("each command asks for its own action on the repo's path, and is refused with Unknown", async () => {
  const asked: string[] = [];
  let refused: string | undefined;
  const allows = (scope: Scope) => {
    asked.push(`${scope.action} ${"name" in scope ? scope.name : scope.path}`);
    return scope.action !== refused;
  };
  const { freeze, ofRegistry, ofRepo, streams, begin, repo, atRegistry, atRepo } = await open("grpc", { allows });
  await begin();
  await ofRegistry.registryBeginFreezeRepo(atRegistry);
  await ofRepo.reposBeginFreezeRepo(atRepo);
  await freeze.beginFreezeRepoFiles({ workflow });
  await freeze.commitFreezeRepoFiles({ workflow });
  await freeze.getFreezeRepo({ workflow });
  await repo();
  expect(asked).toEqual([
    "fso/freeze-repo /ex/repo",
    ...Array(4).fill("fso/exec-freeze-repo /ex/repo"),
    "fso/freeze-repo /ex/repo",
    "fso/read-repo /ex/repo",
  ]);
  const deny = "default deny";
  refused = "fso/exec-freeze-repo";
  await expectFailure(ofRegistry.registryCommitFreezeRepo(atRegistry), Code.Unknown, deny);
  await expectFailure(ofRepo.reposCommitFreezeRepo(atRepo), Code.Unknown, deny);
  await expectFailure(freeze.commitFreezeRepo({ workflow }), Code.Unknown, deny);
  refused = "fso/freeze-repo";
  await expectFailure(begin({ workflow: workflowB }), Code.Unknown, deny);
  refused = "fso/read-repo";
  await expectFailure(streams.registryWorkflowEvents({ registry, workflow }), Code.Unknown, deny);
});

test("a waiting get ends when its client or the server goes", async () => {
  const { upstream, freeze, begin } = await open();
  await begin();
  const abort = new AbortController();
  const request = { workflow, jobControl: JobControl.JC_WAIT };
  const aborted = failure(freeze.getFreezeRepo(request, { signal: abort.signal }));
  const shut = failure(freeze.getFreezeRepo(request));
  await until(() => upstream.openCalls === 2);
  abort.abort();
  await until(() => upstream.openCalls === 1);
  await upstream.close();
  expect((await aborted).code).toBe(Code.Canceled);
  expect(await shut).toMatchObject({ code: Code.Unavailable, rawMessage: "shutdown" });
});

test("a restart on the same directory goes on where the first server ended", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "upstream-freeze-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const first = await startUpstream({ dataDir });
  seed(first);
  first.seed.confirmShadow(repoId);
  const before = clientsOf(first);
  const { workflowVid } = await before.begin();
  await before.ofRegistry.registryBeginFreezeRepo(before.atRegistry);
  await before.ofRepo.reposBeginFreezeRepo(before.atRepo);
  await first.close();

  const second = await startUpstream({ dataDir });
  onTestFinished(() => second.close());
  const { freeze, ofRegistry, ofRepo, begin, atRegistry, atRepo, tier, index } = clientsOf(second);
  expect(await tier()).toBe(StorageTier.ST_FREEZING);
  await expectFailure(begin(), Code.FailedPrecondition, "rejected workflow ID: ID has been used before");
  await expectFailure(ofRepo.reposBeginFreezeRepo({ ...atRepo, workflow: workflowB }), Code.Unknown, repoConflict);
  // What the killed client may have had answered or not is repeated.
  await ofRegistry.registryBeginFreezeRepo(atRegistry);
  await ofRepo.reposBeginFreezeRepo(atRepo);
  await freeze.beginFreezeRepoFiles({ workflow, workflowVid });
  await freeze.commitFreezeRepoFiles({ workflow });
  await ofRepo.reposCommitFreezeRepo(atRepo);
  await ofRegistry.registryCommitFreezeRepo(atRegistry);
  await freeze.commitFreezeRepo({ workflow });
  expect(await tier()).toBe(StorageTier.ST_FROZEN);
  expect(await index()).toHaveLength(2);
});

test("snapshots keep the workflow with its path, and deletion removes it", async () => {
  const { upstream, freeze, begin, index } = await open();
  await begin();
  upstream.seed.snapshotIndex(registry);
  upstream.seed.trimIndex(registry);
  upstream.seed.collectIndex(registry);
  expect((await index())[1]?.workflowIndexState).toMatchObject({
    splitRoot: [],
    freezeRepo: [{ workflowId: workflow, completedWorkflowEventId: new Uint8Array(), globalPath: "/ex/repo" }],
  });
  await freeze.abortFreezeRepo({ workflow, ...failed });
  upstream.seed.deleteWorkflow(registry, workflow);
  expect((await index()).slice(3).map(({ event }) => event)).toEqual([164, 166]);
  await expectFailure(freeze.getFreezeRepo({ workflow }), Code.Unknown, "freeze-repo workflow: uninitialized");
});
