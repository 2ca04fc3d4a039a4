import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import type { EventId } from "../../functions/contract/tail.ts";
import { systemClock } from "../../functions/foundation/clock.ts";
import type { RepoEventsO } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { type Protocol, protocolNames } from "../upstream/harness.ts";
import { caughtUpBehindGate } from "./faulty-world.ts";
import { type Answer, answering, eventsAfter, frame, message, noise } from "./raw-servers.ts";

interface Fault {
  readonly name: string;
  /** The answer of the server instead of the next events. */
  answer(to: Answer, next: RepoEventsO["events"]): unknown;
  /** The expected error, for all protocols or for each. */
  readonly error: RegExp | Readonly<Record<Protocol, RegExp>>;
  /** Number of events before the fault; default 0. */
  readonly handed?: number;
  /** Number of times that the stream is opened; default 1. */
  readonly opens?: number;
  /** Whether it counts as a failure of the upstream; default false. */
  readonly isUpstreamFailure?: boolean | Readonly<Record<Protocol, boolean>>;
}

const page = Buffer.from(`<html><body>${"Bad Gateway ".repeat(100)}</body></html>`);
const html = (status: number) => (to: Answer) => {
  to.head({ status, contentType: "text/html" });
  to.write(page);
  to.stop();
};
const incomplete = /incomplete envelope/;
const tooLarge = /at most 67108864 bytes, received 42949672\d\d/;
const silence = /no message for more than 2000 ms/;

/** One valid event, then an invalid part; the event is read before. */
const afterOne =
  (what: (to: Answer) => unknown) =>
  async (to: Answer, [first]: RepoEventsO["events"]) => {
    to.head();
    if (first) to.write(frame(message(first)));
    await systemClock.sleep(20, to.signal);
    what(to);
  };

const faults: readonly Fault[] = [
  {
    name: "half a message",
    answer(to, next) {
      to.head();
      to.write(frame(message(...next)).subarray(0, 20));
      to.stop();
    },
    error: incomplete,
  },
  {
    name: "half a message, and that all is well",
    async answer(to, next) {
      to.head();
      to.write(frame(message(...next)).subarray(0, 20));
      await systemClock.sleep(1);
      to.finish();
    },
    error: incomplete,
  },
  {
    name: "a message of four gigabytes that does not come",
    answer(to) {
      to.head();
      to.write(frame(new Uint8Array(10), { length: 0xffffffff }));
    },
    error: tooLarge,
  },
  {
    name: "a message of four gigabytes that ends",
    answer(to) {
      to.head();
      to.write(frame(new Uint8Array(10), { length: 0xfffffff0 }));
      to.stop();
    },
    error: tooLarge,
  },
  {
    name: "a page instead of messages",
    answer: html(200),
    error: { grpc: /content type text\/html/, connect: /content type text\/html/, "grpc-web": /flags 60/ },
  },
  { name: "HTTP 500 with a page", answer: html(500), error: /HTTP 500/ },
  { name: "HTTP 502 with a page", answer: html(502), error: /HTTP 502/, opens: 3, isUpstreamFailure: true },
  { name: "HTTP 429 with a page", answer: html(429), error: /HTTP 429/, opens: 3, isUpstreamFailure: true },
  { name: "HTTP 401 with a page", answer: html(401), error: /HTTP 401/, opens: 2, isUpstreamFailure: true },
  { name: "HTTP 404 with a page", answer: html(404), error: /HTTP 404/ },
  {
    name: "a message with an id of 15 bytes",
    answer(to, [first]) {
      to.head();
      const event = { ...first, id: new Uint8Array(15) } as RepoEventsO["events"][number];
      to.write(frame(message(event)));
      to.finish();
    },
    error: /RepoEvent\.id: expected 16 bytes, received 15/,
  },
  {
    name: "a message with an id of no bytes, behind a good one",
    answer(to, [first, second]) {
      to.head();
      if (first) to.write(frame(message(first)));
      to.write(frame(message({ ...second, id: new Uint8Array() } as RepoEventsO["events"][number])));
      to.finish();
    },
    error: /RepoEvent\.id: expected 16 bytes, received 0/,
    handed: 1,
  },
  {
    name: "bytes that are no message",
    answer(to) {
      to.head();
      to.write(frame(noise(7, 100)));
      to.finish();
    },
    error: /parse binary/,
  },
  {
    name: "messages without an end",
    answer(to, [first]) {
      to.head();
      if (first) to.write(frame(message(first)));
      to.stop();
    },
    error: { grpc: /missing status/, connect: /missing EndStreamResponse/, "grpc-web": /missing trailer/ },
    handed: 1,
    isUpstreamFailure: { grpc: false, connect: true, "grpc-web": true },
  },
  {
    name: "nothing at all, and no end",
    answer(to) {
      to.head();
      to.stop();
    },
    error: { grpc: /missing status/, connect: /missing EndStreamResponse/, "grpc-web": /missing trailer/ },
    isUpstreamFailure: { grpc: false, connect: true, "grpc-web": true },
  },
  {
    name: "an end that says nothing understandable",
    answer(to) {
      to.head();
      to.finish("maybe");
    },
    error: { grpc: /invalid grpc-status: maybe/, connect: /\[unknown\]/, "grpc-web": /invalid grpc-status: maybe/ },
  },
  {
    name: "an event, and then breaks off",
    answer: afterOne((to) => to.reset()),
    error: { grpc: /NGHTTP2_INTERNAL_ERROR/, connect: /terminated/, "grpc-web": /terminated/ },
    handed: 1,
    isUpstreamFailure: true,
  },
];

