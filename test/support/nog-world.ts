import type { Address, Stream } from "../../functions/contract/stream.ts";
import { EphemeralRegistry, Registry, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEvent_Type, Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { WorkflowEvent_Type } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import {
  registry,
  registryEntityId,
  registryWorkflow,
  registryWorkflowIndex,
  repo,
  repoWorkflow,
  ulidBytes,
  ulidText,
  uuidText,
  workflowIndexEntityId,
} from "../../functions/nog/index.ts";
import { type Asked, type Routes, type Sent, World, type WorldOptions } from "./world.ts";

/** An aggregate of one of the five nog kinds. */
export interface NogAggregate {
  readonly stream: Stream;
  readonly address: Address;
  /** Its id in signals and in {@link World.histories}. */
  readonly entity: string;
}

const exreg = "exreg";
const repoId = "92f224c0-bb9a-4f2e-820d-28e1b887afc8";
const workflowId = "4f6c54fb-2d87-4d22-b95e-447ad96400b8";
const moveId = "81a7b3dc-3f98-464b-bd87-b4f03fdc6b89";

/** One of each kind; the ids of the first two are the UUIDv5 of nog's Go packages. */
export const nogAggregates: readonly NogAggregate[] = [
  { stream: registry, address: { registry: exreg }, entity: "a85e477e-e5d3-5d2d-b4a8-ec32cfe3254f" },
  { stream: registryWorkflowIndex, address: { registry: exreg }, entity: "583eef08-a9a7-5314-b743-ac1966d240b3" },
  { stream: registryWorkflow, address: { registry: exreg, workflowId }, entity: workflowId },
  { stream: repo, address: { repoId }, entity: repoId },
  { stream: repoWorkflow, address: { repoId, workflowId: moveId }, entity: moveId },
];

/** A {@link World} whose server has the five event streams of nog. Event ids are ULIDs, things are entity ids. */
export function nogWorld(options: WorldOptions): World {
  return new World({ ...options, routes });
}

/** Maximum time between two messages on a watching stream of nog's servers. */
const heartbeatMs = 10_000;
const notFound = "db: finding start failed: not found";

const routes: Routes = (router, serve) => {
  const ask = (
    thingId: string,
    { after, watch }: { readonly after: Uint8Array; readonly watch: boolean },
    { signal }: { readonly signal: AbortSignal },
    tailUnknown: string,
  ) => serve({ thingId, after: idText(after), watch, signal, tailUnknown, heartbeatMs } satisfies Asked);

  router.rpc(Registry.method.events, async function* (request, context) {
    const event = { event: RegistryEvent_Type.EV_FSO_PATH_FLAG_SET, fsoPathFlag: { path: "/ex/keep", flags: 1 } };
    const sent = ask(registryEntityId(request.registry), request, context, `journal error: ${notFound}`);
    for await (const one of sent) yield { registry: request.registry, ...message(one, event) };
  });
  router.rpc(EphemeralRegistry.method.registryWorkflowIndexEvents, async function* (request, context) {
    const event = { event: WorkflowEvent_Type.EV_FSO_PING_REGISTRY_DELETED };
    const sent = ask(workflowIndexEntityId(request.registry), request, context, `journal error: ${notFound}`);
    for await (const one of sent) yield { registry: request.registry, ...message(one, event) };
  });
  router.rpc(EphemeralRegistry.method.registryWorkflowEvents, async function* (request, context) {
    const { registry, workflow } = request;
    const event = { event: WorkflowEvent_Type.EV_FSO_SERVER_PINGED, statusMessage: "ping" };
    const sent = ask(uuidText(workflow, "workflow"), request, context, "");
    for await (const one of sent) yield { registry, workflow, ...message(one, event) };
  });
  router.rpc(Repos.method.events, async function* (request, context) {
    const event = { event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage: "oops" };
    const sent = ask(uuidText(request.repo, "repo"), request, context, `repo journal error: ${notFound}`);
    for await (const one of sent) yield { repo: request.repo, ...message(one, event) };
  });
  router.rpc(Repos.method.workflowEvents, async function* (request, context) {
    const { repo, workflow } = request;
    const event = { event: WorkflowEvent_Type.EV_FSO_REPO_MOVE_STA_RELEASED };
    const sent = ask(uuidText(workflow, "workflow"), request, context, "");
    for await (const one of sent) yield { repo, workflow, ...message(one, event) };
  });
};

const idText = (bytes: Uint8Array): string => (bytes.length === 0 ? "" : ulidText(bytes, "after"));

/** One event per message, and `willBlock` only in messages without events, as in nog's servers. */
function message<E>({ id, willBlock }: Sent, event: E): { events: (E & { id: Uint8Array })[]; willBlock: boolean } {
  return { events: id === undefined ? [] : [{ ...event, id: ulidBytes(id, "id") }], willBlock };
}
