import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { boundClient } from "../../functions/upstream/connection.ts";
import { Credentials } from "../../functions/upstream/credentials.ts";
import { settle, TestClock } from "../support/test-clock.ts";
import { collect, failure } from "../upstream/harness.ts";
import { expectHidden } from "./exposure.ts";
import { GuardedServer } from "./guarded-server.ts";

/** A source that gives what `next` says and counts how often it was asked. */
class Source {
  asked = 0;
  next: () => string | Promise<string>;
  constructor(next: () => string | Promise<string>) {
    this.next = next;
  }
  readonly fetch = async () => {
    this.asked++;
    return this.next();
  };
}

function connected(next: () => string | Promise<string>, scheme: "bare" | "Bearer" = "bare") {
  const clock = new TestClock();
  const server = new GuardedServer();
  const source = new Source(next);
  const credentials = new Credentials(source.fetch, { scheme, upstream: "things", clock });
  const controller = new AbortController();
  const client = boundClient(server.transport(credentials), Repos, controller.signal);
  return { clock, server, source, credentials, controller, client };
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const jwtWith = (claims: unknown) => `${base64url({ alg: "none" })}.${base64url(claims)}.c2lnbmF0dXJl`;
/** Of a lifetime in milliseconds, from the time of `clock`. */
const jwt = (clock: TestClock, lifetimeMs: number) => jwtWith({ exp: (clock.now() + lifetimeMs) / 1000 });

const minute = 60_000;
const down = () => Promise.reject(new Error("the token service is down"));

describe("a token", () => {
  it("is sent as it is, or as Bearer", async () => {
    for (const [scheme, header] of [
      ["bare", "abc"],
      ["Bearer", "Bearer abc"],
    ] as const) {
      const { client, server } = connected(() => "abc", scheme);
      await client.getRepo({});
      await collect(client.events({}));
      expect(server.seen).toEqual([header, header]);
    }
  });

  it("is not sent where there is no source", async () => {
    const server = new GuardedServer();
    const credentials = new Credentials(undefined);
    credentials.forget();
    await boundClient(server.transport(credentials), Repos, new AbortController().signal).getRepo({});
    expect(server.seen).toEqual([null]);
  });

  it("is asked for once, however many calls wait for it", async () => {
    let give = (_token: string) => {};
    const { client, source, server } = connected(
      () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    );
    const calls = Array.from({ length: 8 }, () => client.getRepo({}));
    await settle();
    expect(source.asked).toBe(1);
    give("abc");
    await Promise.all(calls);
    await client.getRepo({});
    expect(source.asked).toBe(1);
    expect(server.seen).toEqual(Array(9).fill("abc"));
  });

  it("is waited for no longer than the call lasts; the others go on waiting", async () => {
    let give = (_token: string) => {};
    const { client, source, server } = connected(
      () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    );
    const hurried = new AbortController();
    const short = failure(client.getRepo({}, { signal: hurried.signal }));
    const long = client.getRepo({});
    await settle();
    hurried.abort();
    expect((await short).code).toBe(Code.Canceled);
    give("abc");
    await long;
    expect(source.asked).toBe(1);
    expect(server.seen).toEqual(["abc"]);
  });

  it("that could not be had is asked for again by the next call", async () => {
    const { client, source, server } = connected(down);
    const error = await failure(client.getRepo({}));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.message).toContain("the token service is down");
    source.next = () => "abc";
    await client.getRepo({});
    expect(server.seen).toEqual(["abc"]);
  });

  it("of a source that throws instead of rejecting is missed in the same way", async () => {
    const server = new GuardedServer();
    const credentials = new Credentials(() => {
      throw new Error("not even a promise");
    });
    const client = boundClient(server.transport(credentials), Repos, new AbortController().signal);
    expect((await failure(client.getRepo({}))).message).toContain("not even a promise");
  });

  it.each([
    ["an empty one", ""],
    ["white space", " \t "],
    ["one with a line end", "secret-one\nsecret-two"],
    ["one with a control character", "secret-one\u0000secret-two"],
    ["one that is not ASCII", "secret-one-é"],
    ["one with space around it", " secret-one "],
    ["none", undefined as unknown as string],
    ["a number", 424_242 as unknown as string],
  ])("that a header cannot carry is an error that does not show it: %s", async (_, token) => {
    for (const scheme of ["bare", "Bearer"] as const) {
      const { client, server } = connected(() => token, scheme);
      const error = await failure(client.getRepo({}));
      expect(error.cause).toMatchObject({ name: "TailwakeError", subject: "token of upstream things" });
      expectHidden(error, "secret-one", "secret-two", "424242");
      expect(server.seen).toEqual([]);
    }
  });
});

