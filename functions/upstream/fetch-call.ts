import { Code, ConnectError } from "@connectrpc/connect";
import { getAbortSignalReason } from "@connectrpc/connect/protocol";
import { MessageBuffer } from "./message-buffer.ts";
import type { StreamCall, StreamCallOptions } from "./stream-call.ts";

/** How to read the response to a call over fetch. An error that it throws is the call's error. */
export interface FetchProtocol {
  /** The flags of the frame after the last message. */
  readonly endFlags: number;
  /** Throws if the header is an error. True if the header already has the status `ok`, so that no message follows. */
  readonly hasEndedWith: (status: number, header: Headers) => boolean;
  /** The trailer in the end frame. Throws if it is an error. */
  readonly trailerOf: (end: Uint8Array, header: Headers) => Headers;
  /** Names the end frame in the error for a missing one. */
  readonly endName: string;
}

export interface FetchCallOptions<T> extends StreamCallOptions<T> {
  readonly protocol: FetchProtocol;
  readonly url: string;
  readonly headers: Headers;
}

/**
 * One server stream over fetch: the messages of its response. Reads the body only when a caller needs a message that
 * has not arrived, so that the server has to wait for a slow reader. Ends at once when our own signal aborts.
 */
export class FetchCall<T> implements StreamCall<T> {
  readonly #options: FetchCallOptions<T>;
  readonly #buffer: MessageBuffer<T>;
  #body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** The read under way, which all callers share. */
  #reading: Promise<void> | undefined;
  #header = new Headers();
  /** Set when it has arrived. */
  #trailer: Headers | undefined;
  #isOver = false;
  #error: ConnectError | undefined;

  constructor(options: FetchCallOptions<T>) {
    this.#options = options;
    const { parse, maxMessageBytes, protocol } = options;
    this.#buffer = new MessageBuffer({ parse, maxBytes: maxMessageBytes, endFlags: protocol.endFlags });
  }

  async open(): Promise<void> {
    const { protocol, url, headers, request, signal } = this.#options;
    try {
      // Not "error": with it, Node 20 (undici 6.24.1) loses the signal at the first garbage collection after the
      // response has begun, and an aborted stream hangs. "manual" follows no redirect either: its status is not 200.
      const call = { method: "POST", headers, body: request, redirect: "manual", signal: signal ?? null } as const;
      const { status, headers: header, body } = await fetch(url, call);
      this.#header = header;
      this.#body = body?.getReader();
      if (protocol.hasEndedWith(status, header)) this.#trailer = new Headers();
      if (!this.#body) throw new ConnectError("missing response body", Code.Unknown);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  get header(): Headers {
    return this.#header;
  }

  get trailer(): Headers {
    return this.#trailer ?? new Headers();
  }

  /** The next message; undefined if it has not arrived. Throws a `ConnectError`. */
  take(): T | undefined {
    if (this.#trailer || this.#options.signal?.aborted) return undefined;
    try {
      return this.#buffer.take();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  async next(): Promise<IteratorResult<T>> {
    for (;;) {
      const value = this.take();
      if (value !== undefined) return { done: false, value };
      if (this.#error) throw this.#error;
      if (this.#isOver || !this.#body) return { done: true, value: undefined };
      this.#reading ??= this.#read(this.#body).finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
  }

  async #read(body: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const { protocol, signal } = this.#options;
    try {
      const { end } = this.#buffer;
      if (end) this.#trailer ??= protocol.trailerOf(end, this.#header);
      if (this.#trailer && this.#buffer.bytes > 0) throw invalid("bytes behind the end");
      const { done, value } = await body.read();
      if (!done) return this.#buffer.add(value);
      // fetch may miss an abort before the first read of the body (undici #1940).
      signal?.throwIfAborted();
      if (this.#buffer.bytes > 0) throw invalid("incomplete envelope");
      // With a cause, so that it counts as a failure of the upstream: the server, or a proxy, has cut the response off.
      if (!this.#trailer) throw ConnectError.from(`missing ${protocol.endName}`);
      this.#isOver = true;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Fails the call. Returns the call's first error. */
  #fail(reason: unknown): ConnectError {
    if (this.#error) return this.#error;
    const { signal, onError } = this.#options;
    // fetch throws an error of its own after an abort.
    this.#error = signal?.aborted
      ? ConnectError.from(getAbortSignalReason(signal), Code.Canceled)
      : ConnectError.from(reason);
    this.#body?.cancel().catch(() => {});
    onError(this.#error);
    return this.#error;
  }
}

const invalid = (what: string) => new ConnectError(`protocol error: ${what}`, Code.Internal);
