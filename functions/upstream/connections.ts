import { describeValue, TailwakeError } from "../contract/error.ts";
import { connectUpstream, type UpstreamConnection } from "./connection.ts";
import type { Upstream } from "./upstream.ts";

/** The upstreams of an app. Each connects when it is first used. */
export class Connections {
  readonly #upstreams: Readonly<Record<string, Upstream>>;
  readonly #connected = new Map<string, UpstreamConnection>();

  constructor(upstreams: Readonly<Record<string, Upstream>>) {
    this.#upstreams = upstreams;
  }

  /** Throws a `TailwakeError` ("unknown-upstream"). */
  readonly of = (name: string): UpstreamConnection => {
    const known = this.#connected.get(name);
    if (known) return known;
    const isKnown = typeof name === "string" && Object.hasOwn(this.#upstreams, name);
    const upstream = isKnown ? this.#upstreams[name] : undefined;
    if (!upstream) throw unknownUpstream(name, "an activity");
    const connection = connectUpstream(upstream);
    this.#connected.set(name, connection);
    return connection;
  };

  close(): void {
    for (const connection of this.#connected.values()) connection.close();
  }
}

const isShort = (name: unknown) => typeof name === "string" && name.length <= 64;

export function unknownUpstream(name: string, user: string): TailwakeError {
  return new TailwakeError({
    code: "unknown-upstream",
    subject: `upstream ${isShort(name) ? name : describeValue(name)} of ${user}`,
    expected: "an entry of that name in createApp({ upstreams })",
    received: "none",
  });
}
