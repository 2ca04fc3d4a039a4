import { create, type DescMessage, type DescMethodStreaming, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type Transport } from "@connectrpc/connect";
import { createMethodSerializationLookup, createMethodUrl, encodeEnvelope } from "@connectrpc/connect/protocol";
import type { Credentials } from "./credentials.ts";
import type { StreamCall, StreamCallOptions } from "./stream-call.ts";

/** A larger message is refused. */
const maxMessageBytes = 64 * 1024 * 1024;
const limits = { readMaxBytes: maxMessageBytes, writeMaxBytes: maxMessageBytes };

type CallHeader = Parameters<Transport["stream"]>[3];

/** What each protocol makes its call of. */
export interface StreamCallRequest<T> extends StreamCallOptions<T> {
  readonly url: string;
  /** Of the URL, with its search. */
  readonly path: string;
  /** Of whoever calls; undefined if there is none. */
  readonly header: CallHeader;
  /** Of the upstream's credentials; undefined if it has none. */
  readonly authorization: string | undefined;
}

/**
 * A transport whose server streams are read by calls of our own instead of by connect's layers: those take a message
 * through six async generators, three times what it takes to decode one of 100 bytes, and a call through three
 * controllers and as many sets of headers. Its checks of headers and trailers and the codes of its errors are kept. Other
 * calls, and those with a timeout, are the transport's own.
 */
export function withStreamFastPath(
  transport: Transport,
  { baseUrl, credentials }: { readonly baseUrl: string; readonly credentials: Credentials },
  callOf: <T>(request: StreamCallRequest<T>) => StreamCall<T>,
): Transport {
  const methods = new WeakMap<DescMethodStreaming, ReturnType<typeof prepared>>();

  async function stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    header: CallHeader,
    input: AsyncIterable<MessageInitShape<I>>,
  ): Promise<StreamResponse<I, O>> {
    const known = methods.get(method) ?? prepared(baseUrl, method);
    methods.set(method, known);
    const { url, path, serialization } = known;
    const { value: message, done } = await input[Symbol.asyncIterator]().next();
    if (done)
      throw new ConnectError("protocol error: missing input message for server-streaming method", Code.Internal);
    const authorization = await credentials.header(signal);
    const call = callOf({
      url,
      path,
      header,
      authorization,
      request: encodeEnvelope(0, serialization.getI(true).serialize(create(method.input, message))),
      parse: serialization.getO(true).parse,
      maxMessageBytes,
      signal,
      onError: (error) => authorization !== undefined && credentials.onError(error, authorization),
    });
    await call.open();
    return {
      stream: true,
      service: method.parent,
      method,
      get header() {
        return call.header;
      },
      get trailer() {
        return call.trailer;
      },
      message: { [Symbol.asyncIterator]: () => call },
    };
  }

  return {
    unary: transport.unary,
    stream: (method, signal, timeoutMs, header, input, contextValues) =>
      method.methodKind === "server_streaming" && timeoutMs === undefined
        ? stream(method, signal, header, input)
        : transport.stream(method, signal, timeoutMs, header, input, contextValues),
  };
}

/** What is the same for all calls of a method. */
function prepared<I extends DescMessage, O extends DescMessage>(baseUrl: string, method: DescMethodStreaming<I, O>) {
  const url = createMethodUrl(baseUrl, method);
  const { pathname, search } = new URL(url);
  return {
    url,
    path: pathname + search,
    serialization: createMethodSerializationLookup(method, undefined, undefined, limits),
  };
}
