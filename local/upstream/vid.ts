import { Code, ConnectError } from "@connectrpc/connect";
import { equalIds } from "./ids.ts";
import { isPresent } from "./request-field.ts";

/** Version sentinel: do not check the version. */
export const noVersionCheck: Uint8Array = sentinel(1);

/**
 * Version sentinel: do not check the version, and retry a command that conflicts with another one. Commands here are
 * synchronous, so they never conflict and are never retried.
 */
export const retryNoVersionCheck: Uint8Array = sentinel(2);

/** The version a command expects; an absent field means {@link noVersionCheck}. 16 zero bytes match an empty history. */
export function parseVid(field: Uint8Array): Uint8Array {
  if (!isPresent(field)) return noVersionCheck;
  if (field.length === 16) return field;
  throw new ConnectError(`malformed vid: expected 16 bytes, received ${field.length}`, Code.InvalidArgument);
}

/** False for the sentinels. */
export function isVersion(vid: Uint8Array): boolean {
  return !equalIds(vid, noVersionCheck) && !equalIds(vid, retryNoVersionCheck);
}

function sentinel(last: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[15] = last;
  return bytes;
}
