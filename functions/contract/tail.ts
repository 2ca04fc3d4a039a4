import { isUtf8 } from "../foundation/text.ts";
import { describeValue, TailwakeError } from "./error.ts";

declare const brand: unique symbol;

/**
 * The id of an event: opaque, compared only for equality, 1 to 342 bytes of UTF-8. nog's ids are ULIDs, which are not
 * even monotonic within a millisecond; other services have sequence numbers or cursors. {@link eventIdOfBytes} makes an
 * id from bytes.
 */
export type EventId = string & { readonly [brand]: "made by eventId(text), or read from a stream" };

/**
 * The tail before the first event. A returned `epoch` means: read everything again (`ulid.Nil` in nog's Go packages,
 * grpcentities.go:51-52 at commit 4450389).
 */
export const epoch = "epoch";

/** Id of the last event that an activity has processed, or {@link epoch}. */
export type Tail = EventId | typeof epoch;

const maxIdBytes = 256;
/**
 * The length of the base64url of 256 bytes. A record may hold three ids (the tail, the last event acted on, the event
 * before an error), and should normally stay below 1 KB.
 */
const maxTextBytes = 342;

/**
 * Checks and brands an event id. Throws a `TailwakeError` ("malformed-event") for "", "epoch" and ids over 342 bytes.
 */
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
 * Makes an event id from 1 to 256 bytes, as base64url without padding, for the `read` of a stream. Never "epoch":
 * base64url is never five characters long. Throws a `TailwakeError` ("malformed-event").
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

/**
 * The bytes of an id that {@link eventIdOfBytes} made, for the `request` of a stream. Throws a `TailwakeError`
 * ("malformed-event") for any other id.
 */
export function bytesOfEventId(id: EventId): Uint8Array {
  // The decoder skips other characters, and several texts decode to the same bytes: accept only the encoder's text.
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
  // A UTF-16 unit takes at most three bytes, so a short id needs no encoding.
  return value.length * 3 <= maxTextBytes || new TextEncoder().encode(value).length <= maxTextBytes;
}
