import { isUtf8 } from "../foundation/text.ts";
import { describeValue, TailwakeError } from "./error.ts";

declare const brand: unique symbol;

/**
 * Id of an event, opaque and compared only for equality: nog gives ULIDs, which are not even monotonic within a
 * millisecond; other services give sequence numbers or cursors. 1 to 342 bytes of UTF-8; ids that are bytes go through
 * {@link eventIdOfBytes}.
 */
export type EventId = string & { readonly [brand]: "made by eventId(text), or read from a stream" };

/** Nothing processed yet; as a returned tail "reload everything" (the seed's `ulid.Nil`, grpcentities.go:51). */
export const epoch = "epoch";

/** Id of the last event that an activity has processed, or {@link epoch}. */
export type Tail = EventId | typeof epoch;

const maxIdBytes = 256;
/**
 * So long is the base64url of 256 bytes. A record may hold three ids (the tail, what was acted on, and after what an error
 * came), and should normally stay below 1 KB.
 */
const maxTextBytes = 342;

/** Checks and brands an event id. Throws a `TailwakeError` ("malformed-event") for "", "epoch" or an overlong id. */
export function eventId(text: string): EventId {
  if (isEventId(text)) return text;
  throw new TailwakeError({
    code: "malformed-event",
    subject: "event id",
    expected: `a string of 1 to ${maxTextBytes} bytes of UTF-8 other than "epoch"`,
    received: describeValue(text),
  });
}

/**
 * The id of a service whose ids are 1 to 256 bytes: base64url without padding, for `read` of a stream. Never "epoch":
 * no bytes are five characters long.
 */
export function eventIdOfBytes(bytes: Uint8Array): EventId {
  if (bytes instanceof Uint8Array && bytes.length >= 1 && bytes.length <= maxIdBytes) {
    return eventId(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url"));
  }
  throw new TailwakeError({
    code: "malformed-event",
    subject: "event id",
    expected: `1 to ${maxIdBytes} bytes`,
    received: bytes instanceof Uint8Array ? `${bytes.length} bytes` : describeValue(bytes),
  });
}

/** The bytes behind an id that {@link eventIdOfBytes} made, for `request` of a stream. Throws for any other id. */
export function bytesOfEventId(id: EventId): Uint8Array {
  // Decoding passes over what is not base64url, and two texts may stand for the same bytes: only one is made of them.
  const bytes = new Uint8Array(Buffer.from(id, "base64url"));
  if (bytes.length >= 1 && bytes.length <= maxIdBytes && eventIdOfBytes(bytes) === id) return bytes;
  throw new TailwakeError({
    code: "malformed-event",
    subject: "event id",
    expected: `the base64url of 1 to ${maxIdBytes} bytes, as eventIdOfBytes(bytes) makes it`,
    received: describeValue(id),
  });
}

/** Checks a tail that came from a store, a message or an activity. */
export function isTail(value: unknown): value is Tail {
  return value === epoch || isEventId(value);
}

function isEventId(value: unknown): value is EventId {
  if (typeof value !== "string" || value === "" || value === epoch) return false;
  if (!isUtf8(value)) return false;
  // A UTF-16 unit takes at most three bytes, so short ids need no count.
  return value.length * 3 <= maxTextBytes || new TextEncoder().encode(value).length <= maxTextBytes;
}
