import { v5 as uuidV5 } from "uuid";
import { describeValue, TailwakeError } from "../contract/error.ts";

/**
 * nog's ids. On the wire each is 16 raw bytes. As text, an event id (ULID) has 26 Crockford characters, and the id of a
 * repo, a workflow or a registry (UUID) the canonical 36 in lower case. Every event's id is encoded, so that allocates
 * one flat string and nothing else.
 */
const idLength = 16;
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** An id of checked length: indexing it by a constant is never undefined. */
type Id = readonly [...Eight, ...Eight];
type Eight = [number, number, number, number, number, number, number, number];

/** Throws a `TailwakeError` ("malformed-event") that names `field` unless `bytes` has the length of an id. */
export function checkIdLength(bytes: Uint8Array, field: string): void {
  if (bytes.length === idLength) return;
  throw new TailwakeError({
    code: "malformed-event",
    subject: field,
    expected: `${idLength} bytes`,
    received: `${bytes.length}`,
  });
}

/** 16 bytes as ULID text. Throws as {@link checkIdLength}. */
export function ulidText(bytes: Uint8Array, field: string): string {
  checkIdLength(bytes, field);
  const b = bytes as unknown as Id;
  // Two zero bits, then 128 bits, as 26 digits of 5 bits. Bytes 1 to 5, 6 to 10 and 11 to 15 make 8 digits each.
  return String.fromCharCode(
    alphabet.charCodeAt(b[0] >> 5),
    alphabet.charCodeAt(b[0] & 31),
    alphabet.charCodeAt(b[1] >> 3),
    alphabet.charCodeAt(((b[1] & 7) << 2) | (b[2] >> 6)),
    alphabet.charCodeAt((b[2] >> 1) & 31),
    alphabet.charCodeAt(((b[2] & 1) << 4) | (b[3] >> 4)),
    alphabet.charCodeAt(((b[3] & 15) << 1) | (b[4] >> 7)),
    alphabet.charCodeAt((b[4] >> 2) & 31),
    alphabet.charCodeAt(((b[4] & 3) << 3) | (b[5] >> 5)),
    alphabet.charCodeAt(b[5] & 31),
    alphabet.charCodeAt(b[6] >> 3),
    alphabet.charCodeAt(((b[6] & 7) << 2) | (b[7] >> 6)),
    alphabet.charCodeAt((b[7] >> 1) & 31),
    alphabet.charCodeAt(((b[7] & 1) << 4) | (b[8] >> 4)),
    alphabet.charCodeAt(((b[8] & 15) << 1) | (b[9] >> 7)),
    alphabet.charCodeAt((b[9] >> 2) & 31),
    alphabet.charCodeAt(((b[9] & 3) << 3) | (b[10] >> 5)),
    alphabet.charCodeAt(b[10] & 31),
    alphabet.charCodeAt(b[11] >> 3),
    alphabet.charCodeAt(((b[11] & 7) << 2) | (b[12] >> 6)),
    alphabet.charCodeAt((b[12] >> 1) & 31),
    alphabet.charCodeAt(((b[12] & 1) << 4) | (b[13] >> 4)),
    alphabet.charCodeAt(((b[13] & 15) << 1) | (b[14] >> 7)),
    alphabet.charCodeAt((b[14] >> 2) & 31),
    alphabet.charCodeAt(((b[14] & 3) << 3) | (b[15] >> 5)),
    alphabet.charCodeAt(b[15] & 31),
  );
}

/** ULID text, in either case, as 16 bytes. Throws a `TailwakeError` ("invalid-argument") that names `field`. */
export function ulidBytes(text: string, field: string): Uint8Array<ArrayBuffer> {
  // The first character carries three bits: a ULID above 7ZZ… would need 130.
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i.test(text)) throw notAnId(text, field, "a ULID of 26 characters");
  const bytes = new Uint8Array(idLength);
  const upper = text.toUpperCase();
  let bits = 0;
  let count = -2;
  for (let digit = 0, byte = 0; digit < upper.length; digit++) {
    bits = ((bits << 5) | alphabet.indexOf(upper.charAt(digit))) & 0x1fff;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes[byte++] = bits >> count;
  }
  return bytes;
}

/** When a ULID was made: milliseconds since 1970-01-01T00:00:00Z. */
export function ulidTime(text: string): number {
  const upper = text.toUpperCase();
  let ms = 0;
  for (let digit = 0; digit < 10; digit++) ms = ms * 32 + alphabet.indexOf(upper.charAt(digit));
  return ms;
}

/** The bytes of a `vid` field, nog's version check: the id of the last event that the caller has seen. */
export function vidBytes(vid: string): Uint8Array<ArrayBuffer> {
  return ulidBytes(vid, "vid");
}

const hexPairs: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** 16 bytes as canonical UUID text. Throws as {@link checkIdLength}. */
export function uuidText(bytes: Uint8Array, field: string): string {
  checkIdLength(bytes, field);
  let text = "";
  for (let at = 0; at < idLength; at++) {
    if (at === 4 || at === 6 || at === 8 || at === 10) text += "-";
    text += hexPairs[bytes[at] as number];
  }
  return text;
}

/** UUID text of any version, in either case, as 16 bytes. Throws a `TailwakeError` ("invalid-argument"). */
export function uuidBytes(text: string, field: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw notAnId(text, field, "a UUID as text");
  return new Uint8Array(Buffer.from(text.replaceAll("-", ""), "hex"));
}

/** UUID text in the canonical form that signals and task keys have. */
export function canonicalUuid(text: string, field: string): string {
  return uuidText(uuidBytes(text, field), field);
}

function notAnId(text: string, field: string, expected: string): TailwakeError {
  return new TailwakeError({ code: "invalid-argument", subject: field, expected, received: describeValue(text) });
}

const namespace = "ecb02ec6-006d-429f-a378-9392612f9c61";

/** The entity id by which signals name a registry. */
export function registryEntityId(registry: string): string {
  return uuidV5(`fsoreg:${registry}`, namespace);
}

/** The entity id by which signals name the index of a registry's workflows. */
export function workflowIndexEntityId(registry: string): string {
  return uuidV5(`fsoregephwfl:${registry}`, namespace);
}
