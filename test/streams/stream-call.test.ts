import { Code, type StreamResponse } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { type RepoEventsOSchema, Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { connectUpstream } from "../../functions/upstream/connection.ts";
import { type Answer, answering, frame, Gate, message } from "../faults/raw-servers.ts";
import { settle } from "../support/test-clock.ts";
import { type Protocol, protocolNames } from "../upstream/harness.ts";

type Response = StreamResponse<never, typeof RepoEventsOSchema>;
type Call = AsyncIterator<Message> & { take(): Message | undefined };
type Message = { readonly events: readonly { readonly fsoRepoErrorMessage: string }[] };

const eventOf = (text: string) => ({ id: new Uint8Array(16), fsoRepoErrorMessage: text }) as never;
const framed = (text: string) => frame(message(eventOf(text)));
const textOf = ({ value }: IteratorResult<Message>) => value?.events[0]?.fsoRepoErrorMessage;
/** What stands behind the last message, over fetch. */
const endFlags = { connect: 2, "grpc-web": 0x80 };

/** The answer to a call, where a server says what a test does. */
async function answered(protocol: Protocol, answer: (to: Answer) => void, signal = new AbortController().signal) {
  const gate = await Gate.open(answering(protocol, answer));
  const connection = connectUpstream({ baseUrl: gate.url, protocol });
  onTestFinished(() => connection.close());
  async function* request() {
    yield { repo: new Uint8Array(16) };
  }
  const response = await connection.transport.stream(Repos.method.events, signal, undefined, undefined, request());
  return { response: response as unknown as Response, call: response.message[Symbol.asyncIterator]() as never as Call };
}

async function rest(call: Call): Promise<(string | undefined)[]> {
  const read: (string | undefined)[] = [];
  for (let next = await call.next(); !next.done; next = await call.next()) read.push(textOf(next));
  return read;
}

describe.each(protocolNames)("the call of a stream over %s", (protocol) => {
  it("answers those who do not wait for each other in order, and has its end behind the last message", async () => {
    const { call } = await answered(protocol, (to) => {
      to.head();
      to.write(Buffer.concat(["a", "b", "c"].map(framed)));
      to.finish();
    });
    const read = await Promise.all([call.next(), call.next(), call.next(), call.next()]);
    expect(read.map(textOf)).toEqual(["a", "b", "c", undefined]);
    expect(read[3]?.done).toBe(true);
    expect(call.take()).toBeUndefined();
    expect((await call.next()).done).toBe(true);
  });

  it("hands out without a promise what has come, and nothing before it has", async () => {
    const { call } = await answered(protocol, (to) => {
      to.head();
      to.write(Buffer.concat(["a", "b"].map(framed)));
    });
    expect(textOf(await call.next())).toBe("a");
    expect(call.take()).toMatchObject({ events: [{ fsoRepoErrorMessage: "b" }] });
    expect(call.take()).toBeUndefined();
  });

  it("hands out nothing once our own signal has aborted, and the server hears that nobody takes its answer", async () => {
    const ours = new AbortController();
    let gone: Promise<unknown> = Promise.resolve();
    const { call } = await answered(
      protocol,
      (to) => {
        gone = new Promise((resolve) => to.signal.addEventListener("abort", resolve));
        to.head();
        to.write(Buffer.concat(["a", "b"].map(framed)));
      },
      ours.signal,
    );
    expect(textOf(await call.next())).toBe("a");
    ours.abort();
    expect(call.take()).toBeUndefined();
    await expect(call.next()).rejects.toMatchObject({ code: Code.Canceled });
    await gone;
    await expect(call.next()).rejects.toMatchObject({ code: Code.Canceled });
  });

  it("that is aborted while it waits ends with the reason as its cause", async () => {
    const ours = new AbortController();
    const { call } = await answered(protocol, (to) => to.head(), ours.signal);
    const waiting = call.next();
    waiting.catch(() => {});
    await settle();
    const reason = new Error("enough");
    ours.abort(reason);
    await expect(waiting).rejects.toMatchObject({ code: Code.Canceled, cause: reason });
  });

  it("hands out what stands before a message that cannot be read, and nothing behind it, whoever asks again", async () => {
    let gone: Promise<unknown> = Promise.resolve();
    const { call } = await answered(protocol, (to) => {
      gone = new Promise((resolve) => to.signal.addEventListener("abort", resolve));
      to.head();
      to.write(Buffer.concat([framed("a"), framed("b"), frame(Buffer.from([0xff])), framed("c")]));
    });
    expect(textOf(await call.next())).toBe("a");
    expect(textOf(await call.next())).toBe("b");
    await expect(call.next()).rejects.toThrow(/parse binary/);
    expect(() => call.take()).toThrow(/parse binary/);
    await expect(call.next()).rejects.toThrow(/parse binary/);
    await gone;
  });

  it("reads a message of 3 MiB, and what stands around it", async () => {
    const text = "x".repeat(3 * 1024 * 1024);
    const { call } = await answered(protocol, (to) => {
      to.head();
      to.write(Buffer.concat([framed("a"), framed(text), framed("b")]));
      to.finish();
    });
    expect((await rest(call)).map((read) => read?.length)).toEqual([1, text.length, 1]);
  });

  it("has the header of its answer at once", async () => {
    const { response } = await answered(protocol, (to) => to.head({ more: { "x-of-header": "1" } }));
    expect(response.header.get("x-of-header")).toBe("1");
    expect([...response.trailer]).toEqual([]);
  });

  it.each([1, 7, 4096])("reads what comes in pieces of %d bytes", async (bytes) => {
    const texts = Array.from({ length: 20 }, (_, i) => "y".repeat(i * i));
    const body = Buffer.concat(texts.map(framed));
    const { call } = await answered(protocol, async (to) => {
      to.head();
      for (let at = 0; at < body.length; at += bytes) {
        to.write(body.subarray(at, at + bytes));
        if ((at / bytes) % 50 === 0) await settle();
      }
      to.finish();
    });
    expect(await rest(call)).toEqual(texts);
  });
});

describe.each(["connect", "grpc-web"] as const)("the end of a stream over %s", (protocol) => {
  const end = { connect: '{"metadata":{"x-of-end":["2"]}}', "grpc-web": "grpc-status: 0\r\nx-of-end: 2\r\n" }[protocol];
  const endFrame = frame(Buffer.from(end), { flags: endFlags[protocol] });

  it("has the trailer", async () => {
    const { call, response } = await answered(protocol, (to) => {
      to.head();
      to.write(Buffer.concat([framed("a"), endFrame]));
      to.stop();
    });
    expect(await rest(call)).toEqual(["a"]);
    expect(response.trailer.get("x-of-end")).toBe("2");
  });

  it("may come in pieces, behind the last message or in one with it", async () => {
    const body = Buffer.concat([framed("a"), endFrame]);
    for (let cut = 1; cut < body.length; cut++) {
      const { call } = await answered(protocol, async (to) => {
        to.head();
        to.write(body.subarray(0, cut));
        await settle();
        to.write(body.subarray(cut));
        to.stop();
      });
      expect(await rest(call), `cut at ${cut}`).toEqual(["a"]);
    }
  });

  it.each([
    ["another message", framed("b")],
    ["another end", endFrame],
    ["the beginning of something", endFrame.subarray(0, 3)],
  ])("is the end: %s behind it is refused, in the same piece or later", async (_what, more) => {
    for (const pieces of [[Buffer.concat([endFrame, more])], [endFrame, more]]) {
      const { call } = await answered(protocol, async (to) => {
        to.head();
        to.write(framed("a"));
        for (const piece of pieces) {
          to.write(piece);
          await settle();
        }
        to.stop();
      });
      expect(textOf(await call.next())).toBe("a");
      await expect(call.next()).rejects.toMatchObject({
        code: Code.Internal,
        rawMessage: expect.stringMatching(/bytes behind the end/),
      });
    }
  });

  it("may be an error, which has what the header said too, and comes behind the messages", async () => {
    const refused = {
      connect: '{"error":{"code":"permission_denied","message":"no"},"metadata":{"x-of-end":["2"]}}',
      "grpc-web": "grpc-status: 7\r\ngrpc-message: no\r\nx-of-end: 2\r\n",
    }[protocol];
    const { call } = await answered(protocol, (to) => {
      to.head({ more: { "x-of-header": "1" } });
      to.write(Buffer.concat([framed("a"), frame(Buffer.from(refused), { flags: endFlags[protocol] })]));
      to.stop();
    });
    expect(textOf(await call.next())).toBe("a");
    const error = await call.next().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: Code.PermissionDenied, rawMessage: "no" });
    const { metadata } = error as { readonly metadata: Headers };
    expect([metadata.get("x-of-header"), metadata.get("x-of-end")]).toEqual(["1", "2"]);
  });

  it("lets a server wait that nobody reads from, and goes on where it stopped", async () => {
    const one = framed("x".repeat(99_000));
    const most = 400;
    let sent = 0;
    const { call } = await answered(protocol, async (to) => {
      to.head();
      while (sent < most && !to.signal.aborted) {
        sent++;
        await to.write(one);
      }
      to.write(endFrame);
      to.stop();
    });
    let before = -1;
    while (sent !== before) {
      before = sent;
      for (let i = 0; i < 50; i++) await settle();
    }
    expect(sent).toBeLessThan(most);
    expect((await rest(call)).map((text) => text?.length)).toEqual(Array.from({ length: most }, () => 99_000));
  });
});

it("a header of gRPC-Web that says that all is well is the whole answer", async () => {
  const head = { more: { "grpc-status": "0" } };
  const { call } = await answered("grpc-web", (to) => {
    to.head(head);
    to.stop();
  });
  expect(await rest(call)).toEqual([]);
  const { call: longer } = await answered("grpc-web", (to) => {
    to.head(head);
    to.write(framed("a"));
    to.stop();
  });
  await expect(longer.next()).rejects.toMatchObject({
    code: Code.Internal,
    rawMessage: expect.stringMatching(/bytes behind the end/),
  });
});
