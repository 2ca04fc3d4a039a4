import type { DescMessage, DescMethodStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { createContextValues, type Interceptor, type StreamResponse, type Transport } from "@connectrpc/connect";
import {
  createMethodSerializationLookup,
  createMethodUrl,
  encodeEnvelope,
  runStreamingCall,
} from "@connectrpc/connect/protocol";
import { requestHeader, validateResponseWithCompression, validateTrailer } from "@connectrpc/connect/protocol-grpc";
import { createGrpcTransport, createNodeHttpClient, type Http2SessionManager } from "@connectrpc/connect-node";
import { controllerUnder, noLongerNeeded } from "../contract/controller-under.ts";
import { MessageReader } from "./message-reader.ts";

export interface GrpcTransportOptions {
  readonly baseUrl: string;
  readonly interceptors: Interceptor[];
  readonly sessionManager: Http2SessionManager;
}

/** A larger message is refused. */
const mostMessageBytes = 64 * 1024 * 1024;
/** Larger than any: a request is an id, a tail and a flag. */
const limits = { readMaxBytes: mostMessageBytes, writeMaxBytes: mostMessageBytes };

/**
 * gRPC over HTTP/2, with server streams that are read with no promise of their own for each message but the reader's.
 * connect-node's client takes a message through six async generators, which costs three times what it takes to decode
 * one of 100 bytes. Here its HTTP client, its checks of header and trailer, and its errors are used as they are; what is
 * ours is how the bytes are cut into messages. Other calls, and those with a timeout, are connect-node's.
 */
export function createLeanGrpcTransport({ baseUrl, interceptors, sessionManager }: GrpcTransportOptions): Transport {
  // Compression costs a local network two to four times its throughput.
  const options = { baseUrl, interceptors, sessionManager, acceptCompression: [] };
  const transport = createGrpcTransport(options);
  const httpClient = createNodeHttpClient({ httpVersion: "2", sessionProvider: () => sessionManager });
  const stream = async <I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    header: Parameters<Transport["stream"]>[3],
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues = createContextValues(),
  ): Promise<StreamResponse<I, O>> => {
    const serialization = createMethodSerializationLookup(method, undefined, undefined, limits);
    // The call is cut off if its answer cannot be read.
    const ends = signal ? controllerUnder(signal) : new AbortController();
    const reader = new MessageReader(serialization.getO(true).parse, {
      mostBytes: mostMessageBytes,
      onEnd: (error) => ends.abort(error ?? noLongerNeeded),
    });
    const response = await runStreamingCall<I, O>({
      interceptors,
      signal: ends.signal,
      req: {
        stream: true,
        service: method.parent,
        method,
        requestMethod: "POST",
        url: createMethodUrl(baseUrl, method),
        header: requestHeader(true, undefined, header),
        contextValues,
        message: input,
      },
      next: async (request) => {
        const answer = await httpClient({
          url: request.url,
          method: "POST",
          header: request.header,
          signal: request.signal,
          body: framed(request.message as AsyncIterable<MessageShape<I>>, serialization.getI(true).serialize),
        });
        const { foundStatus, headerError } = validateResponseWithCompression([], answer.status, answer.header);
        if (headerError) throw headerError;
        const body = checkedAtEnd(answer.body, () => {
          reader.assertWhole();
          if (!foundStatus) validateTrailer(answer.trailer, answer.header);
        });
        // Chunks where messages are expected: so connect's own layer around them costs a promise a chunk.
        return { ...request, ...answer, message: body as AsyncIterable<never> };
      },
    });
    const chunks = response.message as AsyncIterable<Uint8Array>;
    return { ...response, message: { [Symbol.asyncIterator]: () => reader.over(chunks) } };
  };
  return {
    unary: transport.unary,
    stream: (method, signal, timeoutMs, header, input, contextValues) =>
      method.methodKind === "server_streaming" && timeoutMs === undefined
        ? stream(method, signal, header, input, contextValues)
        : transport.stream(method, signal, timeoutMs, header, input, contextValues),
  };
}

async function* framed<T>(messages: AsyncIterable<T>, serialize: (message: T) => Uint8Array) {
  for await (const message of messages) yield encodeEnvelope(0, serialize(message));
}

/** The chunks, and behind them the error of the body's end or its trailer, if there is one. */
async function* checkedAtEnd(chunks: AsyncIterable<Uint8Array>, check: () => void) {
  yield* chunks;
  check();
}
