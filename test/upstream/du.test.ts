import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { JobControl } from "../../functions/nog/gen/nogfso/job-control_pb.ts";
import { DiskUsage, EphemeralRegistry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { WorkflowEvent_Type as Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { newEventId, newUuid, registryHistory, ulidText, zeroId } from "../../local/upstream/ids.ts";
import { noVersionCheck, retryNoVersionCheck } from "../../local/upstream/vid.ts";
import {
  collect,
  expectFailure,
  failure,
  protocolNames,
  protocols,
  registry,
  repoId,
  start,
  until,
  workflowA,
} from "./harness.ts";

const globalRoot = "/ex";

async function open(protocol: keyof typeof protocols = "grpc") {
  const { upstream } = await start();
  const transport = protocols[protocol](upstream);
  const du = createClient(DiskUsage, transport);
  const streams = createClient(EphemeralRegistry, transport);
  const events = async (workflow = workflowA) =>
    (await collect(streams.registryWorkflowEvents({ registry, workflow }))).flatMap((message) => message.events);
  const index = async () =>
    (await collect(streams.registryWorkflowIndexEvents({ registry }))).flatMap((message) => message.events);
  const begin = () => du.beginDuRoot({ registry, globalRoot, workflow: workflowA });
  return { upstream, du, events, index, begin };
}

describe.each(protocolNames)("over %s", (protocol) => {
  test("begin, append and commit write the events of the original and chain by version", async () => {
    const { upstream, du, events, index, begin } = await open(protocol);
    const begun = await begin();
    expect(begun.registryVid).toEqual(upstream.journal.head(registryHistory(registry)));
    const appended = await du.appendDuRoot({
      workflow: workflowA,
      workflowVid: begun.workflowVid,
      paths: [
        { path: ".", usage: 123_456_789_012n },
        { path: "a/b", usage: 5n },
      ],
    });
    const committed = await du.commitDuRoot({ workflow: workflowA, workflowVid: appended.workflowVid });

    const root = { globalRoot, host: "h.example.org", hostRoot: "/data/ex" };
    const written = await events();
    expect(written).toMatchObject([
      { event: Type.EV_FSO_DU_ROOT_STARTED, registryId: registryHistory(registry), fsoRootInfo: root },
      { event: Type.EV_FSO_DU_UPDATED, pathDiskUsage: { path: ".", usage: 123_456_789_012n } },
      { event: Type.EV_FSO_DU_UPDATED, pathDiskUsage: { path: "a/b", usage: 5n } },
      { event: Type.EV_FSO_DU_ROOT_COMPLETED, statusCode: 0, statusMessage: "" },
      { event: Type.EV_FSO_DU_ROOT_COMMITTED },
    ]);
    expect(written.map((event) => event.id)).toMatchObject([
      begun.workflowVid,
      {},
      appended.workflowVid,
      {},
      committed.workflowVid,
    ]);
    const indexed = await index();
    expect(indexed).toMatchObject([
      {
        event: Type.EV_FSO_DU_ROOT_STARTED,
        workflowId: workflowA,
        workflowEventId: written[0]?.id,
        fsoRootInfo: root,
      },
      { event: Type.EV_FSO_DU_ROOT_COMPLETED, workflowId: workflowA, workflowEventId: written[3]?.id },
    ]);
    expect(indexed.map((event) => event.id)).toEqual([begun.workflowIndexVid, committed.workflowIndexVid]);
  });

  test("getting waits for completion with JC_WAIT and is partial with JC_BACKGROUND", async () => {
    const { upstream, du, begin } = await open(protocol);
    await begin();
    await du.appendDuRoot({ workflow: workflowA, paths: [{ path: ".", usage: 1n }] });
    const background = du.getDuRoot({ workflow: workflowA, jobControl: JobControl.JC_BACKGROUND });
    await expectFailure(background, Code.Unknown, "partial result");

    const waiting = collect(du.getDuRoot({ workflow: workflowA, jobControl: JobControl.JC_WAIT }));
    await until(() => upstream.openCalls === 1);
    await du.appendDuRoot({ workflow: workflowA, paths: [{ path: "a", usage: 2n }] });
    await du.commitDuRoot({ workflow: workflowA });
    const paths = (await waiting).map((message) => message.paths.map((path) => path.path));
    expect(paths).toEqual([["."], ["a"], []]);
  });
});

test("getting a failed workflow gives its paths, then Unknown with its message", async () => {
  const { du, events, begin } = await open();
  await begin();
  await du.commitDuRoot({ workflow: workflowA, statusCode: 1, statusMessage: "du was interrupted" });
  expect((await events())[1]).toMatchObject({ statusCode: 1, statusMessage: "du was interrupted" });
  for (const jobControl of [JobControl.JC_WAIT, JobControl.JC_BACKGROUND]) {
    await expectFailure(du.getDuRoot({ workflow: workflowA, jobControl }), Code.Unknown, "du was interrupted");
  }
  for (const jobControl of [JobControl.JC_UNSPECIFIED, JobControl.JC_NO_WAIT]) {
    const get = du.getDuRoot({ workflow: workflowA, jobControl });
    await expectFailure(get, Code.InvalidArgument, "malformed job control");
  }
});

test("a waiting get ends when its client or the server goes", async () => {
  const { upstream, du, begin } = await open();
  await begin();
  const request = { workflow: workflowA, jobControl: JobControl.JC_WAIT };
  const abort = new AbortController();
  const aborted = failure(du.getDuRoot(request, { signal: abort.signal }));
  const shut = failure(du.getDuRoot(request));
  await until(() => upstream.openCalls === 2);
  abort.abort();
  await until(() => upstream.openCalls === 1);
  await upstream.close();
  expect((await aborted).code).toBe(Code.Canceled);
  expect(await shut).toMatchObject({ code: Code.Unavailable, rawMessage: "shutdown" });
});

test("beginning checks registry, version, root and workflow id in this order", async () => {
  const { upstream, du } = await open();
  const vid = upstream.journal.head(registryHistory(registry));
  const workflow = new Uint8Array(3);
  const begin = (more: object) => du.beginDuRoot({ registry, globalRoot, workflow, ...more });
  await expectFailure(begin({ registry: "-" }), Code.InvalidArgument, /malformed registry name/);
  await expectFailure(
    begin({ registry: "other", vid: zeroId }),
    Code.Unknown,
    "registry error: uninitialized registry",
  );
  await expectFailure(begin({ vid: new Uint8Array(3), globalRoot: "/no" }), Code.InvalidArgument, "malformed VID");
  await expectFailure(begin({ vid: zeroId, globalRoot: "/no" }), Code.FailedPrecondition, "version conflict");
  await expectFailure(begin({ vid: noVersionCheck }), Code.FailedPrecondition, "version conflict");
  await expectFailure(begin({ vid, globalRoot: "/no" }), Code.NotFound, "unknown root");
  await expectFailure(begin({ vid }), Code.InvalidArgument, "malformed workflow ID");
  await begin({ vid, globalRoot: "//ex/./", workflow: workflowA });
});

test("a workflow id works once, also if the call that used it failed or the server restarted since", async () => {
  const { du, begin } = await open();
  const used = "rejected workflow ID: ID has been used before";
  await begin();
  await expectFailure(begin(), Code.FailedPrecondition, used);
  await expectFailure(du.beginDuRoot({ registry, globalRoot, workflow: repoId }), Code.FailedPrecondition, used);
  for (let i = 0; i < 250; i++) await du.beginDuRoot({ registry, globalRoot, workflow: newUuid() });
  await expectFailure(begin(), Code.FailedPrecondition, used);
});

test("versions: none and the sentinels do not check, any other must be the current one", async () => {
  const { du, begin } = await open();
  const { workflowVid } = await begin();
  const append = (vid: Uint8Array) =>
    du.appendDuRoot({ workflow: workflowA, workflowVid: vid, paths: [{ path: ".", usage: 1n }] });
  let current = workflowVid;
  for (const vid of [new Uint8Array(), noVersionCheck, retryNoVersionCheck]) current = (await append(vid)).workflowVid;
  const stale = newEventId(0);
  await expectFailure(
    append(stale),
    Code.Unknown,
    `version conflict: stored VID ${ulidText(current)} != expected VID ${ulidText(stale)}`,
  );
  await expectFailure(append(zeroId), Code.Unknown, /version conflict: stored VID/);
  await expectFailure(append(new Uint8Array(5)), Code.InvalidArgument, /malformed vid/);
  await append(current);
});

test("appending no paths without a version gives the sentinel back", async () => {
  const { du, begin } = await open();
  await begin();
  expect((await du.appendDuRoot({ workflow: workflowA })).workflowVid).toEqual(noVersionCheck);
});

test("each path is a commit of its own, so a conflict in between leaves the first paths", async () => {
  const { upstream, du, events, begin } = await open();
  await begin();
  const stop = upstream.journal.onCommit(workflowA, () => {
    stop();
    upstream.seed.appendRegistryWorkflowEvents(workflowA, [
      { event: Type.EV_FSO_DU_UPDATED, pathDiskUsage: { path: "other", usage: 9n } },
    ]);
  });
  const paths = [
    { path: "1", usage: 1n },
    { path: "2", usage: 2n },
  ];
  await expectFailure(du.appendDuRoot({ workflow: workflowA, paths }), Code.Unknown, /version conflict/);
  expect((await events()).map((event) => event.pathDiskUsage?.path)).toEqual([undefined, "1", "other"]);
});

test("after the final event every command conflicts with the state", async () => {
  const { du, begin } = await open();
  await begin();
  await du.commitDuRoot({ workflow: workflowA });
  const conflict = "command conflicts with current state";
  await expectFailure(du.commitDuRoot({ workflow: workflowA }), Code.Unknown, conflict);
  await expectFailure(du.commitDuRoot({ workflow: workflowA, statusCode: 1 }), Code.Unknown, conflict);
  await expectFailure(
    du.appendDuRoot({ workflow: workflowA, paths: [{ path: ".", usage: 1n }] }),
    Code.Unknown,
    conflict,
  );
});

test("a commit that was interrupted before the index or the final event can be repeated", async () => {
  const { upstream, du, events, index, begin } = await open();
  const { workflowVid } = await begin();
  const completed = upstream.seed.appendRegistryWorkflowEvents(workflowA, [{ event: Type.EV_FSO_DU_ROOT_COMPLETED }]);
  await expectFailure(
    du.commitDuRoot({ workflow: workflowA, workflowVid }),
    Code.Unknown,
    /version conflict: stored VID/,
  );
  await du.commitDuRoot({ workflow: workflowA, workflowVid: completed });
  expect(await events()).toHaveLength(3);
  expect(await index()).toHaveLength(2);
});

test("unknown workflows and workflows of another kind are Unknown", async () => {
  const { upstream, du } = await open();
  const unknown = newUuid();
  await expectFailure(du.commitDuRoot({ workflow: unknown }), Code.Unknown, "workflow uninitialized");
  await expectFailure(du.appendDuRoot({ workflow: new Uint8Array(2) }), Code.InvalidArgument, "malformed workflow ID");
  upstream.seed.appendRegistryWorkflowEvents(unknown, [
    { event: Type.EV_FSO_PING_REGISTRY_STARTED, registryId: registryHistory(registry) },
  ]);
  await expectFailure(du.commitDuRoot({ workflow: unknown }), Code.Unknown, /invalid event type/);
});
