import { randomFillSync } from "node:crypto";
import { ulid } from "ulid";
import { parse, v4, v5 } from "uuid";

/** Namespace of the name-based aggregate ids of nog 4450389 (backend/internal/shorteruuid). */
const nogNamespace = "ecb02ec6-006d-429f-a378-9392612f9c61";

/** 16 zero bytes: the epoch, parent of the first event of a history. */
export const zeroId: Uint8Array = new Uint8Array(16);

/** 16 random UUID bytes. */
export function newUuid(): Uint8Array {
  return parse(v4());
}

export function uuidBytes(text: string): Uint8Array {
  return parse(text);
}

/** Canonical text of any 16 bytes, even if they are not a valid UUID. */
export function uuidText(id: Uint8Array): string {
  const hex = idKey(id);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** History of a registry: UUIDv5 of "fsoreg:<name>". */
export function registryHistory(name: string): Uint8Array {
  return parse(v5(`fsoreg:${name}`, nogNamespace));
}

/** History of a registry's workflow index: UUIDv5 of "fsoregephwfl:<name>". */
export function indexHistory(registry: string): Uint8Array {
  return parse(v5(`fsoregephwfl:${registry}`, nogNamespace));
}

/**
 * A new event id: a ULID with the time `now` (milliseconds) and fresh entropy. Two ids of the same millisecond are
 * unordered, as in nog; the parent chain orders events.
 */
export function newEventId(now: number): Uint8Array {
  return ulidBytes(ulid(now, randomFraction));
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** 26 characters. */
export function ulidText(id: Uint8Array): string {
  let rest = BigInt(`0x${idKey(id)}`);
  let text = "";
  for (let i = 0; i < 26; i++) {
    text = crockford.charAt(Number(rest & 31n)) + text;
    rest >>= 5n;
  }
  return text;
}

/** Bytes of a ULID text of 26 upper-case characters. */
export function ulidBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  let bits = 0;
  let value = 0;
  // 26 characters carry 130 bits; the two leading bits are always zero.
  let skip = 2;
  let at = 0;
  for (let i = 0; i < 26; i++) {
    value = (value << 5) | crockford.indexOf(text.charAt(i));
    bits += 5 - skip;
    skip = 0;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = value >> bits;
      value &= (1 << bits) - 1;
    }
  }
  return bytes;
}

/** Milliseconds since 1970 of a ULID. */
export function ulidTime(id: Uint8Array): number {
  return Buffer.from(id.buffer, id.byteOffset, 6).readUIntBE(0, 6);
}

/** The map key of an id: 32 hexadecimal digits. */
export function idKey(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString("hex");
}

export function equalIds(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function isZero(id: Uint8Array): boolean {
  return equalIds(id, zeroId);
}

const pool = new Uint8Array(4096);
let used = pool.length;

/** A random number in [0, 1) with 8 bits, enough for one character of a ULID. */
function randomFraction(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return (pool[used++] ?? 0) / 256;
}
