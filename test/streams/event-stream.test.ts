import { createServer } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { type Address, declarationOf, type Stream } from "../../functions/contract/stream.ts";
import { type EventId, eventId } from "../../functions/contract/tail.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { systemClock } from "../../functions/foundation/clock.ts";
import { uuidText } from "../../functions/nog/index.ts";
import { runBatch } from "../../functions/queue/batch.ts";
import { startTask } from "../../functions/run/start.ts";
import { connectUpstream, type UpstreamConnection } from "../../functions/upstream/connection.ts";
import { openEventStream } from "../../functions/upstream/event-stream.ts";
import type { Upstream as Settings } from "../../functions/upstream/upstream.ts";
import { MemoryAlarms } from "../../functions/wake/memory.ts";
import { memoryPorts } from "../support/ports.ts";
import { settle, TestClock } from "../support/test-clock.ts";
import { busEvent } from "../support/world.ts";
import { protocolNames, start } from "../upstream/harness.ts";
import { idsIn, kinds, repoKind } from "./kinds.ts";

async function connected(protocol: Settings["protocol"], more: Partial<Settings> = {}, options = {}) {
  const { upstream } = await start(options);
  const baseUrl = protocol === "grpc" ? upstream.grpcUrl : upstream.webUrl;
  return { upstream, connection: connectUpstream({ baseUrl, protocol, ...more }) };
}

function opening(connection: UpstreamConnection, stream: Stream, address: Address, after?: EventId) {
  const controller = new AbortController();
  const opened = openEventStream({
    connection,
    declaration: declarationOf(stream),
    address,
    position: { after, watch: false },
    signal: controller.signal,
    clock: systemClock,
    random: () => 0,
  });
  return { controller, opened };
}

describe.each(protocolNames)("an event stream over %s", (protocol) => {
  it.each(kinds)("has the events of a $stream.kind from epoch, or after a tail, up to the head", async (kind) => {
    const { upstream, connection } = await connected(protocol);
    kind.served.append(upstream, 5);
    const history = idsIn(upstream, kind);
    for (const after of [undefined, eventId(history[1] ?? "")]) {
      const stream = await opening(connection, kind.stream, kind.address, after).opened;
      const ids: string[] = [];
      for await (const { id } of stream) ids.push(id);
      expect(ids).toEqual(after ? history.slice(2) : history);
      expect(stream).toMatchObject({ delivered: ids.length, empty: false });
      stream.close();
      const batched = await opening(connection, kind.stream, kind.address, after).opened;
      const again: string[] = [];
      for await (const { events } of batched.batches()) again.push(...events.map(({ id }) => id));
      expect(again).toEqual(ids);
      batched.close();
    }
    const head = await opening(connection, kind.stream, kind.address, eventId(history.at(-1) ?? "")).opened;
    expect(head.empty).toBe(true);
    head.close();
    connection.close();
  });

  it.each(kinds)("of a $stream.kind shows an unknown tail as its kind declares (rule 18)", async (kind) => {
    const { upstream, connection } = await connected(protocol);
    kind.served.append(upstream, 2);
    const { opened } = opening(connection, kind.stream, kind.address, eventId("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    const result = await opened.catch((error: unknown) => error);
    if (kind.served.unknownAfter === undefined) {
      expect(result).toMatchObject({ empty: true });
      if ("close" in Object(result)) (result as { close(): void }).close();
    } else {
      const { tailUnknown } = declarationOf(kind.stream).definition;
      if (tailUnknown === "silent") throw new Error("the kind does not know that its server speaks");
      expect(tailUnknown(ConnectError.from(result))).toBe(true);
      expect(tailUnknown(new ConnectError("something else", Code.Unknown))).toBe(false);
    }
    connection.close();
  });

  it("ends quietly when our own signal aborts, and ends on the server when it is closed", async () => {
    const { upstream, connection } = await connected(protocol);
    const kind = repoKind;
    kind.served.append(upstream, 500);
    const aborted = opening(connection, kind.stream, kind.address);
    let seen = 0;
    for await (const _ of await aborted.opened) {
      if (++seen === 3) aborted.controller.abort();
    }
    expect(seen).toBe(3);

    const left = await opening(connection, kind.stream, kind.address).opened;
    for await (const _ of left) break;
    left.close();
    while (upstream.openCalls > 0) await settle();
    connection.close();
  });

  it("from a server that goes away throws, or is complete: it never just ends early (T1)", async () => {
    const { upstream, connection } = await connected(protocol);
    const kind = repoKind;
    kind.served.append(upstream, 20_000);
    const history = upstream.journal.read(kind.served.history).length;
    const stream = await opening(connection, kind.stream, kind.address).opened;
    let closing: Promise<void> | undefined;
    const reading = (async () => {
      for await (const { id } of stream) if (id) closing ??= upstream.close();
      return stream.delivered;
    })();
    const result = await reading.catch((error: unknown) => error);
    if (typeof result === "number") expect(result).toBe(history);
    else expect(result).toBeInstanceOf(ConnectError);
    stream.close();
    await closing;
    connection.close();
  });

  it("sends the token as it is, asks for another once when it is refused, and never prints it", async () => {
    const given: string[] = [];
    const authorization = async () => {
      given.push(given.length === 0 ? "expired-token" : "fresh-token");
      return given.at(-1) ?? "";
    };
    const { upstream, connection } = await connected(protocol, { authorization }, { token: "fresh-token" });
    const kind = repoKind;
    const stream = await opening(connection, kind.stream, kind.address).opened;
    expect(stream.empty).toBe(false);
    stream.close();
    expect(given).toEqual(["expired-token", "fresh-token"]);

    const baseUrl = protocol === "grpc" ? upstream.grpcUrl : upstream.webUrl;
    const wrong = connectUpstream({ baseUrl, protocol, authorization: async () => "wrong-token" });
    const refused = await opening(wrong, kind.stream, kind.address).opened.catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: Code.Unauthenticated });
    expect(String(refused)).not.toContain("wrong-token");
    wrong.close();
    connection.close();
  });

  it("to a port where nobody listens fails within a few tries", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const connection = connectUpstream({ baseUrl: `http://127.0.0.1:${port}`, protocol });
    const kind = repoKind;
    const failed = await opening(connection, kind.stream, kind.address).opened.catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ConnectError);
    connection.close();
  });
});

