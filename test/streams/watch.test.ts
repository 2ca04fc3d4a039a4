import { describe, expect, it, onTestFinished } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { declarationOf } from "../../functions/contract/stream.ts";
import { type EventId, epoch, eventId } from "../../functions/contract/tail.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { systemClock } from "../../functions/foundation/clock.ts";
import { leadSignals } from "../../functions/leaders/signals.ts";
import { liveBroadcast } from "../../functions/nog/index.ts";
import { connectUpstream, type UpstreamConnection } from "../../functions/upstream/connection.ts";
import { type OpenStream, openEventStream } from "../../functions/upstream/event-stream.ts";
import { isSignal } from "../../functions/wake/wake.ts";
import type { UpstreamOptions } from "../../local/upstream/server.ts";
import { patienceMs } from "../support/patience.ts";
import { memoryPorts } from "../support/ports.ts";
import { type Protocol, protocolNames, start, until } from "../upstream/harness.ts";
import { idsIn, kinds, repoKind, type ServedKind } from "./kinds.ts";

async function connected(protocol: Protocol, options: UpstreamOptions = {}) {
  const fixture = await start(options);
  const { upstream } = fixture;
  const connection = connectUpstream({ baseUrl: protocol === "grpc" ? upstream.grpcUrl : upstream.webUrl, protocol });
  onTestFinished(() => connection.close());
  return { ...fixture, connection };
}

async function watching(connection: UpstreamConnection, { stream, address }: ServedKind, after?: EventId) {
  const controller = new AbortController();
  const opened = await openEventStream({
    connection,
    declaration: declarationOf(stream),
    address,
    position: { after, watch: true },
    signal: controller.signal,
    clock: systemClock,
    random: () => 0,
  });
  onTestFinished(() => opened.close());
  return { opened, controller };
}

/** One pass: what there is up to the head. */
async function readPass(stream: OpenStream, by: "events" | "batches"): Promise<string[]> {
  const ids: string[] = [];
  if (by === "events") for await (const { id } of stream) ids.push(id);
  else for await (const { events } of stream.batches()) ids.push(...events.map(({ id }) => id));
  return ids;
}

describe.each(protocolNames)("a watching stream over %s", (protocol) => {
  it.each(kinds)("of a $stream.kind is read in passes, each up to the head, on one call (rule 19)", async (kind) => {
    const { upstream, connection } = await connected(protocol);
    kind.served.append(upstream, 2);
    const { opened } = await watching(connection, kind);
    expect(opened.empty).toBe(false);
    const seen = await readPass(opened, "events");
    expect(seen).toEqual(idsIn(upstream, kind));
    expect(opened.continuesAfter(eventId(seen.at(-1) ?? ""))).toBe(true);
    for (const by of ["batches", "events"] as const) {
      const news = opened.untilNews();
      kind.served.append(upstream, 1);
      expect(await news).toBe("news");
      expect(opened.continuesAfter(eventId(seen.at(-1) ?? ""))).toBe(true);
      seen.push(...(await readPass(opened, by)));
    }
    expect(seen).toEqual(idsIn(upstream, kind));
    expect(upstream.openCalls).toBe(1);
  });

  it("opened at the head has nothing, and waits there", async () => {
    const { upstream, connection } = await connected(protocol);
    const head = eventId(idsIn(upstream, repoKind).at(-1) ?? "");
    const { opened } = await watching(connection, repoKind, head);
    expect(opened).toMatchObject({ empty: true });
    expect(opened.continuesAfter(head)).toBe(true);
    expect(opened.continuesAfter(epoch)).toBe(false);
    expect(await readPass(opened, "events")).toEqual([]);
    const news = opened.untilNews();
    repoKind.served.append(upstream, 1);
    expect(await news).toBe("news");
    expect(await readPass(opened, "batches")).toHaveLength(1);
  });

  it("that is not read up to the head passes it over, and does not go on after it", async () => {
    const { upstream, connection } = await connected(protocol);
    repoKind.served.append(upstream, 50);
    const { opened } = await watching(connection, repoKind);
    const news = opened.untilNews();
    await until(() => upstream.openCalls === 1);
    repoKind.served.append(upstream, 1);
    expect(await news).toBe("news");
    expect(opened.continuesAfter(epoch)).toBe(false);
  });

  it("lives on heartbeats", async () => {
    const { connection, clock } = await connected(protocol);
    const { opened } = await watching(connection, repoKind);
    await readPass(opened, "events");
    let ended: string | undefined;
    void opened.untilNews().then((end) => {
      ended = end;
    });
    for (let i = 0; i < 20; i++) await clock.advance(10_000);
    expect(ended).toBeUndefined();
    opened.close();
    await until(() => ended !== undefined);
    expect(ended).toBe("ended");
  });

  it("ends when our own signal aborts, at the head and before it, and on the server too", async () => {
    const { upstream, connection } = await connected(protocol);
    const first = await watching(connection, repoKind);
    await readPass(first.opened, "events");
    const news = first.opened.untilNews();
    first.controller.abort();
    expect(await news).toBe("ended");
    const second = await watching(connection, repoKind);
    second.controller.abort();
    expect(await readPass(second.opened, "events")).toEqual([]);
    await until(() => upstream.openCalls === 0);
  });

  it("of a server that goes away throws at the head", async () => {
    const { upstream, connection } = await connected(protocol);
    const { opened } = await watching(connection, repoKind);
    await readPass(opened, "events");
    const news = opened.untilNews();
    await Promise.all([upstream.close(), expect(news).rejects.toThrow()]);
  });
});

/** The signals are put together for a tenth of a second of real time. */
async function eventually(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + patienceMs; performance.now() < end; ) {
    if (holds()) return;
    await systemClock.sleep(10);
  }
  throw new Error("waited in vain");
}

describe.each(protocolNames)("the signals of a server over %s", (protocol) => {
  it("name the aggregate of each of the five kinds, as its tasks do", async () => {
    const { upstream, connection } = await connected(protocol);
    const silent = () => {};
    const activities = kinds.map(({ stream }) =>
      lazy(defineProcessor(stream, { name: "reader", processEvents: async (run) => caughtUp(run.tail) })),
    );
    const ports = memoryPorts({
      activities,
      clock: systemClock,
      log: { debug: silent, info: silent, warn: silent, error: silent },
      upstream: connection,
      signalSources: [liveBroadcast],
    });
    const controller = new AbortController();
    const hardEnd = systemClock.now() + 60_000;
    const invocation = { signal: controller.signal, deadline: hardEnd, abandonAt: hardEnd, hardEnd, abandoned() {} };
    const held = leadSignals(ports, invocation);
    await eventually(() => upstream.openCalls === 1);
    for (const kind of kinds) kind.served.append(upstream, 1);
    const expected = new Set(kinds.map(({ stream, address }) => declarationOf(stream).definition.entityId(address)));
    const forwarded = new Set<string>();
    await eventually(() => {
      for (const message of ports.alarms.take()) if (isSignal(message)) forwarded.add(message.entity);
      return [...expected].every((entity) => forwarded.has(entity));
    });
    controller.abort();
    expect(await held).toMatchObject({ ended: "handed over" });
    await eventually(() => upstream.openCalls === 0);
  });
});
