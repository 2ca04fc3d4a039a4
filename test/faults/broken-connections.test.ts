import { describe, expect, it } from "vitest";
import { protocolNames } from "../upstream/harness.ts";
import { caughtUpBehindGate } from "./faulty-world.ts";
import { http2Frame, noise, saying, type Target } from "./raw-servers.ts";

const settings = http2Frame(4, 0, 0, new Uint8Array());
/** The start of the headers of stream 1: status 200, and a header `x` whose value has 2^28 bytes. */
const headBegins = http2Frame(1, 0, 1, Uint8Array.of(0x88, 0x00, 0x01, 0x78, 0x7f, 0x80, 0xff, 0xff, 0xff, 0x07));
const headGoesOn = (length: number) => http2Frame(9, 0, 1, Buffer.alloc(length, "a"));
const silence = /no message for more than 2000 ms/;
/** Node 20 reports nothing for a header that it cannot read. */
const badHeader = /no message for more than 2000 ms|Protocol error/;

interface Fault {
  readonly name: string;
  /** The fault for a client of HTTP/2, and its error. */
  readonly http2: readonly [Target, RegExp];
  readonly http1: readonly [Target, RegExp];
}

const both = (target: Target, http2: RegExp, http1: RegExp) => ({
  http2: [target, http2] as const,
  http1: [target, http1] as const,
});

const faults: readonly Fault[] = [
  ...[1, 2, 3].map((number) => ({
    name: `sends noise (${number})`,
    ...both(saying(noise(number)), /Protocol error/, /does not match the HTTP\/1.1 protocol/),
  })),
  {
    name: "speaks the other version of HTTP",
    http2: [saying("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"), /Protocol error/],
    http1: [saying(settings), /does not match the HTTP\/1.1 protocol/],
  },
  {
    name: "speaks TLS",
    ...both(saying(Uint8Array.of(21, 3, 1, 0, 2, 2, 70)), silence, /does not match the HTTP/),
  },
  {
    name: "closes each connection",
    ...both((socket) => void socket.destroy(), /stream closed|ECONNRESET/, /other side closed|ECONNRESET/),
  },
  {
    name: "resets each connection",
    ...both((socket) => void socket.resetAndDestroy(), /stream closed|ECONNRESET/, /other side closed|ECONNRESET/),
  },
  {
    name: "resets each connection once it has the request",
    ...both(
      (socket) => void socket.once("data", () => socket.resetAndDestroy()),
      /stream closed|ECONNRESET/,
      /other side closed|ECONNRESET/,
    ),
  },
  {
    name: "sends a header without an end, fast",
    http2: [saying(Buffer.concat([settings, headBegins]), headGoesOn(10_000)), badHeader],
    http1: [saying("HTTP/1.1 200 OK\r\nx: ", "a".repeat(10_000)), /Headers Overflow/],
  },
  {
    name: "sends nothing but headers, without an end",
    http2: [saying(settings, settings), /Flooding was detected/],
    http1: [saying("HTTP/1.1 200 OK\r\n", "x: a\r\n".repeat(1_000)), /Headers Overflow/],
  },
  {
    name: "sends a header without an end, slowly",
    http2: [saying(Buffer.concat([settings, headBegins]), headGoesOn(1), "slow"), badHeader],
    http1: [saying("HTTP/1.1 200 OK\r\nx: ", "a", "slow"), silence],
  },
];

describe.each(protocolNames)("a server of %s that", (protocol) => {
  it.each(faults.map((fault) => [fault.name, protocol === "grpc" ? fault.http2 : fault.http1] as const))(
    "%s: retry with the error, at the tail that it had (T1)",
    async (_name, [target, error]) => {
      const { gate, world, history, tail, expectRepaired } = await caughtUpBehindGate(protocol);
      await gate.redirect(target);
      await world.again();
      expect(world.seen).toEqual(history.slice(0, 3));
      await world.expectFailed(error, { tail });
      expect(world.connection.health.failures).toBe(1);
      expect(await world.breaker()).toBeUndefined();
      await expectRepaired();
    },
  );
});
