import type { DescEnum } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Recorded, Stream } from "../../functions/contract/stream.ts";
import { RegistryEvent_Type, RegistryEvent_TypeSchema } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEvent_Type, RepoEvent_TypeSchema } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { WorkflowEvent_Type, WorkflowEvent_TypeSchema } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { registry, registryWorkflow, registryWorkflowIndex, repo, repoWorkflow } from "../../functions/nog/index.ts";
import {
  eventIdText,
  read,
  registryEvent,
  registryId,
  repoEvent,
  repoId,
  ulid,
  uuid,
  workflowEvent,
  workflowId,
} from "./messages.ts";
import { thrownBy } from "./thrown-by.ts";
import { whole } from "./whole-events.ts";

interface AnyEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Each event type that some kind has to know, with the kinds that may carry it. */
const types = (
  schema: DescEnum,
  message: (code: number) => unknown,
  bare: (code: number) => unknown,
  streams: readonly Stream[],
) =>
  schema.values
    .filter(({ number }) => number !== 0)
    .map(({ name, number }) => ({ name, number, message, bare, streams }));
const allTypes = [
  ...types(RegistryEvent_TypeSchema, whole.registry, (event) => registryEvent({ event }), [registry]),
  ...types(RepoEvent_TypeSchema, whole.repo, (event) => repoEvent({ event }), [repo]),
  ...types(WorkflowEvent_TypeSchema, whole.workflow, (event) => workflowEvent({ event }), [
    registryWorkflowIndex,
    registryWorkflow,
    repoWorkflow,
  ]),
];

describe("every event type", () => {
  test.each(allTypes)("$name is known to a kind that carries it", ({ number, message, streams }) => {
    const known = streams.flatMap((stream) =>
      read(stream, [message(number)]).filter(({ event }) => (event as AnyEvent).type !== "unknown"),
    );
    expect(known.length).toBeGreaterThan(0);
  });

  test.each(allTypes)(
    "$name without its fields is malformed or needs none, never a crash",
    ({ number, bare, streams }) => {
      for (const stream of streams) {
        const [recorded] = read(stream, [bare(number)]) as [Recorded<unknown>];
        try {
          expect(recorded.event).toHaveProperty("type");
        } catch (error) {
          expect(error).toMatchObject({ name: "TailwakeError", code: "malformed-event" });
        }
        expect(recorded.id).toBe(eventIdText(1));
      }
    },
  );

  test("a type from a later server is unknown, with its code", () => {
    for (const stream of [registryWorkflowIndex, registryWorkflow, repoWorkflow]) {
      expect(read(stream, [workflowEvent({ event: 999 })])[0]?.event).toEqual({ type: "unknown", code: 999 });
    }
    expect(read(registry, [registryEvent({ event: 999 })])[0]?.event).toEqual({ type: "unknown", code: 999 });
    expect(read(repo, [repoEvent({ event: 0 })])[0]?.event).toEqual({ type: "unknown", code: 0 });
  });
});

describe("malformed events", () => {
  test("a missing sub-message is named with the event type", () => {
    const [recorded] = read(registryWorkflow, [workflowEvent({ event: WorkflowEvent_Type.EV_FSO_DU_UPDATED })]);
    expect(thrownBy(() => recorded?.event)).toMatchObject({
      code: "malformed-event",
      subject: "EV_FSO_DU_UPDATED.pathDiskUsage",
      expected: "a message",
      received: "none",
    });
  });

  test("an id of a wrong length inside an event is named with the event type", () => {
    const wrong = [
      read(repo, [repoEvent({ event: RepoEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2, workflowId: new Uint8Array(4) })]),
      read(registry, [
        registryEvent({ event: RegistryEvent_Type.EV_FSO_REPO_ADDED, fsoRepoInfo: { id: new Uint8Array(4) } }),
      ]),
      read(registryWorkflowIndex, [
        workflowEvent({
          event: WorkflowEvent_Type.EV_WORKFLOW_INDEX_SNAPSHOT_STATE,
          workflowIndexState: { pingRegistry: [{ workflowId: new Uint8Array(4) }] },
        }),
      ]),
    ];
    expect(wrong.map(([recorded]) => thrownBy(() => recorded?.event))).toMatchObject([
      { subject: "EV_FSO_FREEZE_REPO_STARTED_2.workflowId", expected: "16 bytes", received: "4" },
      { subject: "EV_FSO_REPO_ADDED.fsoRepoInfo.id", expected: "16 bytes", received: "4" },
      {
        subject: "EV_WORKFLOW_INDEX_SNAPSHOT_STATE.workflowIndexState.ping.workflowId",
        expected: "16 bytes",
        received: "4",
      },
    ]);
  });

  test("an event id of a wrong length is refused when the message is read", () => {
    expect(thrownBy(() => read(repo, [repoEvent({ event: 36, id: new Uint8Array(15) })]))).toMatchObject({
      code: "malformed-event",
      subject: "nogfso.RepoEvent.id",
      expected: "16 bytes",
      received: "15",
    });
  });

  test("a GPG key fingerprint has 20 bytes", () => {
    const event = RepoEvent_Type.EV_FSO_ARCHIVE_RECIPIENTS_UPDATED;
    const [good, bad] = read(repo, [
      whole.repo(event),
      repoEvent({ event, fsoGpgKeyFingerprints: [new Uint8Array(19)] }),
    ]);
    expect(good?.event).toEqual({ type: "archiveRecipientsUpdated", fingerprints: ["AB".repeat(20)] });
    expect(thrownBy(() => bad?.event)).toMatchObject({
      subject: `EV_FSO_ARCHIVE_RECIPIENTS_UPDATED.fsoGpgKeyFingerprints[0]`,
    });
  });
});

