import { Code, createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { DiskUsage, EphemeralRegistry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { idKey, newUuid } from "../../local/upstream/ids.ts";
import { collect, expectFailure, protocols, registry, start, workflowA } from "./harness.ts";

async function indexed() {
  const { upstream } = await start();
  const transport = protocols.grpc(upstream);
  const du = createClient(DiskUsage, transport);
  const active = newUuid();
  await du.beginDuRoot({ registry, globalRoot: "/ex", workflow: workflowA });
  await du.commitDuRoot({ workflow: workflowA });
  await du.beginDuRoot({ registry, globalRoot: "/ex", workflow: active });
  const index = createClient(EphemeralRegistry, transport);
  const read = async (after?: Uint8Array) =>
    (await collect(index.registryWorkflowIndexEvents({ registry, ...(after && { after }) }))).flatMap((m) => m.events);
  return { upstream, index, read, active, du };
}

test("a snapshot lists the workflows, sorted by their started events, in one commit", async () => {
  const { upstream, read, active } = await indexed();
  upstream.seed.snapshotIndex(registry);
  const [begin, state, end] = (await read()).slice(3);
  expect(begin?.event).toBe(WorkflowEvent_Type.EV_SNAPSHOT_BEGIN);
  expect(end?.event).toBe(WorkflowEvent_Type.EV_SNAPSHOT_END);
  const entries = state?.workflowIndexState?.duRoot ?? [];
  expect(entries.map((entry) => idKey(entry.workflowId)).sort()).toEqual([idKey(workflowA), idKey(active)].sort());
  const started = entries.map((entry) => idKey(entry.startedWorkflowEventId));
  expect(started).toEqual([...started].sort());
  for (const entry of entries) {
    expect(entry.completedWorkflowEventId.length).toBe(idKey(entry.workflowId) === idKey(active) ? 0 : 16);
    expect(entry).toMatchObject({ globalRoot: "/ex", host: "h.example.org", hostRoot: "/data/ex" });
  }
});

test("a trimmed index begins with the snapshot; old tails work until they are collected", async () => {
  const { upstream, index, read } = await indexed();
  const before = await read();
  const epoch = before.at(-1)?.id;
  upstream.seed.snapshotIndex(registry);
  upstream.seed.trimIndex(registry);
  const [begin] = await read();
  expect(begin).toMatchObject({ event: WorkflowEvent_Type.EV_SNAPSHOT_BEGIN, parent: epoch });
  expect(await read(before[0]?.id)).toHaveLength(5);
  expect(await read(epoch)).toHaveLength(3);

  upstream.seed.collectIndex(registry);
  expect(await read()).toHaveLength(3);
  expect(await read(epoch)).toHaveLength(3);
  await expectFailure(
    index.registryWorkflowIndexEvents({ registry, after: before[0]?.id ?? new Uint8Array() }),
    Code.Unknown,
    "journal error: db: finding start failed: not found",
  );
});

test("commands go on after a trim with what the snapshot says", async () => {
  const { upstream, read, active, du } = await indexed();
  upstream.seed.snapshotIndex(registry);
  upstream.seed.trimIndex(registry);
  upstream.seed.collectIndex(registry);
  await du.commitDuRoot({ workflow: active });
  expect((await read()).at(-1)).toMatchObject({
    event: WorkflowEvent_Type.EV_FSO_DU_ROOT_COMPLETED,
    workflowId: active,
  });
});

test("a deleted workflow is empty and gone from the index", async () => {
  const { upstream, read, du, index } = await indexed();
  upstream.seed.deleteWorkflow(registry, workflowA);
  expect((await read()).at(-1)).toMatchObject({
    event: WorkflowEvent_Type.EV_FSO_DU_ROOT_DELETED,
    workflowId: workflowA,
  });
  expect(await collect(index.registryWorkflowEvents({ registry, workflow: workflowA }))).toEqual([]);
  await expectFailure(du.commitDuRoot({ workflow: workflowA }), Code.Unknown, "workflow uninitialized");
});
