import { createClient, type Transport } from "@connectrpc/connect";
import { EphemeralRegistry, Registry, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEvent_Type, Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { indexHistory, registryHistory } from "../../local/upstream/ids.ts";
import type { Upstream } from "../../local/upstream/server.ts";
import { registry, repoId, workflowA, workflowB } from "./harness.ts";

export interface StreamMessage {
  readonly registry?: string;
  readonly repo?: Uint8Array;
  readonly workflow?: Uint8Array;
  readonly events: readonly { readonly id: Uint8Array; readonly parent: Uint8Array; readonly event: number }[];
  readonly willBlock: boolean;
}

interface From {
  readonly after?: Uint8Array;
  readonly watch?: boolean;
}

/** One of the five event streams, with what a test needs to know of it. */
export interface StreamKind {
  readonly name: string;
  /** Refuses an unknown `after`, with this text. */
  readonly unknownAfter?: string;
  readonly history: Uint8Array;
  /** The ids that each message echoes. */
  readonly echo: Partial<StreamMessage>;
  open(transport: Transport, from: From, signal?: AbortSignal): AsyncIterable<StreamMessage>;
  /** Appends `count` events in one commit, beginning the history if needed. */
  append(upstream: Upstream, count: number): void;
}

function call(signal: AbortSignal | undefined) {
  return signal ? { signal } : {};
}

const notFound = "db: finding start failed: not found";

export const streamKinds: readonly StreamKind[] = [
  {
    name: "Registry.Events",
    unknownAfter: `journal error: ${notFound}`,
    history: registryHistory(registry),
    echo: { registry },
    open: (transport, from, signal) => createClient(Registry, transport).events({ registry, ...from }, call(signal)),
    append: ({ seed }, count) => {
      const event = { event: RegistryEvent_Type.EV_FSO_PATH_FLAG_SET, fsoPathFlag: { path: "/ex/keep", flags: 1 } };
      seed.appendRegistryEvents(registry, Array(count).fill(event));
    },
  },
  {
    name: "EphemeralRegistry.RegistryWorkflowIndexEvents",
    unknownAfter: `journal error: ${notFound}`,
    history: indexHistory(registry),
    echo: { registry },
    open: (transport, from, signal) =>
      createClient(EphemeralRegistry, transport).registryWorkflowIndexEvents({ registry, ...from }, call(signal)),
    append: ({ seed }, count) => {
      const event = { event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED, workflowId: workflowA };
      seed.appendIndexEvents(registry, Array(count).fill(event));
    },
  },
  {
    name: "EphemeralRegistry.RegistryWorkflowEvents",
    history: workflowA,
    echo: { registry, workflow: workflowA },
    open: (transport, from, signal) =>
      createClient(EphemeralRegistry, transport).registryWorkflowEvents(
        { registry, workflow: workflowA, ...from },
        call(signal),
      ),
    append: ({ seed, journal }, count) => {
      const started = {
        event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_STARTED,
        registryId: registryHistory(registry),
      };
      const pinged = { event: WorkflowEvent_Type.EV_FSO_SERVER_PINGED, statusMessage: "ping" };
      const first = journal.read(workflowA).length === 0;
      seed.appendRegistryWorkflowEvents(
        workflowA,
        first ? [started, ...Array(count - 1).fill(pinged)] : Array(count).fill(pinged),
      );
    },
  },
  {
    name: "Repos.Events",
    unknownAfter: `repo journal error: ${notFound}`,
    history: repoId,
    echo: { repo: repoId },
    open: (transport, from, signal) => createClient(Repos, transport).events({ repo: repoId, ...from }, call(signal)),
    append: ({ seed }, count) => {
      const event = { event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage: "oops" };
      seed.appendRepoEvents(repoId, Array(count).fill(event));
    },
  },
  {
    name: "Repos.WorkflowEvents",
    history: workflowB,
    echo: { repo: repoId, workflow: workflowB },
    open: (transport, from, signal) =>
      createClient(Repos, transport).workflowEvents({ repo: repoId, workflow: workflowB, ...from }, call(signal)),
    append: ({ seed, journal }, count) => {
      const first = journal.read(workflowB).length === 0;
      if (first) seed.beginRepoWorkflow(repoId, { newGlobalPath: "/ex/moved", workflowId: workflowB });
      const event = { event: WorkflowEvent_Type.EV_FSO_REPO_MOVE_STA_RELEASED };
      const more = first ? count - 1 : count;
      if (more > 0) seed.appendRepoWorkflowEvents(workflowB, Array(more).fill(event));
    },
  },
];
