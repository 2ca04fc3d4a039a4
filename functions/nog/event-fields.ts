import type { DescEnum } from "@bufbuild/protobuf";
import { TailwakeError } from "../contract/error.ts";
import { type RegistryEvent, RegistryEvent_TypeSchema } from "./gen/nogfso/registry_pb.ts";
import type { FsoRepoInitInfo } from "./gen/nogfso/repo-init_pb.ts";
import { type RepoEvent, RepoEvent_TypeSchema } from "./gen/nogfso/repos_pb.ts";
import type { FsoRootInfo, RepoAclPolicy } from "./gen/nogfso/root-info_pb.ts";
import { type WorkflowEvent, WorkflowEvent_TypeSchema } from "./gen/nogfso/workflows_pb.ts";
import { ulidText, uuidText } from "./ids.ts";

/**
 * The event messages of nog. The functions below read their fields. For a missing field that the event type requires
 * they throw a `TailwakeError` ("malformed-event") that names type and field; nog's own parsers crash on it.
 */
type EventMessage = RegistryEvent | RepoEvent | WorkflowEvent;

/** The names of the fields of `M` that hold a `V`. */
type FieldOf<M, V> = { [F in keyof M]-?: NonNullable<M[F]> extends V ? F : never }[keyof M] & string;

/** An event of a type that this version does not know; `code` is the code of the enum. */
export interface UnknownEvent {
  readonly type: "unknown";
  readonly code: number;
}

/** How a step ended: 0 is success, other codes are nog's `StatusCode` or the sender's own. */
export interface Status {
  readonly statusCode: number;
  readonly message: string;
}

/** A root directory of a registry: its path in the global tree, its host, and its path there. */
export interface Root {
  readonly globalRoot: string;
  readonly host: string;
  readonly hostRoot: string;
}

/** The path of a repo in the global tree, its host, and its path there. */
export interface RepoLocation {
  readonly globalPath: string;
  readonly fileHost: string;
  readonly hostPath: string;
}

/** A field that the event type requires. */
export function required<M extends EventMessage, F extends keyof M & string>(event: M, field: F): NonNullable<M[F]> {
  const value = event[field];
  if (value === undefined || value === null) throw malformed(event, field, "a message", "none");
  return value;
}

export function uuidField<M extends EventMessage>(event: M, field: FieldOf<M, Uint8Array>): string {
  return uuidIn(event, field, event[field] as Uint8Array);
}

/** A UUID inside a sub-message; `path` names it from the event. */
export function uuidIn(event: EventMessage, path: string, bytes: Uint8Array): string {
  if (bytes.length !== 16) throw malformed(event, path, "16 bytes", `${bytes.length}`);
  return uuidText(bytes, path);
}

/** A required event id: ULID text. */
export function ulidField<M extends EventMessage>(event: M, field: FieldOf<M, Uint8Array>): string {
  return ulidIn(event, field, event[field] as Uint8Array);
}

export function ulidIn(event: EventMessage, path: string, bytes: Uint8Array): string {
  if (bytes.length !== 16) throw malformed(event, path, "16 bytes", `${bytes.length}`);
  return ulidText(bytes, path);
}

/** An optional event id: ULID text, or undefined. */
export function optionalUlidField<M extends EventMessage>(event: M, field: FieldOf<M, Uint8Array>): string | undefined {
  return (event[field] as Uint8Array).length === 0 ? undefined : ulidField(event, field);
}

/** As {@link optionalUlidField}, inside a sub-message. */
export function optionalUlidIn(event: EventMessage, path: string, bytes: Uint8Array): string | undefined {
  return bytes.length === 0 ? undefined : ulidIn(event, path, bytes);
}

/** GPG key fingerprints, 20 bytes each, as upper-case hexadecimal text. */
export function fingerprints(event: RegistryEvent | RepoEvent): readonly string[] {
  return event.fsoGpgKeyFingerprints.map((bytes, at) => {
    if (bytes.length === 20) return Buffer.from(bytes).toString("hex").toUpperCase();
    throw malformed(event, `fsoGpgKeyFingerprints[${at}]`, "20 bytes", `${bytes.length}`);
  });
}

export function status(event: RepoEvent | WorkflowEvent): Status {
  return { statusCode: event.statusCode, message: event.statusMessage };
}

export function root(info: Pick<FsoRootInfo, keyof Root>): Root {
  return { globalRoot: info.globalRoot, host: info.host, hostRoot: info.hostRoot };
}

export function repoLocation(info: FsoRepoInitInfo): RepoLocation {
  return { globalPath: info.globalPath, fileHost: info.fileHost, hostPath: info.hostPath };
}

const aclPolicies = ["unspecified", "noAcls", "propagateRootAcls"] as const;
export type AclPolicy = (typeof aclPolicies)[number] | "unrecognized";

export function aclPolicy(info: RepoAclPolicy): AclPolicy {
  return nameOf(aclPolicies, info.policy);
}

const subdirTrackings = ["unspecified", "enterSubdirs", "bundleSubdirs", "ignoreSubdirs", "ignoreMost"] as const;
export type SubdirTracking = (typeof subdirTrackings)[number] | "unrecognized";

export function subdirTracking(code: number): SubdirTracking {
  return nameOf(subdirTrackings, code);
}

/** The name of an enum value whose codes count up from 0. */
export function nameOf<const N extends readonly string[]>(names: N, code: number): N[number] | "unrecognized" {
  return names[code] ?? "unrecognized";
}

function malformed(event: EventMessage, field: string, expected: string, received: string): TailwakeError {
  return new TailwakeError({ code: "malformed-event", subject: `${typeName(event)}.${field}`, expected, received });
}

function typeName(event: EventMessage): string {
  const types: DescEnum =
    event.$typeName === "nogfso.RegistryEvent"
      ? RegistryEvent_TypeSchema
      : event.$typeName === "nogfso.RepoEvent"
        ? RepoEvent_TypeSchema
        : WorkflowEvent_TypeSchema;
  return types.value[event.event]?.name ?? event.$typeName;
}
