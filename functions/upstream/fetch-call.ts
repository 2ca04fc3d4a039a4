import { Code, ConnectError } from "@connectrpc/connect";
import { getAbortSignalReason } from "@connectrpc/connect/protocol";
import { MessageBuffer } from "./message-buffer.ts";
import type { StreamCall, StreamCallOptions } from "./stream-call.ts";

/** How the answer to a call over fetch is read. What it throws is the call's error. */
export interface FetchProtocol {
  /** Of the frame that stands behind the last message. */
  readonly endFlags: number;
  /** Throws if no messages follow. Whether the header says already that all is well, and no body follows. */
  readonly hasEndedWith: (status: number, header: Headers) => boolean;
  /** What the frame at the end says. Throws if it is an error. */
  readonly trailerOf: (end: Uint8Array, header: Headers) => Headers;
  /** What it is called where it is missing. */
  readonly endName: string;
}

export interface FetchCallOptions<T> extends StreamCallOptions<T> {
  readonly protocol: FetchProtocol;
  readonly url: string;
  readonly headers: Headers;
}

/**
 * One server stream over fetch: the messages of its answer. The body is read when the next message has not come yet, so
 * that a server that nobody reads from has to wait; and what our own signal aborts is over.
 */
export class FetchCall<T> implements StreamCall<T> {
  readonly #options: FetchCallOptions<T>;
  readonly #buffer: MessageBuffer<T>;
  #body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Under way: all who wait for the next message wait for the same. */
  #reading: Promise<void> | undefined;
  #header = new Headers();
  /** Once it has come. */
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
      // Not "error": with it, Node 20 (undici 6.24.1) forgets the signal at the first garbage collection after the answer
      // has begun, and an aborted stream hangs. A redirect is not followed either: it is an answer that is not 200.
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

  /** The next message if it has come already; undefined if it has to be waited for. Throws a `ConnectError`. */
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
      // Of a signal that aborted before the body was first read, fetch may know nothing (undici #1940).
      signal?.throwIfAborted();
      if (this.#buffer.bytes > 0) throw invalid("incomplete envelope");
      // With a cause, so that it counts against the server: that, or what stands before it, has cut the answer off.
      if (!this.#trailer) throw ConnectError.from(`missing ${protocol.endName}`);
      this.#isOver = true;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** The error that the call has failed with: this one, if it is the first. */
  #fail(reason: unknown): ConnectError {
    if (this.#error) return this.#error;
    const { signal, onError } = this.#options;
    // fetch has an error of its own for a signal that aborted.
    this.#error = signal?.aborted
      ? ConnectError.from(getAbortSignalReason(signal), Code.Canceled)
      : ConnectError.from(reason);
    this.#body?.cancel().catch(() => {});
    onError(this.#error);
    return this.#error;
  }
}

const invalid = (what: string) => new ConnectError(`protocol error: ${what}`, Code.Internal);
