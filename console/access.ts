import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

const secretBytes = 32;

/**
 * Access control of a console. The printed URL contains a token that opens one session, once. The session is a cookie
 * that ends with the process. Cookies ignore ports, so all paths are below a random prefix and the cookie is limited to
 * it: no other server of this machine receives it.
 */
export class Access {
  readonly token = secret();
  /** The path prefix; begins and ends with a slash. */
  readonly path = `/${randomBytes(8).toString("hex")}/`;
  readonly #session = secret();
  #isSpent = false;

  /** Uses up the token. Returns the value of a `Set-Cookie` header to its first bearer. */
  enter(token: string): { readonly cookie: string } | "used" | "wrong" {
    if (!equal(token, this.token)) return "wrong";
    if (this.#isSpent) return "used";
    this.#isSpent = true;
    return { cookie: `${cookieName}=${this.#session}; HttpOnly; SameSite=Strict; Path=${this.path}` };
  }

  hasSession({ headers }: IncomingMessage): boolean {
    const cookies = (headers.cookie ?? "").split(";").map((cookie) => cookie.trim().split("="));
    return cookies.some(([name, value = ""]) => name === cookieName && equal(value, this.#session));
  }
}

const cookieName = "tailwake-console";
const secret = (): string => randomBytes(secretBytes).toString("base64url");

/** Compares in constant time. */
function equal(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * Whether the request names this server as its host. A foreign page may resolve its own name to 127.0.0.1 (DNS
 * rebinding).
 */
export function isForHost({ headers }: IncomingMessage, port: number): boolean {
  return headers.host === `127.0.0.1:${port}` || headers.host === `localhost:${port}`;
}

/** Whether a page of this server sent the request. Browsers say so in one header or both. */
export function isOfSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, "sec-fetch-site": site } = headers;
  if (origin === undefined && site === undefined) return false;
  return (
    (origin === undefined || origin === `http://${headers.host}`) && (site === undefined || site === "same-origin")
  );
}
