import { Code, ConnectError } from "@connectrpc/connect";

/** A flag and the length of what follows. */
const prefixBytes = 5;
const compressedFlag = 1;
const nothing = new Uint8Array(0);

/**
 * Cuts the body of a gRPC answer into messages. Most chunks hold many whole ones, which are cut off when they are asked
 * for. Chunks of one that is not complete are kept, and put together once.
 *
 *     chunk  [flag|length|message][flag|length|message][flag|len    rest: not yet read, from `at`
 *     chunk  gth|message][flag|length|mess                         parts: chunks behind it, while a message is incomplete
 */
export class MessageBuffer {
  readonly #mostBytes: number;
  #rest: Uint8Array = nothing;
  #at = 0;
  readonly #parts: Uint8Array[] = [];
  /** For the next message, or for its prefix while that is not known. */
  neededBytes = prefixBytes;
  /** Bytes that have come and were not taken. */
  bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  add(chunk: Uint8Array): void {
    if (this.bytes === 0) {
      this.#rest = chunk;
      this.#at = 0;
    } else this.#parts.push(chunk);
    this.bytes += chunk.length;
  }

  /** The next message; undefined if not all of it has come. Throws a `ConnectError` for what is none. */
  take(): Uint8Array | undefined {
    if (this.bytes < this.neededBytes) return undefined;
    if (this.#parts.length > 0) this.#join();
    const rest = this.#rest;
    const at = this.#at;
    const flags = rest[at] ?? 0;
    const length =
      (((rest[at + 1] ?? 0) << 24) | ((rest[at + 2] ?? 0) << 16) | ((rest[at + 3] ?? 0) << 8) | (rest[at + 4] ?? 0)) >>>
      0;
    if (flags !== 0) throw unreadable(flags);
    if (length > this.#mostBytes) throw tooLarge(length, this.#mostBytes);
    this.neededBytes = prefixBytes + length;
    if (this.bytes < this.neededBytes) return undefined;
    const from = at + prefixBytes;
    this.#at = from + length;
    this.bytes -= this.neededBytes;
    this.neededBytes = prefixBytes;
    return rest.subarray(from, this.#at);
  }

  /** Does what has come end where a message does? */
  endsWhole(): boolean {
    if (this.#parts.length > 0) this.#join();
    const view = new DataView(this.#rest.buffer, this.#rest.byteOffset, this.#rest.byteLength);
    let at = this.bytes === 0 ? view.byteLength : this.#at;
    while (at + prefixBytes <= view.byteLength) at += prefixBytes + view.getUint32(at + 1);
    return at === view.byteLength;
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
