import type { Transport } from "@connectrpc/connect";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpcWeb from "@connectrpc/connect/protocol-grpc-web";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import type { Credentials } from "./credentials.ts";
import { FetchCall, type FetchProtocol } from "./fetch-call.ts";
import { type StreamCallRequest, withStreamFastPath } from "./stream-fast-path.ts";

export interface FetchTransportOptions {
  readonly baseUrl: string;
  readonly credentials: Credentials;
}

/** The connect protocol over fetch, with the stream fast path. */
export function createFastConnectTransport(options: FetchTransportOptions): Transport {
  const { baseUrl, credentials } = options;
  const interceptors = [credentials.interceptor];
  const transport = createConnectTransport({ baseUrl, interceptors, useBinaryFormat: true, fetch: abortableFetch });
  return withStreamFastPath(transport, options, (request) =>
    fetchCall(
      request,
      connectStreams,
      connect.requestHeader("server_streaming", true, undefined, request.header, false),
    ),
  );
}

/** gRPC-Web over fetch, with the stream fast path. */
export function createFastGrpcWebTransport(options: FetchTransportOptions): Transport {
  const { baseUrl, credentials } = options;
  const interceptors = [credentials.interceptor];
  const transport = createGrpcWebTransport({ baseUrl, interceptors, fetch: abortableFetch });
  return withStreamFastPath(transport, options, (request) =>
    fetchCall(request, grpcWebStreams, grpcWeb.requestHeader(true, undefined, request.header, false)),
  );
}

const connectStreams: FetchProtocol = {
  endFlags: connect.endStreamFlag,
  endName: "EndStreamResponse",
  hasEndedWith(status, header) {
    connect.validateResponse("server_streaming", true, status, header);
    return false;
  },
  trailerOf(end, header) {
    const { metadata, error } = connect.endStreamFromJson(end);
    if (!error) return metadata;
    for (const [name, value] of header) error.metadata.append(name, value);
    throw error;
  },
};

const grpcWebStreams: FetchProtocol = {
  endFlags: grpcWeb.trailerFlag,
  endName: "trailer",
  hasEndedWith(status, header) {
    const { foundStatus, headerError } = grpcWeb.validateResponse(status, header);
    if (headerError) throw headerError;
    return foundStatus;
  },
  trailerOf(end, header) {
    const trailer = grpcWeb.trailerParse(end);
    grpcWeb.validateTrailer(trailer, header);
    return trailer;
  },
};

function fetchCall<T>(request: StreamCallRequest<T>, protocol: FetchProtocol, headers: Headers): FetchCall<T> {
  const { authorization, header: _header, path: _path, ...call } = request;
  if (authorization !== undefined) headers.set("authorization", authorization);
  return new FetchCall({ ...call, protocol, headers });
}

/** fetch for the other calls, without connect-web's `redirect: "error"`: see {@link FetchCall}. */
const abortableFetch: typeof fetch = (url, init) => fetch(url, { ...init, redirect: "manual" });
