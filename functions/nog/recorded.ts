import { Code, type ConnectError } from "@connectrpc/connect";
import type { Batch, Recorded } from "../contract/stream.ts";
import { type EventId, eventId } from "../contract/tail.ts";
import { checkIdLength, ulidText, ulidTime } from "./ids.ts";

/** A watching stream of a nog server has an empty message every ten seconds (seed: nog 4450389, registryd.go). */
export const heartbeatMs = 10_000;

/** What the three event messages of nog have in common. */
interface EventMessage {
  readonly $typeName: string;
  readonly id: Uint8Array;
}

/**
 * One event of a stream, converted when it is looked at: most activities skip most events. The length of the id is
 * looked at once, so that reading `id` never throws; reading `event` throws for a malformed one.
 */
class LazyRecorded<M extends EventMessage, E> implements Recorded<E> {
  private readonly message: M;
  private readonly convert: (message: M) => E;
  private textId: EventId | undefined;
  private converted: E | undefined;

  constructor(message: M, convert: (message: M) => E) {
    checkIdLength(message.id, `${message.$typeName}.id`);
    this.message = message;
    this.convert = convert;
  }

  get id(): EventId {
    this.textId ??= eventId(ulidText(this.message.id, "id"));
    return this.textId;
  }

  get event(): E {
    this.converted ??= this.convert(this.message);
    return this.converted;
  }
}

/** The batch in one message of a nog stream. Throws a `TailwakeError` ("malformed-event") for an id of a wrong length. */
export function readBatch<M extends EventMessage, E>(
  message: { readonly events: readonly M[]; readonly willBlock: boolean },
  convert: (message: M) => E,
): Batch<E> {
  return {
    events: message.events.map((event) => new LazyRecorded(event, convert)),
    willBlock: message.willBlock,
  };
}

/** When an event of nog happened: its id is a ULID. */
export function eventTime(recorded: { readonly id: EventId }): Date {
  return new Date(ulidTime(recorded.id));
}

/**
 * True for the answer of nog's journal when the event to start after was collected or never existed. Only the kinds
 * whose server says so use it; the workflow streams stay silent.
 */
export function isTailUnknown(error: ConnectError): boolean {
  return error.code === Code.Unknown && error.rawMessage.includes("finding start failed");
}
