import type { Address, Stream } from "../../functions/contract/stream.ts";
import {
  registry as registryKind,
  registryWorkflow,
  registryWorkflowIndex,
  repo,
  repoWorkflow,
  ulidText,
  uuidText,
} from "../../functions/nog/index.ts";
import type { Upstream } from "../../local/upstream/server.ts";
import { registry, repoId, workflowA, workflowB } from "../upstream/harness.ts";
import { type StreamKind, streamKinds } from "../upstream/stream-kinds.ts";

export interface ServedKind {
  readonly stream: Stream;
  /** Of the aggregate that the upstream's fixture has. */
  readonly address: Address;
  readonly served: StreamKind;
}

/** The five nog kinds. */
export const kinds: readonly ServedKind[] = [
  { stream: registryKind, address: { registry } },
  { stream: registryWorkflowIndex, address: { registry } },
  { stream: registryWorkflow, address: { registry, workflowId: uuidText(workflowA, "id") } },
  { stream: repo, address: { repoId: uuidText(repoId, "id") } },
  { stream: repoWorkflow, address: { repoId: uuidText(repoId, "id"), workflowId: uuidText(workflowB, "id") } },
].map((kind, i) => ({ ...kind, served: streamKinds[i] as StreamKind }));

export const repoKind = kinds[3] as ServedKind;

/** The history of a kind's aggregate, as ids. */
export const idsIn = (upstream: Upstream, { served }: ServedKind): string[] =>
  upstream.journal.read(served.history).map(({ id }) => ulidText(id, "id"));