describe("fields that need care", () => {
  test("absent optional event ids are undefined", () => {
    const event = whole.workflow(WorkflowEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2);
    event.repoEventId = new Uint8Array(0);
    expect(read(registryWorkflow, [event])[0]?.event).toMatchObject({
      type: "freezeRepoStarted",
      registryEventId: eventIdText(3),
      repoEventId: undefined,
      authorName: "A",
    });
  });

  test("a naming rule's configuration keeps its order and nesting", () => {
    const [recorded] = read(registry, [whole.registry(RegistryEvent_Type.EV_FSO_REPO_NAMING_UPDATED)]);
    expect(recorded?.event).toMatchObject({
      config: [
        { key: "n", value: { type: "number", number: 2 } },
        { key: "c", value: { type: "config", config: [{ key: "j", value: { type: "json", json: '{"a":1}' } }] } },
        { key: "l", value: { type: "configs", configs: [[]] } },
        { key: "t", value: { type: "texts", texts: ["x", "y"] } },
        { key: "e", value: { type: "none" } },
      ],
    });
  });

  test("the time of a started ping is the time of its event id", () => {
    const event = workflowEvent({
      event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED,
      id: ulid(1, 1_234_567_890_123),
      registryId: uuid(registryId),
    });
    expect(read(registryWorkflow, [event])[0]?.event).toEqual({
      type: "pingStarted",
      registryId,
      atMs: 1_234_567_890_123,
    });
  });

  test("an archived repo has its tar file only if archiving succeeded", () => {
    const event = RepoEvent_Type.EV_FSO_ARCHIVE_REPO_COMPLETED;
    const failed = repoEvent({ event, workflowId: uuid(workflowId), statusCode: 113 });
    const lost = repoEvent({ event, workflowId: uuid(workflowId) });
    expect(read(repo, [failed])[0]?.event).toMatchObject({ statusCode: 113, tarPath: undefined });
    expect(thrownBy(() => read(repo, [lost])[0]?.event)).toMatchObject({
      subject: "EV_FSO_ARCHIVE_REPO_COMPLETED.tarttTarInfo",
    });
  });

  test("an event is converted once, however often it is looked at", () => {
    const [recorded] = read(repo, [whole.repo(RepoEvent_Type.EV_FSO_REPO_MOVE_STARTED)]);
    expect(recorded?.event).toBe(recorded?.event);
  });
});

