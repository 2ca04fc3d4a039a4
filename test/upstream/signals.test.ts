import { once } from "node:events";
import { type ClientHttp2Stream, connect } from "node:http2";
import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type AggregateSignal_AggregateType as AggregateType,
  AggregateSignalsI_AggregateSelector as As,
  AggregateSignal_AggregateType as At,
  LiveBroadcast,
} from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { idKey, indexHistory, newUuid, registryHistory } from "../../local/upstream/ids.ts";
import type { Upstream, UpstreamOptions } from "../../local/upstream/server.ts";
import {
  failure,
  type Protocol,
  protocolNames,
  protocols,
  registry,
  repoId,
  start,
  until,
  Watch,
  workflowA,
  workflowB,
} from "./harness.ts";
import { streamKinds } from "./stream-kinds.ts";

function append(upstream: Upstream, name: string): void {
  streamKinds.find((kind) => kind.name === name)?.append(upstream, 1);
}

function touch(upstream: Upstream, id: Uint8Array): void {
  upstream.seed.appendRepoEvents(id, [{ event: RepoEvent_Type.EV_FSO_REPO_ERROR_CLEARED }]);
}

async function watchSignals(protocol: Protocol, selectAggregates: As[] = [], options: UpstreamOptions = {}) {
  const { upstream } = await start(options);
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const client = createClient(LiveBroadcast, protocols[protocol](upstream));
  const watch = new Watch(client.aggregateSignals({ selectAggregates }, { signal: abort.signal }));
  const first = watch.next();
  first.catch(() => {});
  await until(() => upstream.openCalls === 1);
  const read = async (message: ReturnType<typeof watch.next>): Promise<[AggregateType, string][]> => {
    const { signals } = await message;
    for (const signal of signals) expect(signal.signals).toBe(1);
    return signals.map((signal) => [signal.aggregateType, idKey(signal.entityId)]);
  };
  return { upstream, watch, abort, first: () => read(first), next: () => read(watch.next()) };
}

describe.each(protocolNames)("over %s", (protocol) => {
  test("the first message is the first update; each aggregate type has its entity ids", async () => {
    const { upstream, first, next, watch, abort } = await watchSignals(protocol);
    append(upstream, "Registry.Events");
    expect(await first()).toEqual([[At.AT_REGISTRY, idKey(registryHistory(registry))]]);
    append(upstream, "Repos.Events");
    expect(await next()).toEqual([[At.AT_REPO, idKey(repoId)]]);
    append(upstream, "EphemeralRegistry.RegistryWorkflowIndexEvents");
    expect(await next()).toEqual([[At.AT_EPHEMERAL_WORKFLOW, idKey(indexHistory(registry))]]);
    append(upstream, "EphemeralRegistry.RegistryWorkflowEvents");
    expect(await next()).toEqual([[At.AT_EPHEMERAL_WORKFLOW, idKey(workflowA)]]);
    append(upstream, "Repos.WorkflowEvents");
    expect(await next()).toEqual([
      [At.AT_REGISTRY, idKey(registryHistory(registry))],
      [At.AT_REPO, idKey(repoId)],
      [At.AT_WORKFLOW, idKey(workflowB)],
    ]);
    abort.abort();
    expect((await failure(watch.rest())).code).toBe(Code.Canceled);
    await until(() => upstream.openCalls === 0);
  });

  test("shutdown answers Unavailable", async () => {
    const { upstream, first } = await watchSignals(protocol);
    const [error] = await Promise.all([failure(first()), upstream.close()]);
    expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "shutdown" });
  });
});

test("updates that come together are merged, each aggregate once", async () => {
  const { upstream, first } = await watchSignals("grpc");
  const ids = Array.from({ length: 60 }, newUuid);
  for (let round = 0; round < 3; round++) for (const id of ids) touch(upstream, id);
  expect((await first()).map(([, id]) => id).sort()).toEqual(ids.map(idKey).sort());
});

test("aliasing gives all entries of one type in one message the last id", async () => {
  const { upstream, first } = await watchSignals("grpc", [], { signalLoss: "aliasing" });
  const ids = Array.from({ length: 60 }, newUuid);
  for (const id of ids) touch(upstream, id);
  append(upstream, "Registry.Events");
  const signals = await first();
  expect(signals).toHaveLength(61);
  expect(new Set(signals.filter(([type]) => type === At.AT_REPO).map(([, id]) => id))).toEqual(
    new Set([idKey(ids[59] ?? repoId)]),
  );
  expect(signals[0]).toEqual([At.AT_REGISTRY, idKey(registryHistory(registry))]);
});

test("only selected types are sent", async () => {
  const { upstream, first } = await watchSignals("grpc", [As.AS_EPHEMERAL_WORKFLOW, As.AS_MAIN]);
  append(upstream, "Registry.Events");
  append(upstream, "Repos.WorkflowEvents");
  append(upstream, "EphemeralRegistry.RegistryWorkflowIndexEvents");
  expect(await first()).toEqual([[At.AT_EPHEMERAL_WORKFLOW, idKey(indexHistory(registry))]]);
});

test("deleting a history signals nothing", async () => {
  const { upstream, first } = await watchSignals("grpc");
  append(upstream, "EphemeralRegistry.RegistryWorkflowEvents");
  expect(await first()).toHaveLength(1);
  const signals: string[] = [];
  upstream.journal.onTypeCommit("ephemeral-workflow", (id) => signals.push(idKey(id)));
  upstream.seed.deleteHistory(workflowA);
  expect(signals).toEqual([]);
});

test("a burst of more than 4096 updates in one turn is sent to a client that reads", async () => {
  const { upstream, first } = await watchSignals("grpc");
  for (let i = 0; i < 5000; i++) touch(upstream, newUuid());
  expect(await first()).toHaveLength(5000);
});

/** A gRPC client that stops reading after the headers. */
async function slowClient(upstream: Upstream): Promise<ClientHttp2Stream> {
  const session = connect(upstream.grpcUrl, { settings: { initialWindowSize: 1024 } });
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  const stream = session.request({
    ":method": "POST",
    ":path": "/nogfso.LiveBroadcast/AggregateSignals",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.end(Buffer.from([0, 0, 0, 0, 0]));
  stream.pause();
  return stream;
}

test("a client that does not read while more than 4096 ids gather gets ResourceExhausted", async () => {
  const { upstream } = await start();
  const stream = await slowClient(upstream);
  await until(() => upstream.openCalls === 1);
  for (let i = 0; i < 1000; i++) touch(upstream, newUuid());
  await once(stream, "response");
  // The first rounds fill the buffers of the connection, which differ between versions of Node.
  for (let round = 0; round < 30; round++) {
    for (let i = 0; i < 1000; i++) touch(upstream, newUuid());
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  const trailers = once(stream, "trailers");
  stream.resume();
  const [{ "grpc-status": status, "grpc-message": message }] = await trailers;
  expect([Number(status), decodeURIComponent(message)]).toEqual([Code.ResourceExhausted, "too many pending signals"]);
});

test("a client that goes while it does not read leaves nothing open", async () => {
  const { upstream } = await start();
  const stream = await slowClient(upstream);
  await until(() => upstream.openCalls === 1);
  for (let i = 0; i < 3000; i++) touch(upstream, newUuid());
  await once(stream, "response");
  stream.close(8);
  await until(() => upstream.openCalls === 0);
});
