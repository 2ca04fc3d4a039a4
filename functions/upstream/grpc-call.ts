import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { getAbortSignalReason } from "@connectrpc/connect/protocol";
import { validateResponseWithCompression, validateTrailer } from "@connectrpc/connect/protocol-grpc";
import type { Http2SessionManager } from "@connectrpc/connect-node";
import { errorOfNode, errorOfReset } from "./http2-errors.ts";
import { MessageBuffer } from "./message-buffer.ts";
import type { StreamCall, StreamCallOptions } from "./stream-call.ts";

export interface GrpcCallOptions<T> extends StreamCallOptions<T> {
  readonly sessionManager: Http2SessionManager;
  /** As `/package.Service/Method`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Stop reading from the server once this many unread bytes, or one whole message, are buffered. */
const maxUnreadBytes = 256 * 1024;

/**
 * One server stream of gRPC over HTTP/2: the messages of its response, as they arrive. Messages that arrived whole
 * before the server failed are still delivered. After our own signal has aborted, none is.
 *
 *     opening ──header──▶ reading ──end, trailer says ok──▶ ended
 *        │                   │
 *        └───────────────────┴── an error, a reset, a bad header or trailer, or the signal ──▶ failed
 */
export class GrpcCall<T> implements StreamCall<T> {
  readonly #options: GrpcCallOptions<T>;
  readonly #buffer: MessageBuffer<T>;
  #stream: ClientHttp2Stream | undefined;
  /** The buffer is full: the server waits until messages were read. */
  #isPaused = false;
  #header: IncomingHttpHeaders = {};
  #trailer: IncomingHttpHeaders = {};
  #state: "opening" | "reading" | "ended" | "failed" = "opening";
  #error: ConnectError | undefined;
  /** Resolves `#change`. */
  #resolveChange: (() => void) | undefined;
  /** The next change of state or buffer, which all callers await. */
  #change: Promise<void> | undefined;

  constructor(options: GrpcCallOptions<T>) {
    this.#options = options;
    this.#buffer = new MessageBuffer({ parse: options.parse, maxBytes: options.maxMessageBytes });
  }

  async open(): Promise<void> {
    const { sessionManager, path, headers, request, signal } = this.#options;
    signal?.addEventListener("abort", this.#onAbort);
    if (signal?.aborted) this.#onAbort();
    else {
      sessionManager.request("POST", path, headers, {}).then(
        (stream) => {
          if (this.#state === "failed") {
            stream.on("error", () => {});
            return stream.close(constants.NGHTTP2_CANCEL);
          }
          this.#listen(stream);
          stream.end(request);
        },
        (error) => this.#fail(errorOfNode(error)),
      );
    }
    while (this.#state === "opening") await this.#nextChange();
    if (this.#error && (this.#buffer.bytes === 0 || signal?.aborted)) throw this.#error;
  }

  get header(): Headers {
    return webHeaders(this.#header);
  }

  get trailer(): Headers {
    return webHeaders(this.#trailer);
  }

  /** The next message; undefined if it has not arrived. Throws a `ConnectError`. */
  take(): T | undefined {
    if (this.#state === "failed" && this.#options.signal?.aborted) return undefined;
    try {
      return this.#buffer.take();
    } catch (error) {
      throw this.#fail(errorOfNode(error));
    } finally {
      if (this.#isPaused && !this.#isFull) this.#resume();
    }
  }

  #resume(): void {
    this.#isPaused = false;
    this.#stream?.resume();
  }

  async next(): Promise<IteratorResult<T>> {
    for (;;) {
      const value = this.take();
      if (value !== undefined) return { done: false, value };
      if (this.#state === "failed") throw this.#error;
      if (this.#state === "ended") return { done: true, value: undefined };
      await this.#nextChange();
    }
  }

  #listen(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    stream.on("response", (header) => this.#onHeader(header));
    stream.on("data", (chunk: Uint8Array) => {
      this.#buffer.add(chunk);
      this.#options.sessionManager.notifyResponseByteRead(stream);
      if (this.#isFull) {
        this.#isPaused = true;
        stream.pause();
      }
      this.#changed();
    });
    stream.on("trailers", (trailer) => {
      this.#trailer = trailer;
    });
    // A stream that ends without a status was reset; "close" has the reason.
    stream.on("end", () => this.#hasStatus && this.#onEnd());
    stream.on("error", (error) => this.#fail(errorOfNode(error)));
    stream.on("close", () => {
      const error = errorOfReset(stream.rstCode);
      if (error) this.#fail(error);
      else this.#onEnd();
    });
  }

  #onHeader(header: IncomingHttpHeaders): void {
    this.#header = header;
    try {
      if (!isPlain(header)) {
        const { headerError } = validateResponseWithCompression([], Number(header[":status"]), this.header);
        if (headerError) throw headerError;
      }
      if (this.#state === "opening") this.#state = "reading";
      this.#changed();
    } catch (error) {
      this.#fail(errorOfNode(error));
    }
  }

  #onEnd(): void {
    if (this.#isOver) return;
    try {
      // Whole messages may still be unread; an incomplete one is an error.
      if (!this.#buffer.endsWhole()) throw new ConnectError("protocol error: incomplete envelope", Code.Internal);
      if (this.#trailer["grpc-status"] !== "0") validateTrailer(this.trailer, this.header);
      this.#end("ended");
    } catch (error) {
      this.#fail(errorOfNode(error));
    }
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#options;
    if (signal) this.#fail(ConnectError.from(getAbortSignalReason(signal), Code.Canceled));
  };

  get #hasStatus(): boolean {
    return (this.#trailer["grpc-status"] ?? this.#header["grpc-status"]) !== undefined;
  }

  get #isFull(): boolean {
    return this.#buffer.bytes >= Math.max(maxUnreadBytes, this.#buffer.neededBytes);
  }

  get #isOver(): boolean {
    return this.#state === "ended" || this.#state === "failed";
  }

  /** Fails the call. Returns the call's first error. */
  #fail(error: ConnectError): ConnectError {
    if (this.#isOver) return this.#error ?? error;
    this.#error = error;
    this.#end("failed");
    const stream = this.#stream;
    // INTERNAL_ERROR tells the server that its response is unusable, CANCEL that we no longer need it.
    if (stream && !stream.closed)
      stream.close(error.code === Code.Canceled ? constants.NGHTTP2_CANCEL : constants.NGHTTP2_INTERNAL_ERROR);
    this.#options.onError(error);
    return error;
  }

  #end(state: "ended" | "failed"): void {
    this.#state = state;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#changed();
  }

  #changed(): void {
    this.#resolveChange?.();
    this.#resolveChange = undefined;
    this.#change = undefined;
  }

  #nextChange(): Promise<void> {
    this.#change ??= new Promise((resolve) => {
      this.#resolveChange = resolve;
    });
    return this.#change;
  }
}

/** True for the common header, which needs no validation: uncompressed messages follow. */
function isPlain(header: IncomingHttpHeaders): boolean {
  const type = header["content-type"];
  return (
    Number(header[":status"]) === 200 &&
    (type === "application/grpc+proto" || type === "application/grpc") &&
    header["grpc-status"] === undefined &&
    header["grpc-encoding"] === undefined
  );
}

function webHeaders(given: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  return headers;
}
