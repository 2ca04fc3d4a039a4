import type { DescMessage, DescMethodServerStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { checkName } from "./stream.ts";

/**
 * A server-streaming method that names the aggregates that have news. Its messages are hints: they may be lost,
 * duplicated or merged, and a client cannot tell when the server begins to send them.
 */
export interface SignalSourceDefinition<U extends string, I extends DescMessage, O extends DescMessage> {
  readonly name: string;
  /** Name of the upstream in `createApp({ upstreams })`. After a gap, a sweep checks the tasks of its streams. */
  readonly upstream: U;
  readonly method: DescMethodServerStreaming<I, O>;
  readonly request: () => MessageInitShape<I>;
  /** The ids of the aggregates that a message names, as `entityId` of their streams returns them. */
  readonly read: (message: MessageShape<O>) => readonly string[];
}

/** A declared source of signals. Opaque, as a stream is. */
export interface SignalSource<U extends string = string> {
  readonly name: string;
  readonly upstream: U;
}

/** A source as the signals function uses it. */
export interface SignalSourceDeclaration extends SignalSource {
  readonly method: DescMethodServerStreaming;
  readonly request: () => Record<string, unknown>;
  readonly read: (message: object) => readonly string[];
}

/** Declares a source for `createApp({ signalSources })`. Throws a `TailwakeError` ("invalid-definition"). */
export function defineSignalSource<const U extends string, I extends DescMessage, O extends DescMessage>(
  definition: SignalSourceDefinition<U, I, O>,
): SignalSource<U> {
  checkName("signal source", definition.name);
  const { name, upstream, method, request, read } = definition;
  return Object.freeze({ name, upstream, method, request, read });
}

/** The declaration of a source. */
export function sourceDeclarationOf(source: SignalSource): SignalSourceDeclaration {
  return source as SignalSourceDeclaration;
}
