import { createServer } from "node:net";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { type Address, declarationOf } from "../../functions/contract/stream.ts";
import { systemClock } from "../../functions/foundation/clock.ts";
import { DiskUsage } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { repo, uuidText } from "../../functions/nog/index.ts";
import { boundClient, connectUpstream, type UpstreamConnection } from "../../functions/upstream/connection.ts";
import { openEventStream } from "../../functions/upstream/event-stream.ts";
import type { Upstream } from "../../functions/upstream/upstream.ts";
import { collect, failure, protocolNames, registry, repoId, start, workflowA } from "../upstream/harness.ts";
import { expectHidden } from "./exposure.ts";
import { GuardedServer } from "./guarded-server.ts";

const address: Address = { repoId: uuidText(repoId, "id") };
const duRoot = { registry, globalRoot: "/ex", workflow: workflowA };
const { signal } = new AbortController();

/** Tokens one after the other; the last one for ever. */
function rotating(...tokens: readonly string[]) {
  const given: string[] = [];
  const authorization = async () => {
    given.push(tokens[given.length] ?? tokens.at(-1) ?? "");
    return given.at(-1) ?? "";
  };
  return { given, authorization };
}

function opened(connection: UpstreamConnection) {
  return openEventStream({
    connection,
    declaration: declarationOf(repo),
    address,
    position: { after: undefined, watch: false },
    signal,
    clock: systemClock,
    random: () => 0,
  });
}

describe.each(protocolNames)("a token over %s", (protocol) => {
  async function connected(more: Partial<Upstream>, token: string) {
    const { upstream } = await start({ token });
    const baseUrl = protocol === "grpc" ? upstream.grpcUrl : upstream.webUrl;
    return connectUpstream({ baseUrl, protocol, ...more });
  }

  it("may be a Bearer token: for streams, and for calls that an activity makes", async () => {
    const connection = await connected({ authorization: async () => "abc", scheme: "Bearer" }, "Bearer abc");
    const stream = await opened(connection);
    expect(stream.empty).toBe(false);
    stream.close();
    await boundClient(connection.transport, DiskUsage, signal).beginDuRoot(duRoot);
    await collect(boundClient(connection.transport, Repos, signal).events({ repo: repoId }));
    connection.close();
  });

  it("that is refused is replaced: at once for a task's stream, else by the next call", async () => {
    const forStream = rotating("old", "abc");
    const first = await connected({ authorization: forStream.authorization, scheme: "Bearer" }, "Bearer abc");
    const stream = await opened(first);
    expect(stream.empty).toBe(false);
    stream.close();
    expect(forStream.given).toEqual(["old", "abc"]);
    first.close();

    for (const call of [
      (to: UpstreamConnection) => collect(boundClient(to.transport, Repos, signal).events({ repo: repoId })),
      (to: UpstreamConnection) => boundClient(to.transport, DiskUsage, signal).beginDuRoot(duRoot),
    ]) {
      const { given, authorization } = rotating("old", "abc");
      const connection = await connected({ authorization }, "abc");
      expect((await failure(call(connection))).code).toBe(Code.Unauthenticated);
      await call(connection);
      expect(given).toEqual(["old", "abc"]);
      connection.close();
    }
  });

  it("that is refused in the middle of a stream is replaced by the next call", async () => {
    const server = new GuardedServer();
    const { given, authorization } = rotating("old", "new");
    const connection = connectUpstream({ baseUrl: await server.listen(protocol), protocol, authorization });
    const client = boundClient(connection.transport, Repos, signal);
    server.meanwhile = () => {
      server.accepts = (token) => token === "new";
    };
    const messages: unknown[] = [];
    const reading = (async () => {
      for await (const message of client.events({})) messages.push(message);
    })();
    expect((await failure(reading)).code).toBe(Code.Unauthenticated);
    expect(messages).toHaveLength(1);
    await client.getRepo({});
    expect(given).toEqual(["old", "new"]);
    connection.close();
  });

  it("is in no error, whatever goes wrong", async () => {
    const token = "hunter2-hunter2";
    const authorization = async () => token;
    const refusing = await connected({ authorization, scheme: "Bearer" }, "another");
    const nobody = connectUpstream({ baseUrl: `http://127.0.0.1:${await freePort()}`, protocol, authorization });
    const malformed = await connected({ authorization: async () => `${token}\r\nx: y` }, token);
    for (const connection of [refusing, nobody, malformed]) {
      const client = boundClient(connection.transport, Repos, signal);
      expectHidden(await failure(client.getRepo({})), "hunter2");
      expectHidden(await failure(client.events({ repo: repoId })), "hunter2");
      expectHidden(await failure(opened(connection)), "hunter2");
      connection.close();
    }
  });
});

/** A port where nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
