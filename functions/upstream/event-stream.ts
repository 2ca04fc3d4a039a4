import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../contract/clock.ts";
import type { Address, Batch, EventStream, Recorded, StreamDeclaration, StreamPosition } from "../contract/stream.ts";
import type { UpstreamConnection } from "./connection.ts";

/** How often a stream is tried that the server does not let open. */
const opens = 3;
const firstReopenMs = 100;

export interface StreamRequest {
  readonly connection: UpstreamConnection;
  readonly declaration: StreamDeclaration;
  readonly address: Address;
  readonly position: StreamPosition;
  /** Our own signal: the stream ends, without an error, when it aborts. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
}

/** An open stream; whoever opened it closes it in `finally`, since leaving a `for await` does not cancel an RPC. */
export interface OpenStream extends EventStream<unknown> {
  /** Events handed out so far. */
  readonly delivered: number;
  /** The server had nothing at all after the position. */
  readonly empty: boolean;
  close(): void;
}

/**
 * Opens the stream of an aggregate and waits for its first message, so that a server that refuses (an unknown tail, no
 * permission) is known before the activity starts. `Unavailable` is tried again for a moment, `Unauthenticated` once
 * with a new token. Throws the server's `ConnectError`.
 */
export async function openEventStream(request: StreamRequest): Promise<OpenStream> {
  const { connection, signal, clock, random } = request;
  for (let attempt = 1; ; attempt++) {
    const stream = new MessageStream(request);
    try {
      await stream.open();
      return stream;
    } catch (error) {
      stream.close();
      const code = error instanceof ConnectError ? error.code : undefined;
      if (code === Code.Unauthenticated && attempt === 1) connection.credentials.forget();
      else if (code !== Code.Unavailable || attempt === opens) throw error;
      else await clock.sleep(firstReopenMs * 4 ** (attempt - 1) * (0.5 + random() / 2), signal);
    }
  }
}

/**
 * Written by hand instead of as async generators: each layer of those costs a promise or two per message, and this is
 * the path that every event takes.
 */
class MessageStream implements OpenStream {
  readonly #request: StreamRequest;
  readonly #controller = new AbortController();
  /** Aborts with our own signal, or when the stream is closed. */
  readonly #ends: AbortSignal;
  /** `#ends` has aborted: a field, since it is looked at for each event and asking the signal is a call. */
  #over: boolean;
  readonly #read: (message: object) => Batch<unknown>;
  #messages: AsyncIterator<object> | undefined;
  #peeked: IteratorResult<object> | undefined;
  #buffer: readonly Recorded<unknown>[] = [];
  #next = 0;
  delivered = 0;
  empty = false;

  constructor(request: StreamRequest) {
    this.#request = request;
    this.#read = request.declaration.definition.read;
    this.#ends = AbortSignal.any([request.signal, this.#controller.signal]);
    this.#over = this.#ends.aborted;
    this.#ends.addEventListener("abort", () => {
      this.#over = true;
    });
  }

  async open(): Promise<void> {
    const { connection, declaration, address, position, signal } = this.#request;
    const { method, request } = declaration.definition;
    try {
      const response = await connection.transport.stream(
        method,
        this.#ends,
        undefined,
        undefined,
        once(create(method.input, request(address, position))),
      );
      this.#messages = (response.message as AsyncIterable<object>)[Symbol.asyncIterator]();
      this.#peeked = await this.#messages.next();
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#peeked = { done: true, value: undefined };
    }
    this.empty = this.#peeked.done === true;
  }

  close(): void {
    this.#controller.abort();
  }

  batches(): AsyncIterable<Batch<unknown>> {
    const iterator: AsyncIterator<Batch<unknown>> = {
      next: () =>
        this.#pull((message) => {
          const batch = this.#read(message);
          this.delivered += batch.events.length;
          return { done: false, value: batch };
        }),
      return: this.#leave,
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  [Symbol.asyncIterator](): AsyncIterator<Recorded<unknown>> {
    return { next: this.#nextEvent, return: this.#leave };
  }

  readonly #leave = async (): Promise<IteratorReturnResult<undefined>> => {
    this.close();
    return { done: true, value: undefined };
  };

  readonly #nextEvent = (): Promise<IteratorResult<Recorded<unknown>>> => {
    const value = this.#buffer[this.#next];
    // Between two events of one message the invocation may have come to its end.
    if (value === undefined || this.#over) return this.#pull(this.#eventIn);
    this.#next++;
    this.delivered++;
    return Promise.resolve({ done: false, value });
  };

  readonly #eventIn = (message: object): Promise<IteratorResult<Recorded<unknown>>> => {
    this.#buffer = this.#read(message).events;
    this.#next = 0;
    // A message may have no events, only `willBlock`.
    return this.#nextEvent();
  };

  /** The next message through `onMessage`; ends quietly if our own signal aborted, whatever the transport says. */
  #pull<T>(onMessage: (message: object) => IteratorResult<T> | Promise<IteratorResult<T>>): Promise<IteratorResult<T>> {
    const onResult = (result: IteratorResult<object>) =>
      result.done || this.#over ? { done: true as const, value: undefined } : onMessage(result.value);
    const peeked = this.#peeked;
    if (peeked) {
      this.#peeked = undefined;
      return new Promise((resolve) => resolve(onResult(peeked)));
    }
    if (!this.#messages || this.#over) return Promise.resolve({ done: true, value: undefined });
    return this.#messages.next().then(onResult, (error) => {
      if (this.#request.signal.aborted) return { done: true, value: undefined };
      throw error;
    });
  }
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
