import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { Http2SessionManager, type Http2SessionOptions } from "@connectrpc/connect-node";
import { Credentials } from "./credentials.ts";
import { createFastConnectTransport, createFastGrpcWebTransport } from "./fetch-transport.ts";
import { createFastGrpcTransport } from "./grpc-transport.ts";
import { UpstreamHealth } from "./health.ts";
import type { Upstream } from "./upstream.ts";

/**
 * Above 30 s, the shortest interval that nog's server allows (nog 4450389, backend/cmd/nogfsoregd/nogfsoregd.go,
 * `enforceMinAliveInterval`), and below 350 s, after which a NAT gateway drops a connection.
 */
const pingIntervalMs = 40_000;
const pingTimeoutMs = 5_000;
/** The limit of a unary call; a stream may last as long as the invocation. */
const unaryTimeoutMs = 30_000;
/** A server that leaves a call without a message for longer is considered dead. */
const silenceMs = 20_000;
/**
 * The flow-control windows: the bytes that a server may send on one stream, and on all streams of a connection, before
 * the client acknowledges them. HTTP/2's default of 64 KiB allows 3 MB/s over a round trip of 20 ms; these allow 50 and
 * 200. An unread stream keeps up to its window in memory. It takes none of the connection's window, which Node gives
 * back as the data arrives.
 */
const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 4 * 1024 * 1024;
/** Below 300 s, after which fetch ends a silent response (undici's bodyTimeout). */
const fetchIdleLimitMs = 240_000;

/** An upstream as the engines call it. It connects at the first call, and again after a connection has broken. */
export interface UpstreamConnection {
  readonly transport: Transport;
  readonly credentials: Credentials;
  readonly health: UpstreamHealth;
  /** As the app configures it; undefined by default. */
  readonly maxOpenStreams: number | undefined;
  /**
   * A stream is closed once a read has waited this long for a message, in milliseconds; at the latest after twice this.
   */
  readonly silenceMs: number;
  /** Just below the silence after which the transport ends a stream, in milliseconds; undefined if it never does. */
  readonly idleLimitMs: number | undefined;
  /** Closes the connections, for a process that goes on without this upstream. */
  close(): void;
}

/** `times` are in milliseconds; a test sets shorter ones. */
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
      // Pings, which are off by default, find a connection that died while the function was frozen; calls on it would
      // hang. An idle connection is not pinged, but verified before its next call: connect-node 2.2.0 goes on pinging
      // one that was destroyed with its last stream, and that throws where no code can catch it.
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
 * Adds an error listener to each session. A session that connect-node gives up, for instance after a PING that timed
 * out, emits an error a moment later, when its socket has closed. If a call has opened another session by then,
 * connect-node 2.2.0 no longer listens (connect-es #1768), and an error without a listener ends the process, with all
 * its runs.
 */
class SessionManager extends Http2SessionManager {
  readonly #known = new WeakSet<object>();

  constructor(baseUrl: string, pings: Http2SessionOptions) {
    super(baseUrl, pings, { settings: { initialWindowSize: streamWindowBytes } });
  }

  override async request(...call: Parameters<Http2SessionManager["request"]>) {
    const stream = await super.request(...call);
    const { session } = stream;
    if (session && !this.#known.has(session)) {
      this.#known.add(session);
      session.on("error", () => {});
      if (!session.destroyed) session.setLocalWindowSize(connectionWindowBytes);
    }
    return stream;
  }
}

/** A client whose calls end when `signal` aborts; unary calls also end after 30 s. */
export function boundClient<D extends DescService>(transport: Transport, service: D, signal: AbortSignal): Client<D> {
  const either = (given: AbortSignal | undefined) => (given ? AbortSignal.any([signal, given]) : signal);
  return createClient(service, {
    unary: (method, given, timeoutMs, ...rest) =>
      transport.unary(method, either(given), timeoutMs ?? unaryTimeoutMs, ...rest),
    stream: (method, given, timeoutMs, ...rest) => transport.stream(method, either(given), timeoutMs, ...rest),
  });
}