describe("an activity of each of the five kinds", () => {
  it.each(kinds)("$stream.kind: sees the events after its tail, once each, by signals (T1)", async (kind) => {
    const { upstream, connection } = await connected("grpc");
    const runs: string[][] = [];
    const activity = defineProcessor(kind.stream, {
      name: "reader",
      async processEvents(run, stream) {
        const ids: string[] = [];
        runs.push(ids);
        let tail = run.tail;
        for await (const { id } of stream) {
          ids.push(id);
          tail = id;
        }
        return caughtUp(tail);
      },
    });
    const clock = new TestClock();
    const alarms = new MemoryAlarms(clock);
    const log: string[] = [];
    const line = (message: string) => void log.push(message);
    const ports = memoryPorts({
      activities: [lazy(activity)],
      alarms,
      clock,
      log: { debug: line, info: line, warn: line, error: line },
      upstream: connection,
    });
    const hardEnd = clock.now() + 120_000;
    const { signal } = new AbortController();
    const invocation = { signal, deadline: hardEnd - 8_000, abandonAt: hardEnd - 3_000, hardEnd, abandoned() {} };
    const deliver = async (messages: Parameters<typeof alarms.send>[0]) => {
      const deliveries = messages.map((message, i) => ({ id: `m${i}`, body: busEvent(message) }));
      expect([...(await runBatch(ports, deliveries, invocation)).values()]).toEqual([]);
    };
    kind.served.append(upstream, 3);
    const { key } = await startTask(ports, activity, kind.address as never);
    // A signal names the history's own id: it finds the task.
    const entity = uuidText(kind.served.history, "history");
    expect(key.entity).toBe(entity);
    await deliver(alarms.take());
    kind.served.append(upstream, 2);
    await deliver([{ class: "signal", entity }]);
    const history = idsIn(upstream, kind);
    expect(runs).toEqual([history.slice(0, -2), history.slice(-2)]);
    expect(await ports.store.get(key)).toMatchObject({ status: "sleeping", tail: history.at(-1) });
    expect(log).toEqual(["progressed", "progressed"]);
    connection.close();
  });
});
