import { InvalidField } from "./service-error.ts";

export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly nextToken?: string;
}

/** One page of a list ordered by key; a token holds the last key of the previous page. */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  limit: number,
  token: string | undefined,
): Page<T> {
  const after = token === undefined ? undefined : decodeToken(token);
  const ordered = [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const rest = after === undefined ? ordered : ordered.filter((item) => keyOf(item) > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  if (last === undefined || rest.length <= limit) return { items: page };
  return { items: page, nextToken: Buffer.from(keyOf(last)).toString("base64url") };
}

function decodeToken(token: string): string {
  const key = Buffer.from(token, "base64url").toString();
  if (key === "" || Buffer.from(key).toString("base64url") !== token) {
    throw new InvalidField("invalid", `NextToken must come from an earlier answer, but is '${token}'.`);
  }
  return key;
}
