import { Code, ConnectError } from "@connectrpc/connect";

/** One byte of flags, and four of the length of the message. */
const prefixBytes = 5;
const compressedFlag = 1;
const nothing = new Uint8Array(0);
/** Decode this many bytes of messages at a time: many small ones, or one. */
const decodedAtOnceBytes = 4 * 1024;

export interface MessageFormat<T> {
  readonly parse: (bytes: Uint8Array) => T;
  /** A larger message is refused. */
  readonly maxBytes: number;
  /** The flags of the frame after the last message; undefined for a protocol without one. */
  readonly endFlags?: number;
}

/**
 * Splits the body of a response into messages and decodes them. Most chunks hold many whole messages, which are split
 * off as they are read. The chunks of an incomplete message are kept, and joined once.
 *
 *     chunk  [flags|length|message][flags|length|message][flags|len    rest: not yet read, from `at`
 *     chunk  gth|message][flags|length|mess                            parts: later chunks, while a message is incomplete
 */
export class MessageBuffer<T> {
  readonly #format: MessageFormat<T>;
  #rest: Uint8Array = nothing;
  #at = 0;
  readonly #parts: Uint8Array[] = [];
  /** Decoded messages, unread from `#next` on: decoding small messages in a row takes less time than one per read. */
  #decoded: T[] = [];
  #next = 0;
  /** The error of the data after the decoded messages. */
  #unreadable: unknown;
  /** Bytes that the next message needs, or its prefix while its length is not known. */
  neededBytes = prefixBytes;
  /** Bytes that have arrived and are not decoded. */
  bytes = 0;
  /** The content of the end frame, once all messages before it are decoded. */
  end: Uint8Array | undefined;

  constructor(format: MessageFormat<T>) {
    this.#format = format;
  }

  add(chunk: Uint8Array): void {
    if (this.bytes === 0) {
      this.#rest = chunk;
      this.#at = 0;
    } else this.#parts.push(chunk);
    this.bytes += chunk.length;
  }

  /** The next message; undefined until all of it has arrived. Throws a `ConnectError` for invalid data, each time. */
  take(): T | undefined {
    if (this.#next === this.#decoded.length) this.#decode();
    return this.#next < this.#decoded.length ? this.#decoded[this.#next++] : undefined;
  }

  /** True if the data that has arrived ends at the end of a message. */
  endsWhole(): boolean {
    if (this.#parts.length > 0) this.#join();
    const view = new DataView(this.#rest.buffer, this.#rest.byteOffset, this.#rest.byteLength);
    let at = this.bytes === 0 ? view.byteLength : this.#at;
    while (at + prefixBytes <= view.byteLength) at += prefixBytes + view.getUint32(at + 1);
    return at === view.byteLength;
  }

  #decode(): void {
    if (this.#unreadable) throw this.#unreadable;
    this.#decoded = [];
    this.#next = 0;
    const enough = this.bytes - decodedAtOnceBytes;
    try {
      do {
        const message = this.#split();
        if (!message) return;
        this.#decoded.push(this.#format.parse(message));
      } while (this.bytes > enough);
    } catch (error) {
      this.#unreadable = error;
      if (this.#decoded.length === 0) throw error;
    }
  }

  #split(): Uint8Array | undefined {
    if (this.end || this.bytes < this.neededBytes) return undefined;
    if (this.#parts.length > 0) this.#join();
    const { maxBytes, endFlags } = this.#format;
    const rest = this.#rest;
    const at = this.#at;
    const flags = rest[at] ?? 0;
    const length =
      (((rest[at + 1] ?? 0) << 24) | ((rest[at + 2] ?? 0) << 16) | ((rest[at + 3] ?? 0) << 8) | (rest[at + 4] ?? 0)) >>>
      0;
    if (flags !== 0 && flags !== endFlags) throw unreadable(flags);
    if (length > maxBytes) throw tooLarge(length, maxBytes);
    this.neededBytes = prefixBytes + length;
    if (this.bytes < this.neededBytes) return undefined;
    const from = at + prefixBytes;
    this.#at = from + length;
    this.bytes -= this.neededBytes;
    this.neededBytes = prefixBytes;
    const message = rest.subarray(from, this.#at);
    if (flags === 0) return message;
    this.end = message;
    return undefined;
  }

  #join(): void {
    const all = new Uint8Array(this.bytes);
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
  return new ConnectError(`expected uncompressed messages, received ${what}`, Code.Internal);
}

/** Not `ResourceExhausted`, which counts against the upstream: its other tasks can run. */
function tooLarge(bytes: number, maxBytes: number): ConnectError {
  return new ConnectError(`expected a message of at most ${maxBytes} bytes, received ${bytes}`, Code.Internal);
}
