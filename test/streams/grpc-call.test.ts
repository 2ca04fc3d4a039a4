import { once } from "node:events";
import { constants, createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { RepoEventsOSchema, Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { connectUpstream } from "../../functions/upstream/connection.ts";
import { settle } from "../support/test-clock.ts";

type Message = { readonly events: readonly { readonly fsoRepoErrorMessage: string }[] };
type Call = AsyncIterator<Message> & { take(): Message | undefined };

const framed = (text: string) =>
  encodeEnvelope(
    0,
    toBinary(RepoEventsOSchema, create(RepoEventsOSchema, { events: [{ fsoRepoErrorMessage: text }] })),
  );
const textOf = ({ value }: IteratorResult<Message>) => value?.events[0]?.fsoRepoErrorMessage;

/** A call to a server that answers as a test says, once it has sent its header. */
async function calling(answer: (stream: ServerHttp2Stream) => void, signal = new AbortController().signal) {
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
  const accepted = new Promise<ServerHttp2Stream>((resolve) => {
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      answer(stream);
      resolve(stream);
    });
  });
  async function* request() {
    yield { repo: new Uint8Array(16) };
  }
  const { message } = await connection.transport.stream(Repos.method.events, signal, undefined, undefined, request());
  return { call: message[Symbol.asyncIterator]() as unknown as Call, stream: await accepted };
}

describe("a call of a gRPC stream", () => {
  it("hands out what had come whole before the server failed, and then its error", async () => {
    const { call, stream } = await calling((stream) => stream.write(Buffer.concat(["a", "b"].map(framed))));
    expect(textOf(await call.next())).toBe("a");
    const closed = new Promise((resolve) => stream.once("close", resolve));
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    await closed;
    for (let i = 0; i < 20; i++) await settle();
    expect(textOf(await call.next())).toBe("b");
    await expect(call.next()).rejects.toMatchObject({ code: Code.Internal });
    await expect(call.next()).rejects.toMatchObject({ code: Code.Internal });
  });

  it("tells the server by the code of its reset that the call was canceled, or that its answer cannot be read", async () => {
    const ours = new AbortController();
    const canceled = await calling((to) => to.write(framed("a")), ours.signal);
    const unreadable = await calling((to) => to.write(encodeEnvelope(0, Buffer.from([0xff]))));
    const closed = [canceled, unreadable].map(({ stream }) => new Promise((resolve) => stream.once("close", resolve)));
    ours.abort();
    await expect(unreadable.call.next()).rejects.toThrow(/parse binary/);
    await Promise.all(closed);
    expect(canceled.stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect(unreadable.stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });

  it("lets a server wait that nobody reads from, at its window, and goes on where it stopped", async () => {
    const one = framed("x".repeat(99_000));
    const most = 100;
    let sent = 0;
    const { call, stream } = await calling((to) => {
      const more = () => {
        if (sent === most) {
          to.end();
          return;
        }
        sent++;
        if (to.write(one)) more();
        else to.once("drain", more);
      };
      more();
    });
    // Whatever the server can send without being read has come after a few answers to its pings.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => stream.session?.ping(resolve));
    expect(sent).toBeGreaterThan(5);
    expect(sent).toBeLessThan(20);
    let read = 0;
    for (let next = await call.next(); !next.done; next = await call.next()) read += textOf(next)?.length ?? 0;
    expect(read).toBe(most * 99_000);
  });
});
