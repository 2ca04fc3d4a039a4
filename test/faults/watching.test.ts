import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { defineStream } from "../../functions/contract/stream.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { ulidBytes, ulidText, uuidBytes } from "../../functions/nog/index.ts";
import { protocolNames } from "../upstream/harness.ts";
import {
  append,
  directory,
  eventually,
  FaultyWorld,
  historyOf,
  NogProcess,
  remove,
  seededDirectory,
  startNog,
  urlOf,
} from "./faulty-world.ts";
import { eventsAfter, Gate, scripted } from "./raw-servers.ts";

/** The events of a repo, from a server that says every so often that it lives. */
const repoWithBeats = (heartbeatMs: number) =>
  defineStream({
    kind: "repo-with-beats",
    upstream: "nog",
    method: Repos.method.events,
    address: ["repoId"],
    request: ({ repoId }, { after, watch }) => ({
      repo: uuidBytes(repoId, "repoId"),
      watch,
      ...(after === undefined ? {} : { after: ulidBytes(after, "after") }),
    }),
    read: ({ events, willBlock }) => ({
      events: events.map(({ id }) => ({ id: eventId(ulidText(id, "id")), event: undefined })),
      willBlock,
    }),
    heartbeatMs,
  });

const ended = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve));

describe.each(protocolNames)("a watched stream of a server of %s", (protocol) => {
  it("that restarts: opened again after the tail, without an error, and nothing is skipped (T1)", async () => {
    const dataDir = directory();
    onTestFinished(() => remove(dataDir));
    const before = await startNog(3, { dataDir });
    const world = new FaultyWorld({ protocol, baseUrl: urlOf(protocol, before), nog: before, engine: "eager" });
    await world.start();
    const leadership = world.lead();
    await eventually(() => world.seen.length === 3);
    append(before, 2);
    await eventually(() => world.seen.length === 5);

    const opens = world.opens.length;
    await before.close();
    // Wait until the client has tried to reconnect.
    await eventually(() => world.opens.length > opens);
    const port = (url: string) => Number(new URL(url).port);
    const ports = { port: port(before.grpcUrl), webPort: port(before.webUrl) };
    const after = await startNog(5, { dataDir, ...ports });
    append(after, 2);
    await eventually(() => world.seen.length === 7);
    append(after, 1);
    await eventually(() => world.seen.length === 8);

    expect(await leadership.end()).toMatchObject({ ended: "handed over", runs: 1 });
    world.expectInOrder(historyOf(after));
    expect(await world.record()).toMatchObject({ status: "ready", tail: world.seen.at(-1), attempts: 0 });
    expect(world.lines("warn", "error")).toEqual([]);
    await eventually(() => after.openCalls === 0);
  });

  it("whose connection is cut, again and again: opened again each time, without an error (T1)", async () => {
    const nog = await startNog(3);
    const gate = await Gate.open(urlOf(protocol, nog));
    const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog, engine: "eager", hurry: 10 });
    await world.start();
    const leadership = world.lead();
    for (let cuts = 0; cuts < 4; cuts++) {
      await eventually(() => world.seen.length === 3 + cuts && nog.openCalls === 1);
      await gate.redirect(urlOf(protocol, nog));
      append(nog, 1);
    }
    await eventually(() => world.seen.length === 7);
    expect(await leadership.end()).toMatchObject({ ended: "handed over", runs: 1 });
    world.expectInOrder(historyOf(nog));
    expect(world.lines("warn", "error")).toEqual([]);
  });

  it("that stays away: the run fails, and its leader runs the task again after the backoff (T7)", async () => {
    const nog = await startNog(3);
    const gate = await Gate.open(urlOf(protocol, nog));
    const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog, engine: "eager", hurry: 40 });
    await world.start();
    const leadership = world.lead();
    await eventually(() => world.seen.length === 3 && nog.openCalls === 1);
    await gate.redirect((socket) => void socket.resetAndDestroy());
    append(nog, 2);
    await eventually(async () => (await world.record()).status === "retrying");
    await world.expectFailed(/ECONNRESET|other side closed|stream closed/);

    await gate.redirect(urlOf(protocol, nog));
    await eventually(() => world.seen.length === 5);
    expect(await leadership.end()).toMatchObject({ ended: "handed over", runs: 2 });
    world.expectInOrder(historyOf(nog));
    expect(await world.record()).toMatchObject({ status: "ready", tail: world.seen.at(-1), attempts: 0 });
    expect(world.lines("warn", "error")).toEqual(["error failed"]);
  });

  it("that does not beat any more: opened again after three beats, and nothing is skipped (T1)", async () => {
    const nog = await startNog(3, { heartbeatMs: 50 });
    const calls: { watch: boolean; after: string }[] = [];
    const gate = await Gate.open(
      scripted(protocol, async function* ({ after, watch }, { signal }) {
        calls.push({ watch, after: after.length === 0 ? "" : ulidText(after, "id") });
        for (const event of eventsAfter(nog, after)) yield { events: [event] };
        yield { willBlock: true };
        // The server is alive, but has lost this call.
        await ended(signal);
      }),
    );
    const world = new FaultyWorld({
      protocol,
      baseUrl: gate.url,
      nog,
      engine: "eager",
      stream: repoWithBeats(100),
      times: { silenceMs: 20_000 },
    });
    await world.start();
    const leadership = world.lead();
    await eventually(() => world.seen.length === 3);
    append(nog, 2);
    await eventually(() => world.seen.length === 5);
    expect(calls).toEqual([
      { watch: true, after: "" },
      { watch: true, after: world.seen[2] },
    ]);
    const [first = 0, second = 0] = world.opens;
    expect(second - first).toBeGreaterThanOrEqual(300);

    // With heartbeats the stream stays open.
    await gate.redirect(urlOf(protocol, nog));
    append(nog, 1);
    await eventually(() => world.seen.length === 6 && nog.openCalls === 1);
    const opens = world.opens.length;
    append(nog, 1);
    const since = world.clock.now();
    await eventually(() => world.seen.length === 7 && world.clock.now() - since > 400);
    expect(world.opens).toHaveLength(opens);
    expect(await leadership.end()).toMatchObject({ ended: "handed over", runs: 1 });
    world.expectInOrder(historyOf(nog));
    expect(world.lines("warn", "error")).toEqual([]);
  });

  it("that is frozen: opened again after three beats, and it goes on when the server does", async () => {
    const { dataDir, history } = await seededDirectory(20);
    onTestFinished(() => remove(dataDir));
    const nog = await NogProcess.start(dataDir, ["--heartbeat-ms", "50"]);
    onTestFinished(() => nog.end());
    const world = new FaultyWorld({
      protocol,
      baseUrl: urlOf(protocol, nog),
      engine: "eager",
      stream: repoWithBeats(100),
      times: { silenceMs: 20_000, pingIntervalMs: 20_000 },
    });
    await world.start();
    const leadership = world.lead();
    await eventually(() => world.seen.length === history.length);
    nog.stop();
    await eventually(() => world.opens.length === 2);
    nog.goOn();
    await eventually(() => world.answered === 2);
    expect(await leadership.end()).toMatchObject({ ended: "handed over", runs: 1 });
    world.expectInOrder(history);
    expect(await world.record()).toMatchObject({ status: "ready", tail: history.at(-1), attempts: 0 });
    expect(world.lines("warn", "error")).toEqual([]);
  });

  it.each(["ends", "fails"])(
    "that %s at once, again and again: opened ever later, not in a busy loop, and nothing is skipped (T1, rule 19)",
    async (how) => {
      const nog = await startNog(3);
      const gate = await Gate.open(
        scripted(protocol, async function* ({ after }) {
          for (const event of eventsAfter(nog, after)) yield { events: [event] };
          if (how === "ends") return;
          yield { willBlock: true };
          throw new ConnectError("out of order", Code.Internal);
        }),
      );
      const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog, engine: "eager", hurry: 40 });
      await world.start();
      const leadership = world.lead();
      await eventually(() => world.opens.length === 7);
      const gaps = world.opens.slice(1).map((at, i) => at - (world.opens[i] ?? 0));
      // 250 ms, doubled each time; the jitter makes three quarters of it.
      for (const [i, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(250 * 2 ** i * 0.75 - 50);
      expect(world.lines("warn", "error")).toEqual([]);

      append(nog, 2);
      await gate.redirect(urlOf(protocol, nog));
      await eventually(() => world.seen.length === 5);
      expect(await leadership.end()).toMatchObject({ ended: "handed over" });
      world.expectInOrder(historyOf(nog));
    },
  );

  it("whose news the activity leaves unread: it is still there in the next pass (T1)", async () => {
    const nog = await startNog(3);
    const world = new FaultyWorld({ protocol, baseUrl: urlOf(protocol, nog), nog, engine: "eager" });
    await world.start();
    const leadership = world.lead();
    await eventually(() => world.seen.length === 3);
    world.reads = false;
    append(nog, 2);
    await eventually(() => world.passes.length === 2);
    world.reads = true;
    append(nog, 2);
    await eventually(() => world.seen.at(-1) === historyOf(nog).at(-1));
    expect(await leadership.end()).toMatchObject({ ended: "handed over", runs: 1 });
    world.expectInOrder(historyOf(nog));
  });
});
