import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

/** Sends the token of an upstream with each call and gets another one once the server has refused it. */
export class Credentials {
  readonly #fetch: (() => Promise<string>) | undefined;
  #token: Promise<string> | undefined;

  constructor(fetch: (() => Promise<string>) | undefined) {
    this.#fetch = fetch;
  }

  readonly interceptor: Interceptor = (next) => async (request) => {
    const token = await this.#current();
    if (token !== undefined) request.header.set("authorization", token);
    try {
      return await next(request);
    } catch (error) {
      if (error instanceof ConnectError && error.code === Code.Unauthenticated) this.forget();
      throw error;
    }
  };

  /** Drops the token: the next call gets a new one. */
  forget(): void {
    this.#token = undefined;
  }

  #current(): Promise<string> | undefined {
    if (this.#token || !this.#fetch) return this.#token;
    const pending = this.#fetch();
    this.#token = pending;
    // A failed fetch must not be remembered as the token.
    pending.catch(() => {
      if (this.#token === pending) this.forget();
    });
    return pending;
  }
}