describe("splitting a root and freezing a repo", () => {
  const root = { globalRoot: "/ex", host: "h", hostRoot: "/data/ex" };
  const status = { statusCode: 7, message: "seven" };
  const entry = { workflowId, workflowEventId: eventIdText(4) };
  const start = {
    registryId,
    registryName: "exreg",
    repoId,
    globalPath: "/ex/a",
    authorName: "A",
    authorEmail: "a@example.org",
    registryEventId: eventIdText(3),
    repoEventId: eventIdText(2),
  };

  test.each([
    ["STARTED", { type: "splitRootStarted", registryId, ...root, maxDepth: 2, minDiskUsage: 1n, maxDiskUsage: 9n }],
    ["DU_APPENDED", { type: "splitRootDuAppended", path: "a", usage: 5n }],
    ["DU_COMPLETED", { type: "splitRootDuCompleted", ...status }],
    ["SUGGESTION_APPENDED", { type: "splitRootSuggestionAppended", path: "a", suggestion: "repo" }],
    ["ANALYSIS_COMPLETED", { type: "splitRootAnalysisCompleted", ...status }],
    ["DECISION_APPENDED", { type: "splitRootDecisionAppended", path: "a", decision: "createRepo" }],
    ["COMPLETED", { type: "splitRootCompleted", ...status }],
    ["COMMITTED", { type: "splitRootCommitted" }],
  ] as const)("EV_FSO_SPLIT_ROOT_%s of a workflow has its fields and no others", (name, expected) => {
    const message = whole.workflow(WorkflowEvent_Type[`EV_FSO_SPLIT_ROOT_${name}`]);
    expect(read(registryWorkflow, [message])[0]?.event).toEqual(expected);
  });

  test.each([
    ["STARTED_2", { type: "freezeRepoStarted", ...start }],
    ["FILES_STARTED", { type: "freezeRepoFilesStarted" }],
    ["FILES_COMPLETED", { type: "freezeRepoFilesCompleted", ...status }],
    ["COMPLETED_2", { type: "freezeRepoCompleted", ...status }],
    ["COMMITTED", { type: "freezeRepoCommitted" }],
  ] as const)("EV_FSO_FREEZE_REPO_%s of a workflow has its fields and no others", (name, expected) => {
    const message = whole.workflow(WorkflowEvent_Type[`EV_FSO_FREEZE_REPO_${name}`]);
    expect(read(registryWorkflow, [message])[0]?.event).toEqual(expected);
  });

  test.each([
    ["SPLIT_ROOT_STARTED", { type: "splitRootStarted", ...entry, ...root }],
    ["SPLIT_ROOT_COMPLETED", { type: "splitRootCompleted", ...entry }],
    ["SPLIT_ROOT_DELETED", { type: "splitRootDeleted", workflowId }],
    ["FREEZE_REPO_STARTED_2", { type: "freezeRepoStarted", ...entry, globalPath: "/ex/a" }],
    ["FREEZE_REPO_COMPLETED_2", { type: "freezeRepoCompleted", ...entry }],
    ["FREEZE_REPO_DELETED", { type: "freezeRepoDeleted", workflowId }],
  ] as const)("EV_FSO_%s of an index has its fields and no others", (name, expected) => {
    const message = whole.workflow(WorkflowEvent_Type[`EV_FSO_${name}`]);
    expect(read(registryWorkflowIndex, [message])[0]?.event).toEqual(expected);
  });

  test("an index's snapshot has the root of a split and the path of a freeze", () => {
    const ids = { workflowId: uuid(workflowId), startedWorkflowEventId: ulid(4) };
    const event = workflowEvent({
      event: WorkflowEvent_Type.EV_WORKFLOW_INDEX_SNAPSHOT_STATE,
      workflowIndexState: {
        splitRoot: [{ ...ids, ...root }],
        freezeRepo: [{ ...ids, globalPath: "/ex/a", completedWorkflowEventId: ulid(5) }],
      },
    });
    const started = { workflowId, startedEventId: eventIdText(4) };
    expect(read(registryWorkflowIndex, [event])[0]?.event).toEqual({
      type: "snapshotState",
      workflows: [
        { workflow: "splitRoot", ...started, completedEventId: undefined, root },
        { workflow: "freezeRepo", ...started, completedEventId: eventIdText(5), globalPath: "/ex/a" },
      ],
    });
  });

  test("the registry's part has roots, flags and repos, without the texts that only the workflow has", () => {
    const types = [
      "EV_FSO_SPLIT_ROOT_ENABLED",
      "EV_FSO_SPLIT_ROOT_PARAMS_UPDATED",
      "EV_FSO_SPLIT_ROOT_DISABLED",
      "EV_FSO_PATH_FLAG_SET",
      "EV_FSO_PATH_FLAG_UNSET",
      "EV_FSO_FREEZE_REPO_STARTED_2",
      "EV_FSO_FREEZE_REPO_COMPLETED_2",
    ] as const;
    const params = { globalRoot: "/ex", maxDepth: 2, minDiskUsage: 1n, maxDiskUsage: 9n };
    const messages = types.map((type) => {
      const message = whole.registry(RegistryEvent_Type[type]);
      return Object.assign(message, { statusCode: 103, fsoSplitRootParams: params });
    });
    expect(read(registry, messages).map(({ event }) => event)).toEqual([
      { type: "splitRootEnabled", globalRoot: "/ex" },
      { type: "splitRootParamsUpdated", ...params },
      { type: "splitRootDisabled", globalRoot: "/ex" },
      { type: "pathFlagSet", path: "/ex/a", flags: 1 },
      { type: "pathFlagUnset", path: "/ex/a", flags: 1 },
      { type: "freezeRepoStarted", repoId, workflowId },
      { type: "freezeRepoCompleted", repoId, workflowId, statusCode: 103 },
    ]);
  });

  test("the repo's part names the workflow and how it ended", () => {
    const { EV_FSO_FREEZE_REPO_STARTED_2, EV_FSO_FREEZE_REPO_COMPLETED_2 } = RepoEvent_Type;
    const messages = [EV_FSO_FREEZE_REPO_STARTED_2, EV_FSO_FREEZE_REPO_COMPLETED_2].map((type) =>
      Object.assign(whole.repo(type), { statusCode: 105 }),
    );
    expect(read(repo, messages).map(({ event }) => event)).toEqual([
      { type: "freezeStarted", workflowId },
      { type: "freezeCompleted", workflowId, statusCode: 105 },
    ]);
  });
});
