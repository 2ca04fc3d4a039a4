import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Address, Batch, EventStream, Recorded, StreamDeclaration, StreamPosition } from "../contract/stream.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import type { Clock } from "../foundation/clock.ts";
import { linkedAbortController, noLongerNeeded } from "../foundation/linked-abort-controller.ts";
import type { UpstreamConnection } from "./connection.ts";

/** Attempts to open a stream while the server is unavailable. */
const maxOpenAttempts = 3;
const firstReopenMs = 100;
/** A watching stream is considered dead after this many missed heartbeats. */
const missedHeartbeats = 3;

export interface StreamRequest {
  readonly connection: UpstreamConnection;
  readonly declaration: StreamDeclaration;
  readonly address: Address;
  readonly position: StreamPosition;
  /** Our own signal. When it aborts, the stream ends without an error. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
  readonly listener?: StreamListener;
}

/** Receives the end of a stream that has opened. Must not throw. */
export interface StreamListener {
  /** The stream broke, or was closed because the server is silent. */
  broke(error: unknown): void;
  /** The stream was closed, or our own signal aborted. Called once. */
  closed(stream: OpenStream): void;
}

/** The messages of a stream. With `take`, a message that has already arrived needs no promise. */
interface Messages extends AsyncIterator<object> {
  /** The next message; undefined if it has not arrived. Throws a `ConnectError`. */
  take?(): object | undefined;
}

/** How a wait at the head of a watching stream ended. */
export type HeadWatch = "news" | "ended" | "silent";

/**
 * An open stream. The caller that opened it closes it in `finally`, since leaving a `for await` does not cancel an RPC.
 *
 * A watching stream is read in passes. Each iteration ends at the head; there {@link untilNews} waits for more events.
 */
export interface OpenStream extends EventStream<unknown> {
  /** The event that the stream was opened after. */
  readonly after: Tail;
  /** Number of events delivered so far. */
  readonly delivered: number;
  /** The last event delivered. */
  readonly last: Recorded<unknown> | undefined;
  /** The server had no event after the position. */
  readonly empty: boolean;
  /** True if another pass can go on right after `tail`, without opening the stream again. */
  continuesAfter(tail: Tail): boolean;
  /**
   * Waits at the head of a watching stream until there are events, the stream ends (also by our own signal), or it has
   * been silent for longer than a live one. Skips events before the head that were not read. Throws the server's
   * `ConnectError`.
   */
  untilNews(): Promise<HeadWatch>;
  close(): void;
}

/**
 * Opens the stream of an aggregate and waits for its first message, so that a refusal (an unknown tail, no permission)
 * comes before the activity starts. Retries `Unavailable` twice, within about half a second, and `Unauthenticated`
 * once, with a new token. Throws the server's `ConnectError`, or `Unavailable` if the server stays silent.
 */
export async function openEventStream(request: StreamRequest): Promise<OpenStream> {
  const { connection, signal, clock, random } = request;
  for (let attempt = 1; ; attempt++) {
    const stream = new MessageStream(request);
    try {
      await stream.open();
      if (!signal.aborted) connection.health.succeeded();
      if (request.listener) stream.listen(request.listener);
      return stream;
    } catch (error) {
      stream.close();
      const code = error instanceof ConnectError ? error.code : undefined;
      // The credentials have dropped the refused token.
      if (code === Code.Unauthenticated && attempt === 1) continue;
      if (isUnavailable(error) && attempt < maxOpenAttempts && !stream.wasSilent) {
        await clock.sleep(firstReopenMs * 4 ** (attempt - 1) * (0.5 + random() / 2), signal);
        continue;
      }
      connection.health.failed(error);
      throw error;
    }
  }
}

/** The server is not reachable. fetch has no code for that: it fails with a `TypeError` if a server refuses or dies. */
function isUnavailable(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return error.code === Code.Unavailable || (error.code === Code.Unknown && error.cause instanceof TypeError);
}

/**
 * Every event takes this path. So it is written by hand: each layer of async generators would cost a promise or two per
 * message.
 */
class MessageStream implements OpenStream {
  readonly #request: StreamRequest;
  /** Aborts with our own signal, or when the stream is closed. */
  readonly #ends: AbortController;
  /** `#ends` has aborted. A field, since each event checks it and reading the signal is a call. */
  #over: boolean;
  readonly #read: (message: object) => Batch<unknown>;
  #messages: Messages | undefined;
  #peeked: IteratorResult<object> | undefined;
  #buffer: readonly Recorded<unknown>[] = [];
  #next = 0;
  /** The last event that arrived, delivered or not. */
  #last: Recorded<unknown> | undefined;
  /** The last event delivered from the messages before this one. */
  #lastBefore: Recorded<unknown> | undefined;
  /** The server of a watching stream has no more events for now: the pass is over. */
  #atHead = false;
  /** No event was read or skipped since the head, or since the open: another pass can begin here, also after news. */
  #standsAtHead = false;
  /** A read waits for message number `#pulls`. */
  #waiting = false;
  #pulls = 0;
  #guarded = false;
  #silence: ConnectError | undefined;
  /** The wait for news under way, which all callers share. */
  #news: Promise<HeadWatch> | undefined;
  #listener: StreamListener | undefined;
  delivered = 0;
  empty = false;

