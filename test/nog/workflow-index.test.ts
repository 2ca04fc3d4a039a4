import { describe, expect, test } from "vitest";
import { eventId } from "../../functions/contract/tail.ts";
import { WorkflowEvent_Type as Type, type WorkflowEvent } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import {
  freezeRepo,
  freezeRepoFiles,
  registryWorkflowIndex,
  workflowIndex,
  workflowIndexOf,
} from "../../functions/nog/index.ts";
import { type RunOptions, runProcessor } from "./activity-run.ts";
import { eventIdText, read, ulid, uuid, workflowEvent } from "./messages.ts";

const wf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const fsoRootInfo = { globalRoot: "/ex", host: "h.example.org", hostRoot: "/data/ex" };

/** The index of a test: each event as its type and the number of its workflow. */
function index(...entries: readonly (WorkflowEvent | readonly [keyof typeof Type, number])[]): WorkflowEvent[] {
  return entries.map((entry, at) =>
    Array.isArray(entry)
      ? workflowEvent({
          event: Type[entry[0] as keyof typeof Type],
          id: ulid(at + 1),
          workflowId: uuid(wf(entry[1] as number)),
          workflowEventId: ulid(1_000 + at),
          fsoRootInfo,
          fsoRepoInitInfo: { globalPath: "/ex/repo" },
        })
      : Object.assign(entry as WorkflowEvent, { id: ulid(at + 1) }),
  );
}

const run = (events: readonly WorkflowEvent[], options: Partial<RunOptions> = {}) =>
  runProcessor(workflowIndex, read(registryWorkflowIndex, events), { address: { registry: "exreg" }, ...options });

const started = (n: number, child: string) => ({ child, address: { registry: "exreg", workflowId: wf(n) } });

