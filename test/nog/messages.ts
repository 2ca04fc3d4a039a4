import { create, type DescMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { declarationOf, type Recorded, type Stream } from "../../functions/contract/stream.ts";
import { type RegistryEvent, RegistryEventSchema } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { type RepoEvent, RepoEventSchema } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { type WorkflowEvent, WorkflowEventSchema } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { ulidBytes, ulidText, uuidBytes } from "../../functions/nog/ids.ts";

export const repoId = "92f224c0-bb9a-4f2e-820d-28e1b887afc8";
export const workflowId = "81a7b3dc-3f98-464b-bd87-b4f03fdc6b89";
export const registryId = "a85e477e-e5d3-5d2d-b4a8-ec32cfe3254f";

export function uuid(text: string): Uint8Array<ArrayBuffer> {
  return uuidBytes(text, "test");
}

/** The id of the n-th event of a test, made at `atMs`. */
export function eventIdText(n: number, atMs = 1_700_000_000_000): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(atMs, 0, 6);
  bytes.writeUInt32BE(n, 12);
  return ulidText(bytes, "test");
}

export function ulid(n: number, atMs?: number): Uint8Array<ArrayBuffer> {
  return ulidBytes(eventIdText(n, atMs), "test");
}

/** Tests also make events of types that the enum does not have. */
type Init<S extends DescMessage> = Omit<Exclude<MessageInitShape<S>, Message>, "event"> & { readonly event: number };

export function workflowEvent(init: Init<typeof WorkflowEventSchema>): WorkflowEvent {
  return create(WorkflowEventSchema, { id: ulid(1), ...init } as MessageInitShape<typeof WorkflowEventSchema>);
}

export function registryEvent(init: Init<typeof RegistryEventSchema>): RegistryEvent {
  return create(RegistryEventSchema, { id: ulid(1), ...init } as MessageInitShape<typeof RegistryEventSchema>);
}

export function repoEvent(init: Init<typeof RepoEventSchema>): RepoEvent {
  return create(RepoEventSchema, { id: ulid(1), ...init } as MessageInitShape<typeof RepoEventSchema>);
}

/** Events as an activity of `stream` gets them. */
export function read(stream: Stream, events: readonly unknown[]): readonly Recorded<unknown>[] {
  return events.flatMap((event) => readMessage(stream, { events: [event] }).events);
}

export function readMessage(stream: Stream, message: object) {
  return declarationOf(stream).definition.read({ willBlock: false, ...message });
}
