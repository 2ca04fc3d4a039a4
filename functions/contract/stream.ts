import type { DescMessage, DescMethodServerStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { isUtf8 } from "../foundation/text.ts";
import { describeValue, TailwakeError } from "./error.ts";
import type { EventId } from "./tail.ts";

/** An event and its id. */
export interface Recorded<E> {
  readonly id: EventId;
  readonly event: E;
}

/** The events in one message of the upstream. */
export interface Batch<E> {
  readonly events: readonly Recorded<E>[];
  /** True: the server has no more events for now. Only a watching stream sends it; the eager engine needs it. */
  readonly willBlock?: boolean;
}

/**
 * The events of one aggregate after the run's tail, in stream order. Ends at the head of the stream, and when the run's
 * signal aborts. Throws when the upstream fails. So a plain `for await` followed by `return caughtUp(tail)` is right
 * under every engine: if the run was aborted before the head, the engine takes `caughtUp` for `canceled` and hands over
 * from that tail.
 */
export interface EventStream<E> extends AsyncIterable<Recorded<E>> {
  /**
   * The same events, one upstream message at a time, which takes less work per event. Use one of the two forms, once.
   */
  batches(): AsyncIterable<Batch<E>>;
}

declare const brand: unique symbol;

/** A declared aggregate kind. Opaque: the functions given to {@link defineStream} are not part of the type. */
export interface Stream<U extends string = string, K extends string = string, E = unknown> {
  readonly kind: string;
  readonly upstream: U;
  readonly addressKeys: readonly K[];
  readonly [brand]?: { readonly event: E };
}

export type AddressOf<S extends Stream> = S extends Stream<string, infer K> ? { readonly [P in K]: string } : never;
export type EventOf<S extends Stream> = S extends Stream<string, string, infer E> ? E : never;

/** Where a stream begins: after an event, or at the epoch if `after` is undefined. */
export interface StreamPosition {
  readonly after: EventId | undefined;
  /** Keep the stream open at its head and send new events. */
  readonly watch: boolean;
}

export interface SignalDeclaration<K extends string> {
  readonly source: string;
  readonly detailType: string;
  /** The address of the aggregate that has news; undefined if the event concerns none. */
  readonly address: (detail: unknown) => { readonly [P in K]: string } | undefined;
}

export interface StreamDefinition<U extends string, K extends string, I extends DescMessage, O extends DescMessage, E> {
  /** Part of the table's key: never rename a deployed kind. Letters, digits, "-", "_" and ".". */
  readonly kind: string;
  /** Name of the upstream in `createApp({ upstreams })`. */
  readonly upstream: U;
  readonly method: DescMethodServerStreaming<I, O>;
  readonly address: readonly K[];
  /** The id that signals carry, 1 to 1,024 bytes. Default: the address's one value, or several joined by "/". */
  readonly entityId?: (address: { readonly [P in K]: string }) => string;
  readonly request: (address: { readonly [P in K]: string }, from: StreamPosition) => MessageInitShape<I>;
  readonly read: (message: MessageShape<O>) => Batch<E>;
  /**
   * How the server shows that it no longer knows the tail; the task then reads from the epoch. A function returns true
   * for the server's error. "silent": the server sends an empty stream, as if there were no news; the engine looks up a
   * tail that no event has followed for six hours in the whole stream (protocol rule 18). Default: no error shows it.
   */
  readonly tailUnknown?: ((error: ConnectError) => boolean) | "silent";
  /**
   * The server sends a message on a watching stream at least once in this many milliseconds, an empty one if there is
   * no event. The engine closes a stream that is silent for three times as long and opens it again. Default: no
   * heartbeat.
   */
  readonly heartbeatMs?: number;
  /** When the event happened, for lag in seconds. Default: the time of a ULID id, else unknown. */
  readonly time?: (recorded: Recorded<E>) => Date;
  /** Bus events of your service that mean "this aggregate has news": hints, which may be lost, duplicated or merged. */
  readonly signals?: readonly SignalDeclaration<K>[];
}

/** A definition as the engines use it: without the types of address, messages and event. */
export interface StreamDeclaration extends Stream {
  readonly definition: {
    readonly kind: string;
    readonly method: DescMethodServerStreaming;
    readonly entityId: (address: Address) => string;
    readonly request: (address: Address, from: StreamPosition) => Record<string, unknown>;
    readonly read: (message: object) => Batch<unknown>;
    readonly tailUnknown: ((error: ConnectError) => boolean) | "silent";
    readonly heartbeatMs: number | undefined;
    readonly time: ((recorded: Recorded<unknown>) => Date) | undefined;
    readonly signals: readonly SignalDeclaration<string>[];
  };
}

/** The values that name one aggregate of a kind. */
export type Address = Readonly<Record<string, string>>;

/**
 * Declares an aggregate kind over a server-streaming method with an "after this event" cursor. Throws a `TailwakeError`
 * ("invalid-definition").
 */
export function defineStream<
  const U extends string,
  const K extends string,
  I extends DescMessage,
  O extends DescMessage,
  E,
>(definition: StreamDefinition<U, K, I, O, E>): Stream<U, K, E> {
  checkName("kind", definition.kind);
  if (definition.address.length === 0) {
    throw new TailwakeError({
      code: "invalid-definition",
      subject: `address of kind ${definition.kind}`,
      expected: "at least one key",
      received: "none",
    });
  }
  const { heartbeatMs } = definition;
  if (heartbeatMs !== undefined && !(Number.isSafeInteger(heartbeatMs) && heartbeatMs >= 1)) {
    throw new TailwakeError({
      code: "invalid-definition",
      subject: `heartbeatMs of kind ${definition.kind}`,
      expected: "a whole number of milliseconds from 1",
      received: describeValue(heartbeatMs),
    });
  }
  const entityId = definition.entityId ?? ((address) => joined(definition.address.map((key) => address[key])));
  // The casts drop the author's types in this one place: the engines open and read streams only through the
  // declaration.
  const erased = definition as unknown as StreamDefinition<string, string, DescMessage, DescMessage, unknown>;
  const declaration: StreamDeclaration = {
    kind: erased.kind,
    upstream: erased.upstream,
    addressKeys: erased.address,
    definition: {
      kind: erased.kind,
      method: erased.method,
      entityId: (address) => checkEntityId(erased, entityId(address as { readonly [P in K]: string })),
      request: erased.request as (address: Address, from: StreamPosition) => Record<string, unknown>,
      read: erased.read as (message: object) => Batch<unknown>,
      tailUnknown: erased.tailUnknown ?? (() => false),
      heartbeatMs: erased.heartbeatMs,
      time: erased.time,
      signals: erased.signals ?? [],
    },
  };
  return Object.freeze(declaration) as unknown as Stream<U, K, E>;
}

/** Joins the values with "/"; escapes "/" and "%" in them, so that no two addresses have the same text. */
function joined(values: readonly string[]): string {
  const [only = ""] = values;
  if (values.length === 1) return only;
  return values.map((value) => value.replaceAll("%", "%25").replaceAll("/", "%2F")).join("/");
}

/** The definition of a stream. Throws a `TailwakeError` ("invalid-definition") for any other object. */
export function declarationOf(stream: Stream): StreamDeclaration {
  if (typeof stream === "object" && stream !== null && "definition" in stream && Array.isArray(stream.addressKeys)) {
    return stream as StreamDeclaration;
  }
  throw new TailwakeError({
    code: "invalid-definition",
    subject: "stream",
    expected: "a value made by defineStream",
    received: describeValue(stream),
  });
}

/** The entity id is part of the table's partition key, at most 2,048 bytes in DynamoDB, and of each wake. */
const maxEntityIdBytes = 1_024;
const maxAddressValueBytes = 256;

function checkEntityId(
  { kind, address }: { readonly kind: string; readonly address: readonly string[] },
  entity: unknown,
): string {
  if (isText(entity, maxEntityIdBytes)) return entity;
  throw new TailwakeError({
    code: "invalid-argument",
    subject: `entity id of kind ${kind}, made of ${address.join(", ")}`,
    expected: `a string of 1 to ${maxEntityIdBytes} bytes of UTF-8`,
    received: describeText(entity),
  });
}

function isText(value: unknown, maxBytes: number): value is string {
  return typeof value === "string" && value !== "" && Buffer.byteLength(value) <= maxBytes && isUtf8(value);
}

/** Describes a value; for a text, also its length in bytes. */
function describeText(value: unknown): string {
  const length = typeof value === "string" && value !== "" ? `, ${Buffer.byteLength(value)} bytes` : "";
  return `${describeValue(value)}${length}`;
}

/**
 * Checks an address from outside; keeps the kind's keys, each a string of 1 to 256 bytes of UTF-8. Throws a
 * `TailwakeError` ("invalid-argument").
 */
export function checkAddress(stream: Stream, address: unknown): Address {
  const keys = stream.addressKeys;
  const given = typeof address === "object" && address !== null ? (address as Record<string, unknown>) : {};
  for (const key of keys) {
    const value = given[key];
    if (!isText(value, maxAddressValueBytes)) {
      throw new TailwakeError({
        code: "invalid-argument",
        subject: `address.${key} of kind ${stream.kind}`,
        expected: `a string of 1 to ${maxAddressValueBytes} bytes of UTF-8`,
        received: describeText(value),
      });
    }
  }
  return Object.fromEntries(keys.map((key) => [key, given[key] as string]));
}

/** Checks a name that becomes part of a key: short, and without the characters that join keys. */
export function checkName(what: string, name: unknown): void {
  if (typeof name === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw new TailwakeError({
    code: "invalid-definition",
    subject: what,
    expected: 'a name of 1 to 64 letters, digits, "-", "_" or "."',
    received: describeValue(name),
  });
}