  constructor(request: StreamRequest) {
    this.#request = request;
    this.#read = request.declaration.definition.read;
    this.#ends = linkedAbortController(request.signal);
    const { signal } = this.#ends;
    this.#over = signal.aborted;
    signal.addEventListener("abort", () => {
      this.#over = true;
      this.#listener?.closed(this);
    });
  }

  get after(): Tail {
    return this.#request.position.after ?? epoch;
  }

  get last(): Recorded<unknown> | undefined {
    return this.#buffer[this.#next - 1] ?? this.#lastBefore;
  }

  /** Sets the listener of a stream that has opened. */
  listen(listener: StreamListener): void {
    if (this.#over) listener.closed(this);
    else this.#listener = listener;
  }

  /** The server was silent for too long. A retry would wait as long again. */
  get wasSilent(): boolean {
    return this.#silence !== undefined;
  }

  async open(): Promise<void> {
    const { connection, declaration, address, position, signal } = this.#request;
    const { method, request } = declaration.definition;
    this.#wait();
    try {
      const response = await connection.transport.stream(
        method,
        this.#ends.signal,
        undefined,
        undefined,
        once(create(method.input, request(address, position))),
      );
      this.#messages = (response.message as AsyncIterable<object>)[Symbol.asyncIterator]() as Messages;
      this.#peeked = await this.#messages.next();
    } catch (error) {
      if (!signal.aborted) throw this.#silence ?? error;
      this.#peeked = { done: true, value: undefined };
    }
    this.#waiting = false;
    this.empty = this.#peeked.done === true;
    if (!position.watch || this.#peeked.done) return;
    this.#standsAtHead = true;
    const { events, willBlock } = this.#read(this.#peeked.value);
    if (events.length > 0 || !willBlock) return;
    // The message only says that there are no events.
    this.empty = true;
    this.#atHead = true;
    this.#peeked = undefined;
  }

  close(): void {
    this.#ends.abort(noLongerNeeded);
  }

  continuesAfter(tail: Tail): boolean {
    if (this.#over || !this.#standsAtHead || this.#next < this.#buffer.length) return false;
    return tail === (this.#last?.id ?? this.after);
  }

  untilNews(): Promise<HeadWatch> {
    this.#news ??= this.#awaitNews().finally(() => {
      this.#news = undefined;
    });
    return this.#news;
  }

  async #awaitNews(): Promise<HeadWatch> {
    const { connection, declaration, clock } = this.#request;
    const { heartbeatMs } = declaration.definition;
    const limitMs = heartbeatMs === undefined ? connection.idleLimitMs : heartbeatMs * missedHeartbeats;
    for (;;) {
      const unread = this.#atHead ? undefined : this.#peeked;
      const message = unread ?? (await this.#nextWithin(limitMs, clock));
      this.#peeked = undefined;
      if (message === "silent") return "silent";
      if (message.done || this.#over) return "ended";
      const { events, willBlock } = this.#read(message.value);
      if (this.#atHead && events.length > 0) {
        this.#peeked = message;
        this.#atHead = false;
        return "news";
      }
      // The activity left these events unread; they are skipped, so the next pass has to open the stream again.
      if (events.length > 0) this.#standsAtHead = false;
      this.#atHead ||= willBlock === true;
    }
  }

  /** The next message; "silent" if it takes longer than on a live stream. Then the stream must not be read any more. */
  async #nextWithin(limitMs: number | undefined, clock: Clock): Promise<IteratorResult<object> | "silent"> {
    if (!this.#messages || this.#over) return { done: true, value: undefined };
    const next = this.#messages.next().catch((error: unknown): IteratorResult<object> => {
      if (this.#request.signal.aborted || this.#over) return { done: true, value: undefined };
      throw this.#failed(error);
    });
    if (limitMs === undefined) return next;
    const over = new AbortController();
    try {
      return await Promise.race([next, clock.sleep(limitMs, over.signal).then(() => "silent" as const)]);
    } finally {
      over.abort(noLongerNeeded);
      next.catch(() => {});
    }
  }

  batches(): AsyncIterable<Batch<unknown>> {
    const iterator: AsyncIterator<Batch<unknown>> = {
      next: () =>
        this.#pull((message) => {
          const batch = this.#take(message);
          this.#next = batch.events.length;
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
    let value = this.#buffer[this.#next];
    try {
      while (value === undefined && this.#takeReady()) value = this.#buffer[this.#next];
    } catch (error) {
      return Promise.reject(this.#failed(error));
    }
    // The invocation may have ended between two events of one message.
    if (value === undefined || this.#over) return this.#pull(this.#eventIn);
    this.#next++;
    this.delivered++;
    return Promise.resolve({ done: false, value });
  };

  /** Takes a message that has already arrived, without a promise. */
  #takeReady(): boolean {
    if (this.#over || this.#atHead || this.#peeked) return false;
    const message = this.#messages?.take?.();
    if (message) this.#take(message);
    return message !== undefined;
  }

  readonly #eventIn = (message: object): Promise<IteratorResult<Recorded<unknown>>> => {
    this.#take(message);
    // A message may have no events, only `willBlock`.
    return this.#nextEvent();
  };

  #take(message: object): Batch<unknown> {
    const batch = this.#read(message);
    this.#lastBefore = this.last;
    this.#buffer = batch.events;
    this.#next = 0;
    this.#last = batch.events.at(-1) ?? this.#last;
    this.#atHead = batch.willBlock === true && this.#request.position.watch;
    this.#standsAtHead = this.#atHead;
    return batch;
  }

  /**
   * Passes the next message to `onMessage`. Ends without an error if our own signal aborted, whatever the transport
   * throws.
   */
  #pull<T>(onMessage: (message: object) => IteratorResult<T> | Promise<IteratorResult<T>>): Promise<IteratorResult<T>> {
    const onResult = (result: IteratorResult<object>) => {
      this.#waiting = false;
      if (!result.done && !this.#over) return onMessage(result.value);
      // The stream was closed for its silence: that is an error, not its end.
      if (this.#silence && !this.#request.signal.aborted) throw this.#silence;
      return { done: true as const, value: undefined };
    };
    const peeked = this.#peeked;
    if (this.#atHead) return Promise.resolve({ done: true, value: undefined });
    if (peeked) {
      this.#peeked = undefined;
      return new Promise((resolve) => resolve(onResult(peeked)));
    }
    if (!this.#messages || this.#over) return Promise.resolve({ done: true, value: undefined });
    this.#wait();
    return this.#messages.next().then(onResult, (error) => {
      if (this.#request.signal.aborted) return { done: true, value: undefined };
      throw this.#failed(error);
    });
  }

  #failed(error: unknown): unknown {
    const { health } = this.#request.connection;
    health.failed(this.#silence ?? error);
    // `#guard` has already reported the silence to the listener.
    if (!this.#silence) this.#listener?.broke(error);
    return this.#silence ?? error;
  }

  #wait(): void {
    this.#waiting = true;
    this.#pulls++;
    if (!this.#guarded) void this.#guard();
  }

  /**
   * Closes the stream when a read has waited too long: a server that has stopped in the middle of its answer looks like
   * a slow one. Ends at the head, where silence is normal.
   */
  async #guard(): Promise<void> {
    const { clock, connection } = this.#request;
    const { silenceMs } = connection;
    let waitedFor = 0;
    this.#guarded = true;
    for (;;) {
      await clock.sleep(silenceMs, this.#ends.signal);
      if (this.#over) return;
      if (this.#atHead) {
        this.#guarded = false;
        return;
      }
      if (this.#waiting && this.#pulls === waitedFor) {
        this.#silence = new ConnectError(`no message for more than ${silenceMs} ms`, Code.Unavailable);
        this.#listener?.broke(this.#silence);
        return this.close();
      }
      waitedFor = this.#waiting ? this.#pulls : 0;
    }
  }
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
