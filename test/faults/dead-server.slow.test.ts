import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { epoch } from "../../functions/contract/tail.ts";
import { protocolNames } from "../upstream/harness.ts";
import {
  eventually,
  FaultyWorld,
  historyOf,
  NogProcess,
  remove,
  seededDirectory,
  startNog,
  urlOf,
} from "./faulty-world.ts";
import { freePort } from "./raw-servers.ts";

/** Together more than the sockets between two processes hold: whoever stops in the middle has not sent the end. */
const events = 700;
const eventBytes = 64_000;
/** Where the server stops. */
const middle = 50;

let large: { readonly dataDir: string; readonly history: string[] };
let small: typeof large;

beforeAll(async () => {
  large = await seededDirectory(events, eventBytes);
  small = await seededDirectory(20);
});

afterAll(() => {
  remove(large.dataDir);
  remove(small.dataDir);
});

/** How a dead server shows, by protocol (facts, toolchain 2.3). */
const died = /http\/2 stream closed|ECONNRESET|terminated/;

describe.each(protocolNames)("a server of %s", (protocol) => {
  /** Pings find out over HTTP/2, in the others nothing but time. */
  const impatient =
    protocol === "grpc"
      ? { times: { silenceMs: 60_000, pingTimeoutMs: 250 }, notices: /PING timed out/ }
      : { times: { silenceMs: 300 }, notices: /no message for more than 300 ms/ };
  /** Who freezes them lets them go on in the end. */
  let many: NogProcess;
  let few: NogProcess;

  beforeAll(async () => {
    many = await NogProcess.start(large.dataDir);
    few = await NogProcess.start(small.dataDir);
  });

  afterAll(async () => {
    await many.end();
    await few.end();
  });

  function frozen(nog: NogProcess): void {
    nog.stop();
    onTestFinished(() => nog.goOn());
  }

  const patient = { silenceMs: 60_000, pingIntervalMs: 60_000 };

  it("that is killed in the middle of a stream: retry with the error, then on from there (T1)", async () => {
    const world = new FaultyWorld({ protocol, baseUrl: urlOf(protocol, many), times: patient });
    let killed: Promise<void> | undefined;
    world.onEvent = (count) => {
      if (count === middle) killed = many.end();
    };
    await world.first();
    await killed;
    expect(world.seen.length).toBeGreaterThanOrEqual(middle);
    expect(world.seen.length).toBeLessThan(events);
    await world.expectFailed(died);
    // One task that fails is no upstream that is out.
    expect(world.connection.health.failures).toBe(1);
    expect(await world.breaker()).toBeUndefined();

    many = await NogProcess.start(large.dataDir, [], many);
    await world.expectRepaired(large.history);
  });

  it("that shuts down in the middle of a stream says so: retry with the error, then on from there (T1)", async () => {
    const before = await startNog(0, { dataDir: large.dataDir });
    const world = new FaultyWorld({ protocol, baseUrl: urlOf(protocol, before), nog: before, times: patient });
    let closing: Promise<void> | undefined;
    world.onEvent = (count) => {
      if (count === middle) closing = before.close();
    };
    await world.first();
    await closing;
    expect(world.seen.length).toBeGreaterThanOrEqual(middle);
    expect(world.seen.length).toBeLessThan(events);
    await world.expectFailed(/^\[unavailable\] shutdown$/);
    expect(world.connection.health.failures).toBe(1);

    const port = (url: string) => Number(new URL(url).port);
    const ports = { port: port(before.grpcUrl), webPort: port(before.webUrl) };
    await startNog(0, { dataDir: large.dataDir, ...ports });
    await world.expectRepaired(large.history);
  });

  it("that is frozen in the middle of a stream: given up after a while, then on from there (T1)", async () => {
    const world = new FaultyWorld({ protocol, baseUrl: urlOf(protocol, many), times: impatient.times });
    world.onEvent = (count) => {
      if (count === middle) frozen(many);
    };
    await world.first();
    expect(world.seen.length).toBeGreaterThanOrEqual(middle);
    expect(world.seen.length).toBeLessThan(events);
    await world.expectFailed(impatient.notices);
    expect(world.connection.health.failures).toBe(1);
    expect(await world.breaker()).toBeUndefined();

    many.goOn();
    await world.expectRepaired(large.history);
  });

  it("that is frozen when the stream is to open: given up after a while, and the activity is not started", async () => {
    const world = new FaultyWorld({ protocol, baseUrl: urlOf(protocol, few), times: impatient.times });
    frozen(few);
    await world.first();
    expect(world.passes).toEqual([]);
    await world.expectFailed(impatient.notices, { tail: epoch });
    expect(world.connection.health.failures).toBe(1);

    few.goOn();
    await world.expectRepaired(small.history);
  });

  it("that is frozen for longer than the invocation lasts: handed over, without a word", async () => {
    const world = new FaultyWorld({ protocol, baseUrl: urlOf(protocol, many), times: patient });
    world.onEvent = (count) => {
      if (count === middle) frozen(many);
    };
    const run = world.first();
    // It has read all that was on the way.
    let before = 0;
    await eventually(() => {
      const isAtRest = before >= middle && world.seen.length === before;
      before = world.seen.length;
      return isAtRest;
    });
    world.timeIsUp();
    await run;
    expect(world.seen.length).toBeGreaterThanOrEqual(middle);
    expect(world.seen.length).toBeLessThan(events);
    expect(await world.record()).toMatchObject({ status: "ready", tail: world.seen.at(-1), attempts: 0 });
    expect(world.lines("warn", "error")).toEqual([]);

    many.goOn();
    await world.deliver(world.ports.alarms.take());
    await world.expectWhole(large.history);
  });

  it("that is not there: tried again for a moment, then retry with the error", async () => {
    const port = await freePort();
    const world = new FaultyWorld({ protocol, baseUrl: `http://127.0.0.1:${port}`, hurry: 10 });
    await world.first();
    expect(world.passes).toEqual([]);
    await world.expectFailed(/ECONNREFUSED/, { tail: epoch });
    expect(world.opens).toHaveLength(3);
    expect(world.connection.health.failures).toBe(1);
    expect(await world.breaker()).toBeUndefined();

    const nog = await startNog(5, protocol === "grpc" ? { port } : { webPort: port });
    await world.expectRepaired(historyOf(nog));
  });
});
