import type { ConnectError } from "@connectrpc/connect";

/** The options of a call of a server stream, for every protocol. */
export interface StreamCallOptions<T> {
  /** The request, framed. */
  readonly request: Uint8Array<ArrayBuffer>;
  readonly parse: (bytes: Uint8Array) => T;
  /** A larger message is refused. */
  readonly maxMessageBytes: number;
  readonly signal: AbortSignal | undefined;
  /** Called once if the call fails, because of the server or of the signal. */
  readonly onError: (error: ConnectError) => void;
}

/** One server stream: the messages of its response, as they arrive. */
export interface StreamCall<T> extends AsyncIterator<T> {
  /** Sends the request and waits for the header. Rejects with a `ConnectError` if no messages can follow. */
  open(): Promise<void>;
  readonly header: Headers;
  readonly trailer: Headers;
}
