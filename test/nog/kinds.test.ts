import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { declarationOf, type Stream } from "../../functions/contract/stream.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { registry, registryWorkflow, registryWorkflowIndex, repo, repoWorkflow } from "../../functions/nog/index.ts";
import { eventIdText, readMessage, repoEvent, repoId, ulid, uuid, workflowId } from "./messages.ts";
import { thrownBy } from "./thrown-by.ts";

const names = { registry: "exreg" };
const registryRequest = { registry: "exreg" };
const workflow = { registry: "exreg", workflowId };
const kinds: readonly {
  stream: Stream;
  kind: string;
  address: object;
  entityId: string;
  request: object;
  rpc: string;
}[] = [
  {
    stream: registry,
    kind: "registry",
    address: names,
    entityId: "a85e477e-e5d3-5d2d-b4a8-ec32cfe3254f",
    request: registryRequest,
    rpc: "nogfso.Registry/Events",
  },
  {
    stream: registryWorkflowIndex,
    kind: "registry-workflow-index",
    address: names,
    entityId: "583eef08-a9a7-5314-b743-ac1966d240b3",
    request: registryRequest,
    rpc: "nogfso.EphemeralRegistry/RegistryWorkflowIndexEvents",
  },
  {
    stream: registryWorkflow,
    kind: "registry-workflow",
    address: workflow,
    entityId: workflowId,
    request: { ...registryRequest, workflow: uuid(workflowId) },
    rpc: "nogfso.EphemeralRegistry/RegistryWorkflowEvents",
  },
  {
    stream: repo,
    kind: "repo",
    address: { repoId },
    entityId: repoId,
    request: { repo: uuid(repoId) },
    rpc: "nogfso.Repos/Events",
  },
  {
    stream: repoWorkflow,
    kind: "repo-workflow",
    address: { repoId, workflowId },
    entityId: workflowId,
    request: { repo: uuid(repoId), workflow: uuid(workflowId) },
    rpc: "nogfso.Repos/WorkflowEvents",
  },
];

describe.each(kinds)("kind $kind", ({ stream, kind, address, entityId, request, rpc }) => {
  const { definition } = declarationOf(stream);
  const addressOf = address as Record<string, string>;

  test("has the name, upstream, address and method of the protocol", () => {
    expect(stream).toMatchObject({ kind, upstream: "nog", addressKeys: Object.keys(address) });
    expect(`${definition.method.parent.typeName}/${definition.method.name}`).toBe(rpc);
  });

  test("is signalled by the entity id that the server uses", () => {
    expect(definition.entityId(addressOf)).toBe(entityId);
  });

  test("asks for the whole stream without the field `after`, which the server refuses when it is empty", () => {
    expect(definition.request(addressOf, { after: undefined, watch: false })).toEqual({ ...request, watch: false });
  });

  test("asks for what follows an event by its bytes", () => {
    const after = eventId(eventIdText(7));
    expect(definition.request(addressOf, { after, watch: true })).toEqual({ ...request, watch: true, after: ulid(7) });
  });

  test("refuses a tail that is not one of nog's event ids", () => {
    const after = eventId("42");
    expect(thrownBy(() => definition.request(addressOf, { after, watch: false }))).toMatchObject({
      code: "invalid-argument",
      subject: "after",
    });
  });

  test("reads the time of an event from its id", () => {
    const id = eventId(eventIdText(1, 1_234_567_890_123));
    expect(definition.time?.({ id, event: undefined })).toEqual(new Date(1_234_567_890_123));
  });
});

test("an id in upper case is signalled and asked for as in lower case", () => {
  const { definition } = declarationOf(repo);
  const upper = { repoId: repoId.toUpperCase() };
  expect(definition.entityId(upper)).toBe(repoId);
  expect(definition.request(upper, { after: undefined, watch: false })).toMatchObject({ repo: uuid(repoId) });
});

test("an address that is not an id is refused with its key", () => {
  const { definition } = declarationOf(repoWorkflow);
  const at = { after: undefined, watch: false };
  const bad = (address: Record<string, string>) => thrownBy(() => definition.request(address, at));
  expect(bad({ repoId: "no", workflowId })).toMatchObject({ code: "invalid-argument", subject: "repoId" });
  expect(bad({ repoId, workflowId: "no" })).toMatchObject({ code: "invalid-argument", subject: "workflowId" });
});

test("the kinds whose server says that a tail is gone recognize it, and nothing else", () => {
  const gone = new ConnectError("repo journal error: db: finding start failed: not found", Code.Unknown);
  const others = [
    new ConnectError("journal error: db: timeout", Code.Unknown),
    new ConnectError("finding start failed", Code.Unavailable),
    new ConnectError("default deny", Code.Unknown),
  ];
  for (const { stream, kind } of kinds) {
    const { tailUnknown } = declarationOf(stream).definition;
    expect(tailUnknown === "silent", kind).toBe(kind.endsWith("-workflow"));
    if (tailUnknown === "silent") continue;
    expect(tailUnknown(gone), kind).toBe(true);
    expect(others.map((error) => tailUnknown(error))).toEqual([false, false, false]);
  }
});

test("a message may hold several events, and the ids are those of the events in order", () => {
  const events = [1, 2, 3].map((n) => repoEvent({ event: 36, id: ulid(n) }));
  const batch = readMessage(repo, { events, willBlock: false });
  expect(batch.willBlock).toBe(false);
  expect(batch.events.map(({ id }) => id)).toEqual([1, 2, 3].map((n) => eventIdText(n)));
});
