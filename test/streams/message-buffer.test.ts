import { Code } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageBuffer } from "../../functions/upstream/message-buffer.ts";

const maxBytes = 1_000;
const endFlags = 2;
const textsOf = (format: { readonly endFlags?: number } = {}) =>
  new MessageBuffer({ parse: (bytes) => Buffer.from(bytes).toString(), maxBytes, ...format });
const framed = (text: string, flags = 0) => encodeEnvelope(flags, Buffer.from(text));

/** What can be taken out of it now. */
function all(buffer: MessageBuffer<string>): string[] {
  const found: string[] = [];
  for (let next = buffer.take(); next !== undefined; next = buffer.take()) found.push(next);
  return found;
}

/** Cuts bytes at the given places. */
function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...cuts, bytes.length].map((end, i) => bytes.subarray(cuts[i - 1] ?? 0, end));
}

describe("the messages in the body of an answer", () => {
  it("are the same wherever the chunks are cut, some of them empty, and however many are there when one is taken", () => {
    const texts = fc.array(fc.string({ maxLength: 300 }), { maxLength: 12 });
    fc.assert(
      fc.property(
        texts,
        fc.array(fc.nat(), { maxLength: 40 }),
        fc.infiniteStream(fc.boolean()),
        (texts, places, waits) => {
          const given = texts.filter((text) => Buffer.byteLength(text) <= maxBytes);
          const buffer = textsOf();
          const found: string[] = [];
          for (const chunk of cutAt(Buffer.concat(given.map((text) => framed(text))), places)) {
            buffer.add(chunk);
            if (!waits.next().value) found.push(...all(buffer));
          }
          expect(buffer.endsWhole()).toBe(true);
          expect([...found, ...all(buffer)]).toEqual(given);
          expect(buffer.bytes).toBe(0);
        },
      ),
    );
  });

  it("come before the end, which stands behind the last one, wherever the chunks are cut", () => {
    const body = Buffer.concat([framed("abc"), framed(""), framed("de"), framed("all is well", endFlags)]);
    for (let cut = 1; cut < body.length; cut++) {
      const buffer = textsOf({ endFlags });
      const found: string[] = [];
      for (const chunk of cutAt(body, [cut])) {
        expect(buffer.end).toBeUndefined();
        buffer.add(chunk);
        found.push(...all(buffer));
      }
      expect(found).toEqual(["abc", "", "de"]);
      expect(Buffer.from(buffer.end ?? []).toString()).toBe("all is well");
      buffer.add(framed("more"));
      expect([buffer.take(), buffer.bytes]).toEqual([undefined, 9]);
    }
  });

  it("end whole only where a message ends, whether or not those before it were taken", () => {
    const body = Buffer.concat([framed("abc"), framed(""), framed("de")]);
    for (let bytes = 0; bytes <= body.length; bytes++) {
      const [taken, untaken] = [textsOf(), textsOf()];
      for (const buffer of [taken, untaken]) buffer.add(body.subarray(0, bytes));
      all(taken);
      const isEnd = [0, 8, 13, 20].includes(bytes);
      expect([taken.endsWhole(), untaken.endsWhole()], `${bytes} bytes`).toEqual([isEnd, isEnd]);
    }
  });

  it.each([
    ["compressed", framed("abc", 1), /received a compressed message/],
    ["under flags that gRPC does not know", framed("abc", 128), /flags 128/],
    ["too large", framed("x".repeat(1_001)).subarray(0, 8), /at most 1000 bytes, received 1001/],
  ])("cannot be taken if one is %s, behind those that can", (_what, chunk, error) => {
    const buffer = textsOf();
    buffer.add(Buffer.concat([framed("first"), chunk]));
    expect(buffer.take()).toBe("first");
    expect(() => buffer.take()).toThrow(expect.objectContaining({ code: Code.Internal }));
    expect(() => buffer.take()).toThrow(error);
  });
});
