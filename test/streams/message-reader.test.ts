import { Code, ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageReader } from "../../functions/upstream/message-reader.ts";

const mostBytes = 1_000;

/** A reader of texts, over chunks that come when they are asked for. */
function reading(chunks: readonly Uint8Array[], chunk: (i: number) => void = () => {}) {
  const ends: unknown[] = [];
  const parse = (bytes: Uint8Array) => {
    const text = Buffer.from(bytes).toString();
    if (text === "unreadable") throw new ConnectError("parse binary", Code.Internal);
    return text;
  };
  const reader = new MessageReader(parse, { mostBytes, onEnd: (error) => ends.push(error) });
  async function* body() {
    for (const [i, one] of chunks.entries()) {
      chunk(i);
      yield one;
    }
    reader.assertWhole();
  }
  const messages = reader.over(body());
  return { reader, messages, ends };
}

const framed = (text: string, flags = 0) => encodeEnvelope(flags, Buffer.from(text));

async function all({ messages }: ReturnType<typeof reading>): Promise<string[]> {
  const found: string[] = [];
  for (let next = await messages.next(); !next.done; next = await messages.next()) found.push(next.value);
  return found;
}

/** Cuts bytes at the given places. */
function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...cuts, bytes.length].map((end, i) => bytes.subarray(cuts[i - 1] ?? 0, end));
}

describe("the messages in the body of a gRPC answer", () => {
  it("are the same wherever the chunks are cut, and some of them empty", async () => {
    const texts = fc.array(
      fc.string({ maxLength: 300 }).filter((text) => text !== "unreadable"),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(texts, fc.array(fc.nat(), { maxLength: 40 }), async (given, places) => {
        const given1000 = given.filter((text) => Buffer.byteLength(text) <= mostBytes);
        const body = Buffer.concat(given1000.map((text) => framed(text)));
        const read = reading(cutAt(body, places));
        expect(await all(read)).toEqual(given1000);
        expect(read.ends).toEqual([undefined]);
      }),
    );
  });

  it("come in order to readers who do not wait for each other", async () => {
    const { messages } = reading([framed("a"), framed("b").subarray(0, 2), framed("b").subarray(2), framed("c")]);
    const read = await Promise.all([messages.next(), messages.next(), messages.next(), messages.next()]);
    expect(read.map(({ value }) => value)).toEqual(["a", "b", "c", undefined]);
  });

  it("can be taken as long as they have come already, without the next chunk", async () => {
    const asked: number[] = [];
    const body = Buffer.concat(["a", "b", "c"].map((text) => framed(text)));
    const { reader, messages } = reading([body.subarray(0, 14), body.subarray(14)], (i) => asked.push(i));
    expect(reader.take()).toBeUndefined();
    expect((await messages.next()).value).toBe("a");
    expect([reader.take(), reader.take()]).toEqual(["b", undefined]);
    expect(asked).toEqual([0]);
    expect((await messages.next()).value).toBe("c");
  });

  it.each([
    ["ends in the middle of a message", [framed("abc").subarray(0, 6)], /incomplete envelope/],
    ["ends in the middle of a prefix", [framed("abc").subarray(0, 3)], /incomplete envelope/],
    ["has a compressed message", [framed("abc", 1)], /received a compressed message/],
    ["has flags that gRPC does not know", [framed("abc", 128)], /flags 128/],
    [
      "has a message that is too large",
      [framed("x".repeat(1_001)).subarray(0, 8)],
      /at most 1000 bytes, received 1001/,
    ],
    ["has a message that cannot be parsed", [framed("unreadable")], /parse binary/],
  ])("fail if it %s, behind those that are whole", async (_what, chunks, error) => {
    const read = reading([framed("first"), ...chunks]);
    expect((await read.messages.next()).value).toBe("first");
    await expect(read.messages.next()).rejects.toThrow(error);
    expect(read.ends).toEqual([expect.objectContaining({ code: Code.Internal })]);
  });
});
