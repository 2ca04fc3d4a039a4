import { Code, ConnectError } from "@connectrpc/connect";

/** A flag and the length of what follows. */
const prefixBytes = 5;
const compressedFlag = 1;
const nothing = new Uint8Array(0);

/**
 * Cuts the body of a gRPC answer into messages. Most chunks hold many whole ones: they are cut off when they are asked for,
 * without waiting. Chunks of one that is not complete are kept, and put together once.
 *
 *     chunk  [flag|length|message][flag|length|message][flag|len    rest: not yet read, from `at`
 *     chunk  gth|message][flag|length|mess                         parts: chunks behind it, while a message is incomplete
 */
export class MessageReader<T> implements AsyncIterator<T> {
  #chunks: AsyncIterator<Uint8Array> | undefined;
  readonly #parse: (bytes: Uint8Array) => T;
  readonly #mostBytes: number;
  readonly #onEnd: (error?: unknown) => void;
  #rest: Uint8Array = nothing;
  #at = 0;
  readonly #parts: Uint8Array[] = [];
  /** What `rest` from `at` and the parts hold together. */
  #available = 0;
  /** For the next message, or for its prefix. */
  #needed = prefixBytes;
  #waiting: Promise<unknown> | undefined;

  /** `onEnd` is called once: with the error of an answer that cannot be read, when nobody wants the rest of it. */
  constructor(
    parse: (bytes: Uint8Array) => T,
    { mostBytes, onEnd }: { readonly mostBytes: number; readonly onEnd: (error?: unknown) => void },
  ) {
    this.#parse = parse;
    this.#mostBytes = mostBytes;
    this.#onEnd = onEnd;
  }

  /** The messages in a body. */
  over(chunks: AsyncIterable<Uint8Array>): AsyncIterator<T> {
    this.#chunks = chunks[Symbol.asyncIterator]();
    return this;
  }

  /** To be called at the end of the body. Throws a `ConnectError` if that is in the middle of a message. */
  assertWhole(): void {
    if (this.#available > 0) throw new ConnectError("protocol error: incomplete envelope", Code.Internal);
  }

  /** The next message if it has come already; undefined if it has to be waited for. Throws a `ConnectError`. */
  take(): T | undefined {
    if (this.#waiting) return undefined;
    try {
      const bytes = this.#cut();
      return bytes && this.#parse(bytes);
    } catch (error) {
      this.#onEnd(error);
      throw error;
    }
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#waiting) return this.#waiting.then(() => this.next());
    try {
      const value = this.take();
      if (value !== undefined) return Promise.resolve({ done: false, value });
    } catch (error) {
      return Promise.reject(error);
    }
    const next = this.#more();
    this.#waiting = next.then(
      () => {
        this.#waiting = undefined;
      },
      () => {
        this.#waiting = undefined;
      },
    );
    return next;
  }

  /** The next message once another chunk, or more of them, has come. */
  async #more(): Promise<IteratorResult<T>> {
    try {
      for (;;) {
        const { done, value } = (await this.#chunks?.next()) ?? { done: true, value: undefined };
        if (done) {
          this.#onEnd();
          return { done: true, value: undefined };
        }
        this.#add(value);
        const bytes = this.#cut();
        if (bytes) return { done: false, value: this.#parse(bytes) };
      }
    } catch (error) {
      this.#onEnd(error);
      throw error;
    }
  }

  #add(chunk: Uint8Array): void {
    if (this.#available === 0) {
      this.#rest = chunk;
      this.#at = 0;
    } else this.#parts.push(chunk);
    this.#available += chunk.length;
  }

  /** The bytes of the next message; undefined if they have not all come. */
  #cut(): Uint8Array | undefined {
    if (this.#available < this.#needed) return undefined;
    if (this.#parts.length > 0) this.#join();
    const rest = this.#rest;
    const at = this.#at;
    const flags = rest[at] ?? 0;
    const length =
      (((rest[at + 1] ?? 0) << 24) | ((rest[at + 2] ?? 0) << 16) | ((rest[at + 3] ?? 0) << 8) | (rest[at + 4] ?? 0)) >>>
      0;
    if (flags !== 0) throw unreadable(flags);
    if (length > this.#mostBytes) throw tooLarge(length, this.#mostBytes);
    this.#needed = prefixBytes + length;
    if (this.#available < this.#needed) return undefined;
    const from = at + prefixBytes;
    this.#at = from + length;
    this.#available -= this.#needed;
    this.#needed = prefixBytes;
    return rest.subarray(from, this.#at);
  }

  #join(): void {
    const all = new Uint8Array(this.#available);
    let filled = 0;
    for (const part of [this.#rest.subarray(this.#at), ...this.#parts]) {
      all.set(part, filled);
      filled += part.length;
    }
    this.#rest = all;
    this.#at = 0;
    this.#parts.length = 0;
  }
}

function unreadable(flags: number): ConnectError {
  const what = (flags & compressedFlag) === 0 ? `a message with flags ${flags}` : "a compressed message";
  return new ConnectError(`expected messages that are not compressed, received ${what}`, Code.Internal);
}

/** Not `ResourceExhausted`: nothing is wrong with the server as such, and its other tasks can run. */
function tooLarge(bytes: number, most: number): ConnectError {
  return new ConnectError(`expected a message of at most ${most} bytes, received ${bytes}`, Code.Internal);
}
