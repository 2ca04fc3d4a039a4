import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { idKey, newEventId, zeroId } from "../../local/upstream/ids.ts";
import { collect, expectFailure, failure, protocolNames, protocols, start, until, Watch } from "./harness.ts";
import { type StreamKind, type StreamMessage, streamKinds } from "./stream-kinds.ts";

const willBlock = { events: [], willBlock: true };

function ids(messages: readonly StreamMessage[]): string[] {
  return messages.flatMap((message) => message.events.map((event) => idKey(event.id)));
}

describe.each(protocolNames)("over %s", (protocol) => {
  describe.each(streamKinds)("$name", (kind: StreamKind) => {
    async function open() {
      const { upstream, clock } = await start();
      kind.append(upstream, 3);
      const stored = upstream.journal.read(kind.history);
      const transport = protocols[protocol](upstream);
      return { upstream, clock, transport, stored, storedIds: stored.map((event) => idKey(event.id)) };
    }

    test("sends all events from the epoch, one per message, chained from 16 zero bytes, and ends", async () => {
      const { transport, stored } = await open();
      const messages = await collect(kind.open(transport, {}));
      expect(messages).toHaveLength(stored.length);
      let parent = zeroId;
      for (const [i, message] of messages.entries()) {
        expect(message).toMatchObject({ ...kind.echo, willBlock: false });
        expect(message.events).toHaveLength(1);
        expect(message.events[0]).toMatchObject({ id: stored[i]?.id, parent });
        parent = stored[i]?.id ?? zeroId;
      }
    });

    test("takes 16 zero bytes as the epoch and sends what is behind a known event", async () => {
      const { transport, stored, storedIds } = await open();
      expect(ids(await collect(kind.open(transport, { after: zeroId })))).toEqual(storedIds);
      for (const [i, event] of stored.entries()) {
        expect(ids(await collect(kind.open(transport, { after: event.id })))).toEqual(storedIds.slice(i + 1));
      }
    });

    test("refuses a malformed after and treats an unknown one as its kind does", async () => {
      const { transport } = await open();
      for (const after of [new Uint8Array(15), new Uint8Array(17)]) {
        await expectFailure(kind.open(transport, { after }), Code.InvalidArgument, "malformed after");
      }
      const unknown = kind.open(transport, { after: newEventId(0) });
      if (kind.unknownAfter) await expectFailure(unknown, Code.Unknown, kind.unknownAfter);
      else expect(await collect(unknown)).toEqual([]);
    });

    test("watches: events, will_block, then updates and heartbeats, each with will_block", async () => {
      const { upstream, clock, transport, storedIds } = await open();
      const abort = new AbortController();
      const watch = new Watch(kind.open(transport, { watch: true }, abort.signal));
      for (const id of storedIds) expect(ids([await watch.next()])).toEqual([id]);
      expect(await watch.next()).toMatchObject({ ...kind.echo, ...willBlock });

      await until(() => clock.sleeping === 1);
      kind.append(upstream, 2);
      const added = upstream.journal.read(kind.history).slice(storedIds.length);
      expect(ids([await watch.next(), await watch.next()])).toEqual(added.map((event) => idKey(event.id)));
      expect(await watch.next()).toMatchObject(willBlock);

      for (let beat = 0; beat < 2; beat++) {
        await until(() => clock.sleeping === 1);
        await clock.advance(10_000);
        expect(await watch.next()).toMatchObject({ ...kind.echo, ...willBlock });
      }
      abort.abort();
      expect((await failure(watch.rest())).code).toBe(Code.Canceled);
    });

    test("ends on the server at once when the client aborts", async () => {
      const { upstream, clock, transport, storedIds } = await open();
      const abort = new AbortController();
      const watch = new Watch(kind.open(transport, { watch: true }, abort.signal));
      for (let i = 0; i <= storedIds.length; i++) await watch.next();
      await until(() => clock.sleeping === 1);
      expect(upstream.openCalls).toBe(1);
      abort.abort();
      await until(() => upstream.openCalls === 0 && clock.sleeping === 0);
      expect((await failure(watch.rest())).code).toBe(Code.Canceled);
    });

    test("answers an open watch with Unavailable on shutdown", async () => {
      const { upstream, transport, storedIds } = await open();
      const watch = new Watch(kind.open(transport, { watch: true }));
      for (let i = 0; i <= storedIds.length; i++) await watch.next();
      const [error] = await Promise.all([failure(watch.rest()), upstream.close()]);
      expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "shutdown" });
    });

    test("of a deleted history sends nothing, whatever after is, and only will_block to a watch", async () => {
      const { upstream, transport, stored } = await open();
      if (kind.name !== "Repos.Events") {
        upstream.seed.deleteHistory(kind.history);
        expect(await collect(kind.open(transport, {}))).toEqual([]);
        for (const after of [stored[0]?.id ?? zeroId, newEventId(0)]) {
          expect(await collect(kind.open(transport, { after }))).toEqual([]);
        }
        const abort = new AbortController();
        const watch = new Watch(kind.open(transport, { watch: true }, abort.signal));
        expect(await watch.next()).toMatchObject(willBlock);
        abort.abort();
        await failure(watch.rest());
      } else {
        upstream.seed.deleteHistory(kind.history);
        await expectFailure(kind.open(transport, {}), Code.Unknown, "repos error: uninitialized repo");
      }
    });
  });
});

describe.each(streamKinds)("$name", (kind) => {
  test("batches events when told so", async () => {
    const { upstream } = await start({ eventsPerMessage: 2 });
    kind.append(upstream, 3);
    const stored = upstream.journal.read(kind.history);
    const messages = await collect(kind.open(protocols.grpc(upstream), { after: stored.at(-4)?.id ?? zeroId }));
    expect(messages.map((message) => message.events.length)).toEqual([2, 1]);
  });

  test("an unknown after of a watch stays silent or fails, as its kind does", async () => {
    const { upstream } = await start();
    kind.append(upstream, 3);
    const abort = new AbortController();
    const stream = kind.open(protocols.connect(upstream), { after: newEventId(0), watch: true }, abort.signal);
    if (kind.unknownAfter) {
      await expectFailure(stream, Code.Unknown, kind.unknownAfter);
      return;
    }
    const watch = new Watch(stream);
    expect(await watch.next()).toMatchObject(willBlock);
    kind.append(upstream, 1);
    expect(await watch.next()).toMatchObject(willBlock);
    abort.abort();
    await failure(watch.rest());
  });

  test("shows the events of one commit together and misses none that comes while it sends", async () => {
    const { upstream } = await start();
    kind.append(upstream, 1);
    const abort = new AbortController();
    const watch = new Watch(kind.open(protocols.grpc(upstream), { watch: true }, abort.signal));
    const seen: string[] = [];
    const collecting = (async () => {
      for (;;) {
        const message = await watch.next();
        seen.push(...ids([message]));
        if (
          seen.length >= upstream.journal.read(kind.history).length &&
          upstream.journal.read(kind.history).length > 90
        )
          return;
      }
    })();
    for (let round = 0; round < 10; round++) {
      kind.append(upstream, 9);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await collecting;
    expect(seen).toEqual(upstream.journal.read(kind.history).map((event) => idKey(event.id)));
    abort.abort();
    await failure(watch.rest());
  });
});