describe("workflow-index", () => {
  test("starts the activity of each active workflow once, and then its tail is at the head", async () => {
    const { outcome, observed } = await run(
      index(
        ["EV_FSO_DU_ROOT_STARTED", 1],
        ["EV_FSO_PING_REGISTRY_STARTED", 2],
        ["EV_FSO_DU_ROOT_STARTED", 3],
        ["EV_FSO_PING_REGISTRY_STARTED", 2],
      ),
    );
    expect(observed.started).toEqual([started(1, "du-root"), started(2, "ping-registry"), started(3, "du-root")]);
    expect(outcome).toEqual({ type: "caughtUp", tail: eventIdText(4) });
    expect(observed.advances).toEqual([eventIdText(4)]);
  });

  test("workflows that completed or were deleted within what it read are not started", async () => {
    const { observed } = await run(
      index(
        ["EV_FSO_DU_ROOT_STARTED", 1],
        ["EV_FSO_PING_REGISTRY_STARTED", 2],
        ["EV_FSO_DU_ROOT_STARTED", 3],
        ["EV_FSO_DU_ROOT_COMPLETED", 1],
        ["EV_FSO_PING_REGISTRY_COMPLETED", 2],
        ["EV_FSO_PING_REGISTRY_DELETED", 2],
        ["EV_FSO_DU_ROOT_DELETED", 3],
        ["EV_FSO_PING_REGISTRY_STARTED", 4],
      ),
    );
    expect(observed.started).toEqual([started(4, "ping-registry")]);
  });

  test("each kind of workflow has its activity, and a workflow that is deleted has none", async () => {
    const { observed } = await run(
      index(
        ["EV_FSO_DU_ROOT_STARTED", 1],
        ["EV_FSO_PING_REGISTRY_STARTED", 2],
        ["EV_FSO_SPLIT_ROOT_STARTED", 3],
        ["EV_FSO_FREEZE_REPO_STARTED_2", 4],
        ["EV_FSO_SPLIT_ROOT_STARTED", 5],
        ["EV_FSO_SPLIT_ROOT_COMPLETED", 5],
        ["EV_FSO_SPLIT_ROOT_DELETED", 5],
        ["EV_FSO_FREEZE_REPO_STARTED_2", 6],
        ["EV_FSO_FREEZE_REPO_COMPLETED_2", 6],
      ),
    );
    expect(observed.started).toEqual([
      started(1, "du-root"),
      started(2, "ping-registry"),
      started(3, "split-root"),
      started(4, "freeze-repo"),
    ]);
  });

  test("an app may have other activities for a kind, more than one, or none", async () => {
    const files = freezeRepoFiles({ freeze: async () => {} });
    const { observed } = await runProcessor(
      workflowIndexOf({ freezeRepo: [freezeRepo, files], ping: [] }),
      read(
        registryWorkflowIndex,
        index(
          ["EV_FSO_FREEZE_REPO_STARTED_2", 1],
          ["EV_FSO_PING_REGISTRY_STARTED", 2],
          ["EV_FSO_DU_ROOT_STARTED", 3],
          ["EV_FSO_FREEZE_REPO_STARTED_2", 4],
        ),
      ),
      { address: { registry: "exreg" } },
    );
    expect(observed.started).toEqual(
      [1, 4].flatMap((n) => [started(n, "freeze-repo"), started(n, "freeze-repo-files")]),
    );
  });

  test("workflows of other kinds are left to others", async () => {
    const { outcome, observed } = await run(
      index(
        ["EV_FSO_UNFREEZE_REPO_STARTED_2", 1],
        ["EV_FSO_ARCHIVE_REPO_STARTED", 2],
        ["EV_EPHEMERAL_WORKFLOWS_ENABLED", 3],
      ),
    );
    expect(observed.started).toEqual([]);
    expect(outcome).toEqual({ type: "caughtUp", tail: eventIdText(3) });
  });

  test("a snapshot replaces what was before it; its completed entries are not started", async () => {
    const entry = (n: number, completed: boolean) => ({
      workflowId: uuid(wf(n)),
      startedWorkflowEventId: ulid(n),
      completedWorkflowEventId: completed ? ulid(n + 1) : new Uint8Array(0),
    });
    const state = (workflowIndexState: object) =>
      workflowEvent({ event: Type.EV_WORKFLOW_INDEX_SNAPSHOT_STATE, workflowIndexState });
    const { observed } = await run(
      index(
        ["EV_FSO_DU_ROOT_STARTED", 1],
        ["EV_SNAPSHOT_BEGIN", 0],
        state({ duRoot: [entry(2, false), entry(3, true)] }),
        state({ pingRegistry: [entry(4, true), entry(5, false)] }),
        state({ splitRoot: [entry(6, false)], archiveRepo: [{ ...entry(8, false), globalPath: "/ex/repo" }] }),
        ["EV_SNAPSHOT_END", 0],
        ["EV_FSO_PING_REGISTRY_STARTED", 7],
        ["EV_FSO_PING_REGISTRY_COMPLETED", 5],
      ),
    );
    expect(observed.started).toEqual([started(2, "du-root"), started(6, "split-root"), started(7, "ping-registry")]);
  });

  test("when a start fails, those that had begun are awaited, no other begins and the tail stays", async () => {
    const events = index(...Array.from({ length: 50 }, (_, at) => ["EV_FSO_DU_ROOT_STARTED", at] as const));
    let running = 0;
    let most = 0;
    const failing = run(events, {
      start: async (_, address) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        if (address.workflowId === wf(20)) throw new Error("lease lost");
        return "ready";
      },
    });
    await expect(failing).rejects.toThrow("lease lost");
    expect(running).toBe(0);
    expect(most).toBe(16);
  });

  test("fifty workflows are started with at most sixteen calls at once", async () => {
    const events = index(...Array.from({ length: 50 }, (_, at) => ["EV_FSO_DU_ROOT_STARTED", at] as const));
    const { observed } = await run(events);
    expect(observed.started).toEqual(Array.from({ length: 50 }, (_, at) => started(at, "du-root")));
  });

  test("with nothing to read the tail stays where it was", async () => {
    const tail = eventId(eventIdText(9));
    expect((await run([], { tail })).outcome).toEqual({ type: "caughtUp", tail });
  });

  test("a malformed event fails the run before anything is started", async () => {
    const broken = workflowEvent({ event: Type.EV_FSO_PING_REGISTRY_STARTED, workflowId: new Uint8Array(3) });
    let starts = 0;
    const failing = run(index(["EV_FSO_DU_ROOT_STARTED", 1], broken), {
      start: async () => {
        starts++;
        return "ready";
      },
    });
    await expect(failing).rejects.toMatchObject({ code: "malformed-event" });
    expect(starts).toBe(0);
  });
});
