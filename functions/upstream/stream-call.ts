import type { ConnectError } from "@connectrpc/connect";

/** What a call of a server stream is given, whatever its protocol. */
export interface StreamCallOptions<T> {
  /** The request, in its frame. */
  readonly request: Uint8Array<ArrayBuffer>;
  readonly parse: (bytes: Uint8Array) => T;
  /** A larger message is refused. */
  readonly maxMessageBytes: number;
  readonly signal: AbortSignal | undefined;
  /** Called once, if the call fails, by the server or by the signal. */
  readonly onError: (error: ConnectError) => void;
}

/** One server stream: the messages of its answer, as they come. */
export interface StreamCall<T> extends AsyncIterator<T> {
  /** Sends the request, and waits for a header that promises messages. Rejects with a `ConnectError`. */
  open(): Promise<void>;
  readonly header: Headers;
  readonly trailer: Headers;
}
