import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { describeError } from "../contract/error.ts";
import { type Clock, systemClock } from "../foundation/clock.ts";
import { checkToken } from "./token-source.ts";

/** A token is replaced this long before it expires. */
const refreshBeforeExpiryMs = 60_000;
/** A token without an expiry time is replaced at this age. */
const maxAgeMs = 5 * 60_000;

export interface CredentialsOptions {
  /** The prefix of the token in the header. Default "bare": none. */
  readonly scheme?: "bare" | "Bearer";
  /** Names the upstream in errors. */
  readonly upstream?: string;
  readonly clock?: Clock;
}

interface Held {
  /** The header's value. */
  readonly value: string;
  /** From this time on a call first fetches another token; in milliseconds since 1970. */
  readonly refreshAt: number;
  /** Infinity for a token without an expiry time. */
  readonly expiresAt: number;
}

/**
 * Sends the token of an upstream with each call. A JWT with `exp` is replaced 60 s before it expires, any other token
 * at an age of 5 minutes, and each token after the server has refused it. While the source fails, calls use the old
 * token until it expires, and each call asks the source again. All calls wait for the same fetch.
 */
export class Credentials {
  readonly #fetch: (() => Promise<string>) | undefined;
  readonly #scheme: string;
  readonly #subject: string;
  readonly #clock: Clock;
  #held: Held | undefined;
  #refreshing: Promise<Held> | undefined;

  constructor(fetch: (() => Promise<string>) | undefined, options: CredentialsOptions = {}) {
    this.#fetch = fetch;
    this.#scheme = options.scheme === "Bearer" ? "Bearer " : "";
    this.#subject = `token of upstream ${options.upstream ?? "(unnamed)"}`;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Fails a call for which there is no token with `Unavailable`; the cause is the source's error. `Unavailable` is
   * retried briefly, and no kind's `tailUnknown` takes it for the answer of its server.
   */
  readonly interceptor: Interceptor = (next) => async (request) => {
    const { signal } = request;
    const value = await this.header(signal);
    if (value === undefined) return next(request);
    request.header.set("authorization", value);
    // A server may refuse a stream while it is read (over connect, always), after `next`. The transport then aborts the
    // call's signal with the call's error. Wrapping the messages instead would cost each event a promise.
    signal.addEventListener("abort", () => this.onError(signal.reason, value), { once: true });
    try {
      return await next(request);
    } catch (error) {
      this.onError(error, value);
      throw error;
    }
  };

  /** The `authorization` header of a call; undefined if the upstream has none. Rejects as {@link interceptor}. */
  header(signal: AbortSignal | undefined): string | undefined | Promise<string> {
    const fetch = this.#fetch;
    if (!fetch) return undefined;
    const held = this.#fresh();
    if (held) return held.value;
    const replaced = this.#replaced(fetch);
    return (signal ? orAborted(replaced, signal) : replaced).then(({ value }) => value);
  }

  /** Drops the token: the next call fetches a new one, or fails. */
  forget(): void {
    this.#held = undefined;
  }

  /** A call that sent this header failed. Drops the token if the server refused it, unless another has replaced it. */
  onError(error: unknown, sent: string): void {
    const refused = error instanceof ConnectError && error.code === Code.Unauthenticated;
    if (refused && this.#held?.value === sent) this.forget();
  }

  #fresh(): Held | undefined {
    const held = this.#held;
    return held && this.#clock.now() < held.refreshAt ? held : undefined;
  }

  async #replaced(fetch: () => Promise<string>): Promise<Held> {
    this.#refreshing ??= this.#refresh(fetch).finally(() => {
      this.#refreshing = undefined;
    });
    try {
      return await this.#refreshing;
    } catch (error) {
      const held = this.#held;
      if (held && this.#clock.now() < held.expiresAt) return held;
      throw new ConnectError(describeError(error), Code.Unavailable, undefined, undefined, error);
    }
  }

  async #refresh(fetch: () => Promise<string>): Promise<Held> {
    const token = checkToken(this.#subject, await fetch());
    const expiresAt = expiryOf(token);
    const refreshAt = expiresAt === undefined ? this.#clock.now() + maxAgeMs : expiresAt - refreshBeforeExpiryMs;
    this.#held = { value: this.#scheme + token, refreshAt, expiresAt: expiresAt ?? Number.POSITIVE_INFINITY };
    return this.#held;
  }
}

/** The expiry time of a JWT, in milliseconds since 1970; undefined for other tokens. The server verifies the token. */
function expiryOf(token: string): number | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  try {
    const { exp } = Object(JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString()));
    return Number.isFinite(exp) ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** Rejects when the call's signal aborts; the fetch goes on for other calls. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
