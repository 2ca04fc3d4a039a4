import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { describeError } from "../contract/error.ts";
import { type Clock, systemClock } from "../foundation/clock.ts";
import { checkToken } from "./token-source.ts";

/** How long before its expiry a token is replaced. */
const refreshBeforeExpiryMs = 60_000;
/** How long a token is used that does not say when it expires. */
const maxAgeMs = 5 * 60_000;

export interface CredentialsOptions {
  /** What stands before the token in the header. Default "bare": nothing. */
  readonly scheme?: "bare" | "Bearer";
  /** Whose token it is, for errors. */
  readonly upstream?: string;
  readonly clock?: Clock;
}

interface Held {
  /** The header's value. */
  readonly value: string;
  /** From then on a call first asks for another; in milliseconds since 1970. */
  readonly refreshAt: number;
  /** Infinity if the token does not say. */
  readonly expiresAt: number;
}

/**
 * Sends the token of an upstream with each call. It is replaced before it expires, if it is a JWT that says when, else
 * at an age of 5 minutes, and once the server has refused it. While another cannot be had, the old one is used until it
 * expires, and each call tries again. All calls wait for the same fetch.
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
   * A call for which there is no token fails with `Unavailable`, and what the source threw as the cause: that is tried
   * again for a moment, and no kind takes it for its server's word on a tail.
   */
  readonly interceptor: Interceptor = (next) => async (request) => {
    const { signal } = request;
    const value = await this.header(signal);
    if (value === undefined) return next(request);
    request.header.set("authorization", value);
    // A stream is refused while it is read (over connect always), not by `next`. Its messages are left alone, since a
    // layer around them would cost every event a promise: a transport aborts the call's signal with the call's error.
    signal.addEventListener("abort", () => this.onError(signal.reason, value), { once: true });
    try {
      return await next(request);
    } catch (error) {
      this.onError(error, value);
      throw error;
    }
  };

  /** The `authorization` of a call, undefined if there is none. Rejects like the interceptor's calls. */
  header(signal: AbortSignal | undefined): string | undefined | Promise<string> {
    const fetch = this.#fetch;
    if (!fetch) return undefined;
    const held = this.#fresh();
    if (held) return held.value;
    const replaced = this.#replaced(fetch);
    return (signal ? orAborted(replaced, signal) : replaced).then(({ value }) => value);
  }

  /** Drops the token: the next call gets a new one, or fails. */
  forget(): void {
    this.#held = undefined;
  }

  /** A call with this `authorization` failed: drops the token if it was refused, but not one that has replaced it meanwhile. */
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

/** When a JWT expires, in milliseconds since 1970; undefined for other tokens. Nothing is verified: the server does that. */
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

/** A call waits for a token only until its own end; the fetch goes on for others. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
