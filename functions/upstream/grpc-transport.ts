import { create, type DescMessage, type DescMethodStreaming, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type Transport } from "@connectrpc/connect";
import { createMethodSerializationLookup, createMethodUrl, encodeEnvelope } from "@connectrpc/connect/protocol";
import { requestHeader } from "@connectrpc/connect/protocol-grpc";
import { createGrpcTransport, type Http2SessionManager } from "@connectrpc/connect-node";
import type { Credentials } from "./credentials.ts";
import { GrpcCall } from "./grpc-call.ts";

export interface GrpcTransportOptions {
  readonly baseUrl: string;
  readonly credentials: Credentials;
  readonly sessionManager: Http2SessionManager;
}

/** Of a call without headers of its own. Written down, since to make a `Headers` takes a new process 6 ms: Node loads its fetch. */
const plainHeaders = { "content-type": "application/grpc+proto", te: "trailers", "user-agent": "tailwake" };
/** A larger message is refused. */
const mostMessageBytes = 64 * 1024 * 1024;
const limits = { readMaxBytes: mostMessageBytes, writeMaxBytes: mostMessageBytes };

/**
 * gRPC over HTTP/2, whose server streams are read without connect-node's layers: those take a message through six async
 * generators, three times what it takes to decode one of 100 bytes, and a call through three controllers and as many
 * sets of headers, three times what HTTP/2 itself takes. Its connections, its checks of headers and trailers and the
 * codes of its errors are kept. Other calls, and those with a timeout, are connect-node's.
 */
export function createLeanGrpcTransport({ baseUrl, credentials, sessionManager }: GrpcTransportOptions): Transport {
  // Compression costs a local network two to four times its throughput.
  const interceptors = [credentials.interceptor];
  const transport = createGrpcTransport({ baseUrl, interceptors, sessionManager, acceptCompression: [] });
  const methods = new WeakMap<DescMethodStreaming, ReturnType<typeof prepared>>();

  async function stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    header: Parameters<Transport["stream"]>[3],
    input: AsyncIterable<MessageInitShape<I>>,
  ): Promise<StreamResponse<I, O>> {
    const known = methods.get(method) ?? prepared(baseUrl, method);
    methods.set(method, known);
    const { path, serialization } = known;
    const { value: message, done } = await input[Symbol.asyncIterator]().next();
    if (done)
      throw new ConnectError("protocol error: missing input message for server-streaming method", Code.Internal);
    const authorization = await credentials.header(signal);
    const headers = header ? Object.fromEntries(requestHeader(true, undefined, header)) : plainHeaders;
    const call = new GrpcCall({
      sessionManager,
      path,
      headers: authorization === undefined ? headers : { ...headers, authorization },
      request: encodeEnvelope(0, serialization.getI(true).serialize(create(method.input, message))),
      parse: serialization.getO(true).parse,
      mostMessageBytes,
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
  const { pathname, search } = new URL(createMethodUrl(baseUrl, method));
  return {
    path: pathname + search,
    serialization: createMethodSerializationLookup(method, undefined, undefined, limits),
  };
}
