import { Code, ConnectError } from "@connectrpc/connect";
import { malformedAfter, malformedWorkflowId } from "./fault.ts";
import { zeroId } from "./ids.ts";

/**
 * True if the client sent the bytes field. proto3 has no presence for it, yet nog refuses an explicit empty field. A
 * decoded field is a view of the request's bytes, while the default shares an empty buffer.
 */
export function isPresent(field: Uint8Array): boolean {
  return field.length > 0 || field.buffer.byteLength > 0;
}

/** The event after which to read; 16 zero bytes for the epoch. */
export function parseAfter(field: Uint8Array): Uint8Array {
  if (!isPresent(field)) return zeroId;
  if (field.length !== 16) throw malformedAfter();
  return field;
}

export function parseRepoId(field: Uint8Array): Uint8Array {
  return parseId(field, "repo id");
}

export function parseWorkflowId(field: Uint8Array): Uint8Array {
  return parseId(field, "workflow id");
}

/** As {@link parseWorkflowId}, with the error text of commands of registries' workflows. */
export function parseCommandWorkflowId(field: Uint8Array): Uint8Array {
  if (field.length !== 16) throw malformedWorkflowId();
  return field;
}

function parseId(field: Uint8Array, name: string): Uint8Array {
  if (field.length === 16) return field;
  throw new ConnectError(`malformed ${name}: expected 16 bytes, received ${field.length}`, Code.InvalidArgument);
}

const registryName = /^[a-z]([a-z0-9-]*[a-z0-9])?(\.[a-z]([a-z0-9-]*[a-z0-9])?)*$/;

/** A registry name is a domain name: labels of lower-case letters, digits and "-", joined by dots. */
export function checkRegistryName(name: string): void {
  if (registryName.test(name)) return;
  throw new ConnectError(
    `malformed registry name: \`${name}\` does not match regex \`${registryName.source}\``,
    Code.InvalidArgument,
  );
}
