import { Code, type ConnectError } from "@connectrpc/connect";
import type { Batch, Recorded } from "../contract/stream.ts";
import { type EventId, eventId } from "../contract/tail.ts";
import { checkIdLength, ulidText, ulidTime } from "./ids.ts";

/**
 * A nog server sends an empty message on a watching stream every ten seconds (nog 4450389,
 * backend/internal/nogfsoregd/registryd/registryd.go, `Events`).
 */
export const heartbeatMs = 10_000;

/** The fields that the three event messages of nog share. */
interface EventMessage {
  readonly $typeName: string;
  readonly id: Uint8Array;
}

/**
 * One event of a stream, converted when it is read, since most activities skip most events. The constructor checks the
 * length of the id, so that reading `id` never throws. Reading `event` throws for a malformed event.
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

/**
 * The batch in one message of a nog stream. Throws a `TailwakeError` ("malformed-event") for an id of the wrong length.
 */
export function readBatch<M extends EventMessage, E>(
  message: { readonly events: readonly M[]; readonly willBlock: boolean },
  convert: (message: M) => E,
): Batch<E> {
  return {
    events: message.events.map((event) => new LazyRecorded(event, convert)),
    willBlock: message.willBlock,
  };
}

/** The time of a nog event, from its id, a ULID. */
export function eventTime(recorded: { readonly id: EventId }): Date {
  return new Date(ulidTime(recorded.id));
}

/**
 * True for the error of nog's journal if the event to start after was collected or never existed. Not for the workflow
 * streams, whose server sends no error.
 */
export function isTailUnknown(error: ConnectError): boolean {
  return error.code === Code.Unknown && error.rawMessage.includes("finding start failed");
}
