import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { JobControl } from "../../functions/nog/gen/nogfso/job-control_pb.ts";
import { GetRegistryPingsO_StatusCode, PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import { EphemeralRegistry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { WorkflowEvent_Type as Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { newEventId, newUuid, registryHistory, ulidText } from "../../local/upstream/ids.ts";
import { noVersionCheck } from "../../local/upstream/vid.ts";
import {
  collect,
  expectFailure,
  failure,
  protocolNames,
  protocols,
  registry,
  start,
  until,
  workflowB,
} from "./harness.ts";

const workflow = workflowB;
const conflict = "ping-registry workflow: command conflicts with aggregate state";

async function open(protocol: keyof typeof protocols = "grpc") {
  const { upstream } = await start();
  const transport = protocols[protocol](upstream);
  const ping = createClient(PingRegistry, transport);
  const streams = createClient(EphemeralRegistry, transport);
  const events = async () =>
    (await collect(streams.registryWorkflowEvents({ registry, workflow }))).flatMap((message) => message.events);
  const index = async () =>
    (await collect(streams.registryWorkflowIndexEvents({ registry }))).flatMap((message) => message.events);
  return { upstream, ping, events, index };
}

describe.each(protocolNames)("over %s", (protocol) => {
  test("begin, pings, summary and commit write the events of the original", async () => {
    const { ping, events, index } = await open(protocol);
    const begun = await ping.beginPingRegistry({ registry, workflow });
    const active = { statusCode: GetRegistryPingsO_StatusCode.SC_ACTIVE };
    const get = () => ping.getRegistryPings({ workflow });
    expect((await get()).summary).toMatchObject({ ...active, statusMessage: "initialized" });

    const first = await ping.serverPing({ workflow, statusMessage: "nogfsoregd ping 1" });
    const second = await ping.serverPing({ workflow, statusCode: -1, statusMessage: "neg" });
    expect((await get()).summary).toMatchObject({ ...active, statusMessage: "appending" });

    const waiting = ping.getRegistryPings({ workflow, jobControl: JobControl.JC_WAIT });
    const summary = await ping.postServerPingSummary({
      workflow,
      workflowVid: second.workflowVid,
      statusMessage: "{ totalCount: 2, errorCount: 1 }",
    });
    expect(await waiting).toMatchObject({
      summary: { statusMessage: "{ totalCount: 2, errorCount: 1 }", eventId: summary.workflowVid },
      serverPings: [
        { statusCode: 0, statusMessage: "nogfsoregd ping 1", eventId: first.workflowVid },
        { statusCode: -1, statusMessage: "neg", eventId: second.workflowVid },
      ],
    });
    expect((await get()).summary).toMatchObject({ statusCode: GetRegistryPingsO_StatusCode.SC_SUMMARIZED });

    const committed = await ping.commitPingRegistry({ workflow, workflowVid: summary.workflowVid });
    expect(await get()).toMatchObject({ workflowVid: committed.workflowVid, summary: { statusCode: 0 } });
    const written = await events();
    expect(written).toMatchObject([
      { event: Type.EV_FSO_PING_REGISTRY_STARTED, registryId: registryHistory(registry), id: begun.workflowVid },
      { event: Type.EV_FSO_SERVER_PINGED, statusMessage: "nogfsoregd ping 1" },
      { event: Type.EV_FSO_SERVER_PINGED, statusCode: -1, statusMessage: "neg" },
      { event: Type.EV_FSO_SERVER_PINGS_GATHERED, statusMessage: "{ totalCount: 2, errorCount: 1 }" },
      { event: Type.EV_FSO_PING_REGISTRY_COMPLETED },
      { event: Type.EV_FSO_PING_REGISTRY_COMMITTED, id: committed.workflowVid },
    ]);
    expect(await index()).toMatchObject([
      { event: Type.EV_FSO_PING_REGISTRY_STARTED, workflowEventId: written[0]?.id, id: begun.workflowIndexVid },
      { event: Type.EV_FSO_PING_REGISTRY_COMPLETED, workflowEventId: written[4]?.id, id: committed.workflowIndexVid },
    ]);
  });
});

test("commands against the state are FailedPrecondition", async () => {
  const { ping } = await open();
  await ping.beginPingRegistry({ registry, workflow });
  await expectFailure(ping.commitPingRegistry({ workflow }), Code.FailedPrecondition, conflict);
  await ping.postServerPingSummary({ workflow });
  await expectFailure(ping.serverPing({ workflow }), Code.FailedPrecondition, conflict);
  await expectFailure(ping.postServerPingSummary({ workflow }), Code.FailedPrecondition, conflict);
  await ping.commitPingRegistry({ workflow });
  await expectFailure(ping.commitPingRegistry({ workflow }), Code.FailedPrecondition, conflict);
});

test("version conflicts are Unknown and name both versions", async () => {
  const { ping } = await open();
  const begun = await ping.beginPingRegistry({ registry, workflow });
  const expected = newEventId(0);
  await expectFailure(
    ping.serverPing({ workflow, workflowVid: expected }),
    Code.Unknown,
    `ping-registry workflow: event journal: version conflict: stored VID ${ulidText(begun.workflowVid)} != expected VID ${ulidText(expected)}`,
  );
  await ping.serverPing({ workflow, workflowVid: noVersionCheck });
});

test("concurrent pings without a version all succeed", async () => {
  const { ping, events } = await open();
  await ping.beginPingRegistry({ registry, workflow });
  await Promise.all(Array.from({ length: 50 }, (_, i) => ping.serverPing({ workflow, statusMessage: `ping ${i}` })));
  expect(await events()).toHaveLength(51);
});

test("a commit that was interrupted before the final event can be repeated", async () => {
  const { upstream, ping, events, index } = await open();
  await ping.beginPingRegistry({ registry, workflow });
  await ping.postServerPingSummary({ workflow });
  upstream.seed.appendRegistryWorkflowEvents(workflow, [{ event: Type.EV_FSO_PING_REGISTRY_COMPLETED }]);
  await ping.commitPingRegistry({ workflow });
  expect((await events()).map((event) => event.event)).toEqual([111, 113, 114, 115]);
  expect(await index()).toHaveLength(2);
});

test("a waiting get ends when its client or the server goes", async () => {
  const { upstream, ping } = await open();
  await ping.beginPingRegistry({ registry, workflow });
  const abort = new AbortController();
  const request = { workflow, jobControl: JobControl.JC_WAIT };
  const aborted = failure(ping.getRegistryPings(request, { signal: abort.signal }));
  const shut = failure(ping.getRegistryPings(request));
  await until(() => upstream.openCalls === 2);
  abort.abort();
  await until(() => upstream.openCalls === 1);
  await upstream.close();
  expect((await aborted).code).toBe(Code.Canceled);
  expect(await shut).toMatchObject({ code: Code.Unavailable, rawMessage: "shutdown" });
});

test("unknown workflows and used workflow ids are refused", async () => {
  const { ping } = await open();
  const unknown = newUuid();
  const uninitialized = "ping-registry workflow: uninitialized";
  await expectFailure(ping.serverPing({ workflow: unknown }), Code.Unknown, uninitialized);
  await expectFailure(
    ping.getRegistryPings({ workflow: unknown, jobControl: JobControl.JC_WAIT }),
    Code.Unknown,
    uninitialized,
  );
  await expectFailure(ping.serverPing({ workflow: new Uint8Array(15) }), Code.InvalidArgument, "malformed workflow ID");
  await ping.beginPingRegistry({ registry, workflow });
  await expectFailure(
    ping.beginPingRegistry({ registry, workflow }),
    Code.FailedPrecondition,
    "rejected workflow ID: ID has been used before",
  );
});
