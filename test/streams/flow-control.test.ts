import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { createClient } from "@connectrpc/connect";
import { expect, it, onTestFinished } from "vitest";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { connectUpstream } from "../../functions/upstream/connection.ts";

it("a gRPC server may send 1 MiB of a stream, and 4 MiB on its connection, before it hears that it was read", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => sessions.push(session));
  const connection = connectUpstream({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    protocol: "grpc",
  });
  onTestFinished(async () => {
    connection.close();
    for (const session of sessions) session.destroy();
    server.close();
    await once(server, "close");
  });
  const windows = new Promise<unknown>((resolve) => {
    server.on("stream", (stream) => {
      const { session } = stream;
      stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      // The client makes its connection's window larger once it has one: that may be a moment later.
      session?.ping(() => {
        resolve({ stream: session.remoteSettings.initialWindowSize, connection: session.state.remoteWindowSize });
        stream.end();
      });
    });
  });
  for await (const _message of createClient(Repos, connection.transport).events({ repo: new Uint8Array(16) })) break;
  expect(await windows).toEqual({ stream: 1_048_576, connection: 4_194_304 });
});
