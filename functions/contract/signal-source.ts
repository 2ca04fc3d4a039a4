import type { DescMessage, DescMethodServerStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { checkName } from "./stream.ts";

/**
 * A server-streaming method that says which aggregates have news. Its messages are hints: they may be lost, doubled or
 * merged, and nothing tells a client from when on the server sends them.
 */
export interface SignalSourceDefinition<U extends string, I extends DescMessage, O extends DescMessage> {
  readonly name: string;
  /** Name of the upstream in `createApp({ upstreams })`: after a gap, the tasks of its streams are looked at. */
  readonly upstream: U;
  readonly method: DescMethodServerStreaming<I, O>;
  readonly request: () => MessageInitShape<I>;
  /** The ids of the aggregates that a message is about, as `entityId` of their streams gives them. */
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

/** Declares a source of signals, for `createApp({ signalSources })`. */
export function defineSignalSource<const U extends string, I extends DescMessage, O extends DescMessage>(
  definition: SignalSourceDefinition<U, I, O>,
): SignalSource<U> {
  checkName("signal source", definition.name);
  const { name, upstream, method, request, read } = definition;
  return Object.freeze({ name, upstream, method, request, read });
}

/** The definition behind a source. */
export function sourceDeclarationOf(source: SignalSource): SignalSourceDeclaration {
  return source as SignalSourceDeclaration;
}
