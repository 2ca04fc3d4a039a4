import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { Http2SessionManager, type Http2SessionOptions } from "@connectrpc/connect-node";
import { Credentials } from "./credentials.ts";
import { createFastConnectTransport, createFastGrpcWebTransport } from "./fetch-transport.ts";
import { createFastGrpcTransport } from "./grpc-transport.ts";
import { UpstreamHealth } from "./health.ts";
import type { Upstream } from "./upstream.ts";

/** Above the 30 s that nog's server allows (seed 2.6), below the 350 s after which a NAT gateway forgets a connection. */
const pingIntervalMs = 40_000;
const pingTimeoutMs = 5_000;
/** For unary calls; a stream may last as long as the invocation. */
const unaryTimeoutMs = 30_000;
/** A server that lets a call wait for longer is taken for dead. */
const silenceMs = 20_000;
/**
 * How much a server may send before it hears that it has been read, on one stream and on all of a connection. HTTP/2's
 * 64 KiB are 3 MB/s over a round trip of 20 ms; these are 50 and 200. A stream that is not read holds its window in
 * memory, but takes nothing of the connection's: Node gives that back as it comes.
 */
const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 4 * 1024 * 1024;
/** Below the 300 s after which fetch ends a response that is silent (undici's bodyTimeout). */
const fetchIdleLimitMs = 240_000;

/** An upstream that calls can be made to. Connections are made when first needed and again when they have broken. */
export interface UpstreamConnection {
  readonly transport: Transport;
  readonly credentials: Credentials;
  readonly health: UpstreamHealth;
  /** As the app says; undefined if it does not. */
  readonly maxOpenStreams: number | undefined;
  /** How long a stream may let somebody wait for a message, in milliseconds, before it is given up: up to twice this. */
  readonly silenceMs: number;
  /** How long a stream may be silent before the transport ends it; undefined if it never does. */
  readonly idleLimitMs: number | undefined;
  /** Ends the connections; for processes that go on without this upstream. */
  close(): void;
}

/** `times` in milliseconds, where a test cannot wait for the usual ones. */
export function connectUpstream(
  upstream: Upstream,
  times: { readonly silenceMs?: number; readonly pingIntervalMs?: number; readonly pingTimeoutMs?: number } = {},
): UpstreamConnection {
  const { baseUrl, protocol, authorization, scheme = "bare", maxOpenStreams } = upstream;
  const credentials = new Credentials(authorization, { scheme, upstream: baseUrl });
  const rest = {
    credentials,
    health: new UpstreamHealth(),
    maxOpenStreams,
    silenceMs: times.silenceMs ?? silenceMs,
    idleLimitMs: protocol === "grpc" ? undefined : fetchIdleLimitMs,
  };
  switch (protocol) {
    case "grpc": {
      // Pings find a connection that died while the function was frozen; off by default, calls on it would hang. An idle
      // connection is not pinged but verified before its next call: connect-node 2.2.0 would go on pinging one that was
      // destroyed with its last stream, and that throws where nobody can catch it.
      const sessionManager = new SessionManager(baseUrl, {
        pingIntervalMs: times.pingIntervalMs ?? pingIntervalMs,
        pingTimeoutMs: times.pingTimeoutMs ?? pingTimeoutMs,
      });
      const transport = createFastGrpcTransport({ baseUrl, credentials, sessionManager });
      return { ...rest, transport, close: () => sessionManager.abort() };
    }
    case "connect":
      return { ...rest, transport: createFastConnectTransport({ baseUrl, credentials }), close() {} };
    case "grpc-web":
      return { ...rest, transport: createFastGrpcWebTransport({ baseUrl, credentials }), close() {} };
  }
}

/**
 * A connection that is given up, as after a PING that timed out, fails a moment later, when its socket has closed. If a
 * call has made another one by then, connect-node 2.2.0 does not listen any more (connect-es #1768), and an error that
 * nobody listens to ends the process, with all its runs.
 */
class SessionManager extends Http2SessionManager {
  readonly #heard = new WeakSet<object>();

  constructor(baseUrl: string, pings: Http2SessionOptions) {
    super(baseUrl, pings, { settings: { initialWindowSize: streamWindowBytes } });
  }

  override async request(...call: Parameters<Http2SessionManager["request"]>) {
    const stream = await super.request(...call);
    const { session } = stream;
    if (session && !this.#heard.has(session)) {
      this.#heard.add(session);
      session.on("error", () => {});
      if (!session.destroyed) session.setLocalWindowSize(connectionWindowBytes);
    }
    return stream;
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
