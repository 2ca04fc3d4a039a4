import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { Credentials } from "./credentials.ts";
import type { Upstream } from "./upstream.ts";

/** Above the 30 s that nog's server allows (seed 2.6), below the 350 s after which a NAT gateway forgets a connection. */
const pingIntervalMs = 40_000;
const pingTimeoutMs = 5_000;
/** For unary calls; a stream may last as long as the invocation. */
const unaryTimeoutMs = 30_000;
const defaultMaxOpenStreams = 100;

/** An upstream that calls can be made to. Connections are made when first needed and again when they have broken. */
export interface UpstreamConnection {
  readonly transport: Transport;
  readonly credentials: Credentials;
  readonly maxOpenStreams: number;
  /** Ends the connections; for processes that go on without this upstream. */
  close(): void;
}

export function connectUpstream({ baseUrl, protocol, authorization, maxOpenStreams }: Upstream): UpstreamConnection {
  const credentials = new Credentials(authorization);
  const interceptors = [credentials.interceptor];
  const rest = { credentials, maxOpenStreams: maxOpenStreams ?? defaultMaxOpenStreams };
  switch (protocol) {
    case "grpc": {
      // Pings find a connection that died while the function was frozen; off by default, calls on it would hang. An idle
      // connection is not pinged but verified before its next call: connect-node 2.2.0 would go on pinging one that was
      // destroyed with its last stream, and that throws where nobody can catch it.
      const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs, pingTimeoutMs });
      // Compression costs a local network two to four times its throughput.
      const transport = createGrpcTransport({ baseUrl, interceptors, sessionManager, acceptCompression: [] });
      return { ...rest, transport, close: () => sessionManager.abort() };
    }
    case "connect":
      return {
        ...rest,
        transport: createConnectTransport({ baseUrl, interceptors, useBinaryFormat: true }),
        close() {},
      };
    case "grpc-web":
      return { ...rest, transport: createGrpcWebTransport({ baseUrl, interceptors }), close() {} };
  }
}

/** A client whose calls end when `signal` aborts, and unary ones also after 30 s. */
export function boundClient<D extends DescService>(transport: Transport, service: D, signal: AbortSignal): Client<D> {
  const either = (given: AbortSignal | undefined) => (given ? AbortSignal.any([signal, given]) : signal);
  return createClient(service, {
    unary: (method, given, timeoutMs, ...rest) =>
      transport.unary(method, either(given), timeoutMs ?? unaryTimeoutMs, ...rest),
    stream: (method, given, timeoutMs, ...rest) => transport.stream(method, either(given), timeoutMs, ...rest),
  });
}
