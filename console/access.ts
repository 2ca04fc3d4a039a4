import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

const secretBytes = 32;

/**
 * Who may use a console. The printed URL has a token that opens one session, once; the session is a cookie, and ends with
 * the process. Cookies know no ports: so that no other server of this machine is handed this one, everything is below a
 * path that nobody can guess, and the cookie is for that path alone.
 */
export class Access {
  readonly token = secret();
  /** Begins and ends with a slash. */
  readonly path = `/${randomBytes(8).toString("hex")}/`;
  readonly #session = secret();
  #isSpent = false;

  /** Spends the token: the value of a `Set-Cookie` header for the first who has it. */
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

/** In a time that does not depend on where they differ. */
function equal(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Was it sent to this server by its name? A page elsewhere may have had its own name resolve to 127.0.0.1. */
export function isForHost({ headers }: IncomingMessage, port: number): boolean {
  return headers.host === `127.0.0.1:${port}` || headers.host === `localhost:${port}`;
}

/** Does a page of this server send it? Browsers say so in one header or both. */
export function isOfSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, "sec-fetch-site": site } = headers;
  if (origin === undefined && site === undefined) return false;
  return (
    (origin === undefined || origin === `http://${headers.host}`) && (site === undefined || site === "same-origin")
  );
}
