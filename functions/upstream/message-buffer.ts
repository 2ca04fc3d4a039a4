import { Code, ConnectError } from "@connectrpc/connect";

/** Flags and the length of what follows. */
const prefixBytes = 5;
const compressedFlag = 1;
const nothing = new Uint8Array(0);
/** Messages are decoded until they have so many bytes: many small ones, or one. */
const decodedAtOnceBytes = 4 * 1024;

export interface MessageFormat<T> {
  readonly parse: (bytes: Uint8Array) => T;
  /** A larger message is refused. */
  readonly maxBytes: number;
  /** Flags of the frame that stands behind the last message; undefined if the end is said elsewhere. */
  readonly endFlags?: number;
}

/**
 * Cuts the body of an answer into messages and decodes them. Most chunks hold many whole ones, which are cut off when they
 * are asked for. Chunks of one that is not complete are kept, and put together once.
 *
 *     chunk  [flags|length|message][flags|length|message][flags|len    rest: not yet read, from `at`
 *     chunk  gth|message][flags|length|mess                            parts: chunks behind it, while a message is incomplete
 */
export class MessageBuffer<T> {
  readonly #format: MessageFormat<T>;
  #rest: Uint8Array = nothing;
  #at = 0;
  readonly #parts: Uint8Array[] = [];
  /** Some of what has come, from `#next` on: decoding a small message takes less time in a row than between two reads. */
  #decoded: T[] = [];
  #next = 0;
  /** What stands behind those cannot be read. */
  #unreadable: unknown;
  /** For the next message, or for its prefix while that is not known. */
  neededBytes = prefixBytes;
  /** Bytes that have come and were not decoded. */
  bytes = 0;
  /** What the frame at the end says, once all that stands before it was decoded. */
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

  /** The next message; undefined if not all of it has come. Throws for what is none, and then again. */
  take(): T | undefined {
    if (this.#next === this.#decoded.length) this.#decode();
    return this.#next < this.#decoded.length ? this.#decoded[this.#next++] : undefined;
  }

  /** Does what has come end where a message does? */
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
        const message = this.#cut();
        if (!message) return;
        this.#decoded.push(this.#format.parse(message));
      } while (this.bytes > enough);
    } catch (error) {
      this.#unreadable = error;
      if (this.#decoded.length === 0) throw error;
    }
  }

  #cut(): Uint8Array | undefined {
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
    const cut = rest.subarray(from, this.#at);
    if (flags === 0) return cut;
    this.end = cut;
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
  return new ConnectError(`expected messages that are not compressed, received ${what}`, Code.Internal);
}

/** Not `ResourceExhausted`: nothing is wrong with the server as such, and its other tasks can run. */
function tooLarge(bytes: number, most: number): ConnectError {
  return new ConnectError(`expected a message of at most ${most} bytes, received ${bytes}`, Code.Internal);
}