/** Faults that only HTTP/2 has, in the middle of a stream: RST_STREAM and GOAWAY with meaningful codes. */
const http2Faults: readonly Fault[] = [
  ...[
    [constants.NGHTTP2_PROTOCOL_ERROR, /PROTOCOL_ERROR/],
    [constants.NGHTTP2_STREAM_CLOSED, /STREAM_CLOSED/],
    [constants.NGHTTP2_REFUSED_STREAM, /REFUSED_STREAM/],
    [constants.NGHTTP2_CANCEL, /CANCEL/],
    [constants.NGHTTP2_ENHANCE_YOUR_CALM, /ENHANCE_YOUR_CALM/],
  ].map(([code, error]) => ({
    name: `an event, and RST_STREAM with code ${code}`,
    answer: afterOne((to) => to.reset(code as number)),
    error: error as RegExp,
    handed: 1,
    isUpstreamFailure: true,
  })),
  {
    name: "an event, and RST_STREAM as if all were well",
    answer: afterOne((to) => to.reset(constants.NGHTTP2_NO_ERROR)),
    error: /missing status/,
    handed: 1,
  },
  ...[constants.NGHTTP2_PROTOCOL_ERROR, constants.NGHTTP2_INTERNAL_ERROR].map((code) => ({
    name: `an event, and GOAWAY with code ${code}`,
    answer: afterOne((to) => to.goAway(code)),
    error: new RegExp(`Session closed with error code ${code}`),
    handed: 1,
    isUpstreamFailure: true,
  })),
  {
    name: "an event, and GOAWAY because of too many pings",
    answer: afterOne((to) => to.goAway(constants.NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings")),
    error: /Session closed with error code 11/,
    handed: 1,
    isUpstreamFailure: true,
  },
  {
    name: "an event, and a polite GOAWAY, and then nothing",
    answer: afterOne((to) => to.goAway(constants.NGHTTP2_NO_ERROR)),
    error: silence,
    handed: 1,
    isUpstreamFailure: true,
  },
];

describe.each(protocolNames)("a server of %s that answers with", (protocol) => {
  const all = protocol === "grpc" ? [...faults, ...http2Faults] : faults;

  it.each(all.map((fault) => [fault.name, fault] as const))(
    "%s: retry with the error, at the last event that was whole (T1)",
    async (_name, { answer, error, handed = 0, opens = 1, isUpstreamFailure = false }) => {
      const { nog, gate, world, history, expectRepaired } = await caughtUpBehindGate(protocol);
      const next = eventsAfter(nog).slice(3);
      await gate.redirect(answering(protocol, (to) => void answer(to, next)));
      const before = world.opens.length;
      await world.again();
      expect(world.seen).toEqual(history.slice(0, 3 + handed));
      await world.expectFailed("grpc" in error ? error[protocol] : error, { tail: history[2 + handed] as EventId });
      expect(world.opens.length - before).toBe(opens);
      const counts = typeof isUpstreamFailure === "boolean" ? isUpstreamFailure : isUpstreamFailure[protocol];
      expect(world.connection.health.failures).toBe(counts ? 1 : 0);
      expect(await world.breaker()).toBeUndefined();
      await expectRepaired();
    },
  );

  it("a redirect: does not follow it, which would show the token to somebody else", async () => {
    const { gate, world, expectRepaired, tail } = await caughtUpBehindGate(protocol);
    let redirected = 0;
    await gate.redirect(
      answering(protocol, (to) => {
        redirected++;
        to.head({ status: 307, contentType: "text/html", more: { location: `${gate.url}/elsewhere` } });
        to.stop();
      }),
    );
    await world.again();
    await world.expectFailed(/HTTP 307/, { tail });
    expect(redirected).toBe(1);
    await expectRepaired();
  });
});

it("the frames of these tests are those of a good server, where nothing is broken", async () => {
  for (const protocol of protocolNames) {
    const { nog, gate, world, history } = await caughtUpBehindGate(protocol);
    await gate.redirect(
      answering(protocol, (to) => {
        to.head();
        for (const event of eventsAfter(nog).slice(3)) to.write(frame(message(event)));
        to.finish();
      }),
    );
    await world.again();
    await world.expectWhole(history);
  }
});
