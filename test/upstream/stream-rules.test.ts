import { Code, createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { EphemeralRegistry, Registry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { indexHistory, newUuid, registryHistory, uuidText } from "../../local/upstream/ids.ts";
import {
  collect,
  expectFailure,
  failure,
  protocolNames,
  protocols,
  registry,
  repoId,
  start,
  Watch,
  workflowA,
  workflowB,
} from "./harness.ts";

test("names give the ids of the original", () => {
  expect(uuidText(registryHistory("exreg"))).toBe("a85e477e-e5d3-5d2d-b4a8-ec32cfe3254f");
  expect(uuidText(indexHistory("exreg"))).toBe("583eef08-a9a7-5314-b743-ac1966d240b3");
  expect(uuidText(registryHistory("exreg2"))).toBe("f8c5cbec-f76b-527b-a27d-90e3a1e67ff0");
  expect(uuidText(indexHistory("exreg2"))).toBe("807bb006-a59d-563d-96c2-ee21c41a1dde");
});

test.each(protocolNames)("over %s a malformed registry name is refused before anything else", async (protocol) => {
  const { upstream } = await start({ token: "t" });
  const transport = protocols[protocol](upstream);
  for (const name of ["", "Ex", "-a", "a-", "a..b", "1a", "a.", "a b"]) {
    const stream = createClient(Registry, transport).events({ registry: name, after: new Uint8Array(3) });
    await expectFailure(stream, Code.InvalidArgument, /malformed registry name: /);
  }
});

test("an unknown registry with a valid name has an empty stream", async () => {
  const { upstream } = await start();
  const transport = protocols.grpc(upstream);
  for (const name of ["other", "a.b-c.d0", "a"]) {
    expect(await collect(createClient(Registry, transport).events({ registry: name, after: newUuid() }))).toEqual([]);
    expect(
      await collect(createClient(EphemeralRegistry, transport).registryWorkflowIndexEvents({ registry: name })),
    ).toEqual([]);
  }
});

test("an explicit empty after is malformed, an absent one is the epoch", async () => {
  const { upstream } = await start();
  const body = (message: number[]) => Uint8Array.from([0, 0, 0, 0, message.length, ...message]);
  const name = [0x0a, 5, ...Buffer.from(registry)];
  const post = async (message: number[]) => {
    const response = await fetch(`${upstream.webUrl}/nogfso.Registry/Events`, {
      method: "POST",
      headers: { "content-type": "application/connect+proto", "connect-protocol-version": "1" },
      body: body(message),
    });
    return Buffer.from(await response.arrayBuffer()).toString("latin1");
  };
  expect(await post([...name, 0x12, 0])).toContain('"message":"malformed after"');
  expect(await post(name)).not.toContain("malformed after");
});

test("unknown and malformed repos are refused", async () => {
  const { upstream } = await start();
  const repos = createClient(Repos, protocols.grpc(upstream));
  await expectFailure(repos.events({ repo: newUuid() }), Code.Unknown, "repos error: uninitialized repo");
  await expectFailure(repos.events({ repo: new Uint8Array(15) }), Code.InvalidArgument, /malformed repo id/);
  await expectFailure(
    repos.workflowEvents({ repo: repoId, workflow: new Uint8Array(1) }),
    Code.InvalidArgument,
    /malformed workflow id/,
  );
  await expectFailure(repos.getRepo({ repo: newUuid() }), Code.Unknown, "repos error: uninitialized repo");
});

test("a workflow that has not begun is empty, and a watch sees it begin", async () => {
  const { upstream } = await start();
  const abort = new AbortController();
  const client = createClient(EphemeralRegistry, protocols.connect(upstream));
  expect(await collect(client.registryWorkflowEvents({ registry, workflow: workflowA }))).toEqual([]);
  const watch = new Watch(
    client.registryWorkflowEvents({ registry, workflow: workflowA, watch: true }, { signal: abort.signal }),
  );
  expect(await watch.next()).toMatchObject({ willBlock: true });
  upstream.seed.appendRegistryWorkflowEvents(workflowA, [
    { event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED, registryId: registryHistory(registry) },
  ]);
  expect(await watch.next()).toMatchObject({ events: [{ event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED }] });
  abort.abort();
  await failure(watch.rest());
});

test("workflows of another owner are refused at their first event, also behind an after", async () => {
  const { upstream } = await start();
  const { seed } = upstream;
  seed.initRegistry("other");
  const head = seed.appendRegistryWorkflowEvents(workflowA, [
    { event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED, registryId: registryHistory("other") },
  ]);
  const registries = createClient(EphemeralRegistry, protocols.grpc(upstream));
  const refused = [Code.PermissionDenied, "registry does not own workflow"] as const;
  await expectFailure(registries.registryWorkflowEvents({ registry, workflow: workflowA }), ...refused);
  await expectFailure(registries.registryWorkflowEvents({ registry, workflow: workflowA, after: head }), ...refused);
  seed.appendIndexEvents(registry, [{ event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED, workflowId: workflowA }]);
  await expectFailure(registries.registryWorkflowEvents({ registry, workflow: indexHistory(registry) }), ...refused);

  const other = seed.initRepo(registry, { globalPath: "/ex/other" });
  seed.beginRepoWorkflow(other, { newGlobalPath: "/ex/moved", workflowId: workflowB });
  await expectFailure(
    createClient(Repos, protocols.grpc(upstream)).workflowEvents({ repo: repoId, workflow: workflowB }),
    Code.PermissionDenied,
    "repo does not own workflow",
  );
});

test("a workflow of an unknown kind is refused, an event that cannot be parsed is Internal", async () => {
  const { upstream } = await start();
  const registryId = registryHistory(registry);
  upstream.seed.appendRegistryWorkflowEvents(workflowA, [{ event: WorkflowEvent_Type.EV_SNAPSHOT_BEGIN, registryId }]);
  upstream.seed.appendRegistryWorkflowEvents(workflowB, [
    { event: WorkflowEvent_Type.EV_FSO_DU_ROOT_STARTED, registryId },
  ]);
  const client = createClient(EphemeralRegistry, protocols.grpc(upstream));
  await expectFailure(
    client.registryWorkflowEvents({ registry, workflow: workflowA }),
    Code.PermissionDenied,
    "deny access to unknown workflow type",
  );
  await expectFailure(
    client.registryWorkflowEvents({ registry, workflow: workflowB }),
    Code.Internal,
    "failed to parse protobuf",
  );
});

test("repo workflows and registry workflows do not see each other's histories", async () => {
  const { upstream } = await start();
  upstream.seed.appendRegistryWorkflowEvents(workflowA, [
    { event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED, registryId: registryHistory(registry) },
  ]);
  const repos = createClient(Repos, protocols.grpc(upstream));
  expect(await collect(repos.workflowEvents({ repo: repoId, workflow: workflowA }))).toEqual([]);
});

test("news that come with a heartbeat between are answered once each", async () => {
  const { upstream, clock } = await start({ heartbeatMs: 1000 });
  const abort = new AbortController();
  const watch = new Watch(
    createClient(Repos, protocols.grpc(upstream)).events({ repo: repoId, watch: true }, { signal: abort.signal }),
  );
  expect((await watch.next()).events).toHaveLength(1);
  expect(await watch.next()).toMatchObject({ willBlock: true });
  await clock.advance(999);
  upstream.seed.appendRepoEvents(repoId, [{ event: 36 }]);
  expect((await watch.next()).events).toHaveLength(1);
  expect(await watch.next()).toMatchObject({ willBlock: true });
  // The ticker runs on from the start of the stream.
  await clock.advance(1);
  expect(await watch.next()).toMatchObject({ willBlock: true });
  abort.abort();
  await failure(watch.rest());
});

test("a client's deadline ends a watch", async () => {
  const { upstream } = await start();
  const watch = createClient(Repos, protocols.grpc(upstream)).events({ repo: repoId, watch: true }, { timeoutMs: 20 });
  expect([Code.DeadlineExceeded, Code.Unknown]).toContain((await failure(watch)).code);
});
