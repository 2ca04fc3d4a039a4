import type { DescMessage, DescMethodServerStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { isUtf8 } from "../foundation/text.ts";
import { describeValue, TailwakeError } from "./error.ts";
import type { EventId } from "./tail.ts";

export interface Recorded<E> {
  readonly id: EventId;
  readonly event: E;
}

/** One message of the upstream. */
export interface Batch<E> {
  readonly events: readonly Recorded<E>[];
  /** The server has nothing more for now; only a watching stream says so, and the eager engine needs it to. */
  readonly willBlock?: boolean;
}

/**
 * The events of one aggregate after the run's tail, in stream order. Ends at the head of the stream and when our own
 * signal aborts; throws when the upstream fails. So a plain `for await` followed by `return caughtUp(tail)` is right
 * under every engine: if the run was aborted before the head, the engine reads `caughtUp` as `canceled` and hands over
 * from that tail.
 */
export interface EventStream<E> extends AsyncIterable<Recorded<E>> {
  /** The same events, one upstream message at a time: less work per event. Use either form, once. */
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

/** Where a stream begins: after an event or, when `after` is undefined, at the epoch. */
export interface StreamPosition {
  readonly after: EventId | undefined;
  /** Keep the stream open at its head and send what comes. */
  readonly watch: boolean;
}

export interface SignalDeclaration<K extends string> {
  readonly source: string;
  readonly detailType: string;
  /** The aggregate that the event is about; undefined for an event that is about none. */
  readonly address: (detail: unknown) => { readonly [P in K]: string } | undefined;
}

export interface StreamDefinition<U extends string, K extends string, I extends DescMessage, O extends DescMessage, E> {
  /** Part of the table's key: never rename a deployed kind. Letters, digits, "-", "_" and ".". */
  readonly kind: string;
  /** Name of the upstream in `createApp({ upstreams })`. */
  readonly upstream: U;
  readonly method: DescMethodServerStreaming<I, O>;
  readonly address: readonly K[];
  /** What a signal names, 1 to 1,024 bytes. Default: the address's one value; several joined by "/". */
  readonly entityId?: (address: { readonly [P in K]: string }) => string;
  readonly request: (address: { readonly [P in K]: string }, from: StreamPosition) => MessageInitShape<I>;
  readonly read: (message: MessageShape<O>) => Batch<E>;
  /**
   * How the server shows that it no longer knows the tail; the task then reloads from epoch. A function tells the
   * server's error from others. "silent": the server sends an empty stream, as if there were no news; a tail that no
   * event has followed for six hours is then looked up in the whole stream (protocol rule 18).
   */
  readonly tailUnknown?: ((error: ConnectError) => boolean) | "silent";
  /**
   * A watching stream of this server has a message at least so often, in milliseconds, an empty one if need be. One
   * that is silent for three times as long is taken for dead and opened again. Default: the server makes no promise.
   */
  readonly heartbeatMs?: number;
  /** When the event happened, for lag in seconds. Default: the time of a ULID id, else unknown. */
  readonly time?: (recorded: Recorded<E>) => Date;
  /** Bus events of your service that mean "this aggregate has news". They are hints: may be lost, doubled, merged. */
  readonly signals?: readonly SignalDeclaration<K>[];
}

/** A definition as the engines use it: the types of address, messages and event are the declaring author's business. */
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

/** Declares an aggregate kind over a server-streaming method with an "after this event" cursor. */
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
  // The casts forget the author's types in one place; streams are opened and read only through this declaration.
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

/** Several values as one text; a "/" or "%" in one of them is escaped, so that no two addresses have the same. */
function joined(values: readonly string[]): string {
  const [only = ""] = values;
  if (values.length === 1) return only;
  return values.map((value) => value.replaceAll("%", "%25").replaceAll("/", "%2F")).join("/");
}

/** The definition behind a stream. Throws for an object that {@link defineStream} did not make. */
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

/** The entity id is in the table's partition key, of which DynamoDB takes 2,048 bytes, and in each wake. */
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

/** Of a long text the length says more than its beginning alone. */
function describeText(value: unknown): string {
  const length = typeof value === "string" && value !== "" ? `, ${Buffer.byteLength(value)} bytes` : "";
  return `${describeValue(value)}${length}`;
}

/** Checks an address from outside: exactly the kind's keys, each a non-empty string of at most 256 bytes. */
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

/** Names that become part of a key: short, and without the characters that keys are joined with. */
export function checkName(what: string, name: unknown): void {
  if (typeof name === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw new TailwakeError({
    code: "invalid-definition",
    subject: what,
    expected: 'a name of 1 to 64 letters, digits, "-", "_" or "."',
    received: describeValue(name),
  });
}