describe("a token that says when it expires", () => {
  it("is replaced by a call from 60 s before, not earlier", async () => {
    const { clock, client, source } = connected(() => jwt(clock, 60 * minute));
    await client.getRepo({});
    await clock.advance(59 * minute - 1);
    await client.getRepo({});
    expect(source.asked).toBe(1);
    await clock.advance(1);
    await client.getRepo({});
    await client.getRepo({});
    expect(source.asked).toBe(2);
    clock.jump(clock.now() + 59 * minute);
    await client.getRepo({});
    expect(source.asked).toBe(3);
  });

  it("is replaced once, however many calls come then", async () => {
    const { clock, client, source, server } = connected(() => jwt(clock, 60 * minute));
    await client.getRepo({});
    await clock.advance(59 * minute);
    await Promise.all(Array.from({ length: 8 }, () => client.getRepo({})));
    expect(source.asked).toBe(2);
    expect(new Set(server.seen.slice(1))).toEqual(new Set([server.seen.at(-1)]));
    expect(server.seen[1]).not.toBe(server.seen[0]);
  });

  it("serves until then while another cannot be had; each call tries", async () => {
    const { clock, client, source, server } = connected(() => first);
    const first = jwt(clock, 60 * minute);
    await client.getRepo({});
    for (const failing of [down, () => "not for\na header"]) {
      source.next = failing;
      await clock.advance(29 * minute + 45_000);
      await client.getRepo({});
    }
    await client.getRepo({});
    expect(source.asked).toBe(3);
    expect(server.seen).toEqual(Array(4).fill(first));
    source.next = down;
    await clock.advance(30_000);
    const error = await failure(client.getRepo({}));
    expect(error.message).toContain("the token service is down");
    expectHidden(error, first);
    source.next = () => "abc";
    await client.getRepo({});
    expect(server.seen.slice(4)).toEqual(["abc"]);
  });

  it("may be a Bearer token", async () => {
    const { clock, client, source } = connected(() => jwt(clock, 10 * minute), "Bearer");
    await client.getRepo({});
    await clock.advance(9 * minute - 1);
    await client.getRepo({});
    expect(source.asked).toBe(1);
    await clock.advance(1);
    await client.getRepo({});
    expect(source.asked).toBe(2);
  });
});

describe("a token that does not say when it expires", () => {
  it.each([
    ["a word", "abc"],
    ["three words that are no JWT", "a.b.c"],
    ["a JWT without exp", jwtWith({ sub: "tailwake" })],
    ["a JWT whose exp is no number", jwtWith({ exp: "soon" })],
    ["a JWT whose claims are null", jwtWith(null)],
  ])("is asked for again at an age of 5 minutes, and kept if that fails: %s", async (_, token) => {
    const { clock, client, source, server } = connected(() => token);
    await client.getRepo({});
    await clock.advance(5 * minute - 1);
    await client.getRepo({});
    expect(source.asked).toBe(1);
    await clock.advance(1);
    await client.getRepo({});
    expect(source.asked).toBe(2);
    source.next = down;
    await clock.advance(24 * 60 * minute);
    await client.getRepo({});
    await client.getRepo({});
    expect(source.asked).toBe(4);
    expect(server.seen).toEqual(Array(5).fill(token));
    source.next = () => "new";
    await client.getRepo({});
    expect(server.seen.at(-1)).toBe("new");
  });
});

describe("a token that the server refuses", () => {
  it("is not sent again: the next call gets another, or fails", async () => {
    const { client, source, server } = connected(() => "old");
    server.accepts = (token) => token === "new";
    expect((await failure(client.getRepo({}))).code).toBe(Code.Unauthenticated);
    source.next = down;
    const error = await failure(client.getRepo({}));
    expect(error.code).toBe(Code.Unavailable);
    expectHidden(error, "old");
    source.next = () => "new";
    await client.getRepo({});
    expect(server.seen).toEqual(["old", "new"]);
  });

  it("is kept when a call fails for another reason", async () => {
    const { client, server, source } = connected(() => "abc");
    server.accepts = () => {
      throw new ConnectError("not you", Code.PermissionDenied);
    };
    for (let i = 0; i < 2; i++) expect((await failure(client.getRepo({}))).code).toBe(Code.PermissionDenied);
    expect(source.asked).toBe(1);
  });

  it("while a stream is read is not sent again either", async () => {
    const { client, source, server } = connected(() => "old");
    server.meanwhile = () => {
      server.accepts = (token) => token === "new";
    };
    expect((await failure(client.events({}))).code).toBe(Code.Unauthenticated);
    source.next = () => "new";
    await collect(client.events({}));
    expect(server.seen).toEqual(["old", "new"]);
  });

  it("late, when it has been replaced, does not cost its successor", async () => {
    const { clock, client, source, server } = connected(() => "old");
    server.meanwhile = async () => {
      source.next = () => "new";
      await clock.advance(5 * minute);
      await client.getRepo({});
      server.accepts = (token) => token === "new";
    };
    expect((await failure(client.events({}))).code).toBe(Code.Unauthenticated);
    await client.getRepo({});
    expect(server.seen).toEqual(["old", "new", "new"]);
    expect(source.asked).toBe(2);
  });

  it("while it is being replaced is not fallen back to", async () => {
    let fail = (_error: Error) => {};
    const { clock, client, source, credentials, server } = connected(() => "old");
    await client.getRepo({});
    await clock.advance(5 * minute);
    source.next = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    const waiting = failure(client.getRepo({}));
    await settle();
    credentials.forget();
    fail(new Error("the token service is down"));
    expect((await waiting).message).toContain("the token service is down");
    expect(server.seen).toEqual(["old"]);
  });
});
