import { describeValue, TailwakeError } from "./error.ts";

declare const brand: unique symbol;

/**
 * Id of an event, opaque and compared only for equality: nog gives ULIDs, which are not even monotonic within a
 * millisecond; other services give sequence numbers or cursors. 1 to 256 bytes of UTF-8.
 */
export type EventId = string & { readonly [brand]: "made by eventId(text), or read from a stream" };

/** Nothing processed yet; as a returned tail "reload everything" (the seed's `ulid.Nil`, grpcentities.go:51). */
export const epoch = "epoch";

/** Id of the last event that an activity has processed, or {@link epoch}. */
export type Tail = EventId | typeof epoch;

const maxEventIdBytes = 256;

/** Checks and brands an event id. Throws a `TailwakeError` ("malformed-event") for "", "epoch" or an overlong id. */
export function eventId(text: string): EventId {
  if (isEventId(text)) return text;
  throw new TailwakeError({
    code: "malformed-event",
    subject: "event id",
    expected: `a string of 1 to ${maxEventIdBytes} bytes other than "epoch"`,
    received: describeValue(text),
  });
}

/** Checks a tail that came from a store, a message or an activity. */
export function isTail(value: unknown): value is Tail {
  return value === epoch || isEventId(value);
}

function isEventId(value: unknown): value is EventId {
  if (typeof value !== "string" || value === "" || value === epoch) return false;
  // A UTF-16 unit takes at most three bytes, so short ids need no count.
  return value.length * 3 <= maxEventIdBytes || new TextEncoder().encode(value).length <= maxEventIdBytes;
}
