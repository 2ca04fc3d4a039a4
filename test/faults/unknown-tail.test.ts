import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { type Address, defineStream, type Stream } from "../../functions/contract/stream.ts";
import { epoch, eventId } from "../../functions/contract/tail.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import {
  registry as registryKind,
  registryWorkflow,
  registryWorkflowIndex,
  repo,
  repoWorkflow,
  ulidBytes,
  ulidText,
  uuidBytes,
  uuidText,
} from "../../functions/nog/index.ts";
import { rewind } from "../../functions/tasks/transitions.ts";
import { tick } from "../../functions/tick/tick.ts";
import type { Upstream as Nog } from "../../local/upstream/server.ts";
import { TestClock } from "../support/test-clock.ts";
import {
  collect,
  type Protocol,
  protocolNames,
  protocols,
  registry,
  repoId,
  workflowA,
  workflowB,
} from "../upstream/harness.ts";
import { type StreamKind, streamKinds } from "../upstream/stream-kinds.ts";
import { append, eventually, FaultyWorld, historyOf, startNog, urlOf } from "./faulty-world.ts";
import { eventsAfter, Gate, scripted } from "./raw-servers.ts";

/** So long a tail is trusted that no event has followed, of a server that is silent about unknown ones. */
const trustMs = 6 * 3_600_000;
const nobodysId = eventId("01ARZ3NDEKTSV4RRFFQ69G5FAV");

interface Kind {
  readonly name: string;
  readonly stream: Stream;
  readonly address: Address;
  readonly served: StreamKind;
}

const kinds: readonly Kind[] = [
  { stream: registryKind, address: { registry } },
  { stream: registryWorkflowIndex, address: { registry } },
  { stream: registryWorkflow, address: { registry, workflowId: uuidText(workflowA, "id") } },
  { stream: repo, address: { repoId: uuidText(repoId, "id") } },
  { stream: repoWorkflow, address: { repoId: uuidText(repoId, "id"), workflowId: uuidText(workflowB, "id") } },
].map((kind, i) => ({ ...kind, name: kind.stream.kind, served: streamKinds[i] as StreamKind }));

const loud = kinds.filter(({ served }) => served.unknownAfter !== undefined).map((kind) => [kind.name, kind] as const);
const silent = kinds
  .filter(({ served }) => served.unknownAfter === undefined)
  .map((kind) => [kind.name, kind] as const);

/** A task at the head of its aggregate, which has at least three events. */
async function caughtUp(protocol: Protocol, { stream, address, served }: Kind) {
  const nog = await startNog(1);
  served.append(nog, 3);
  const clock = new TestClock();
  const world = new FaultyWorld({ protocol, baseUrl: urlOf(protocol, nog), nog, stream, address, clock });
  await world.first();
  await world.expectWhole(historyOf(nog, served.history));
  return { nog, world, clock };
}

/** Deletes all events before the last one, as nog's scans do. */
async function trim(nog: Nog, { name, served }: Kind): Promise<void> {
  if (name === registryWorkflowIndex.kind) {
    nog.seed.snapshotIndex(registry);
    nog.seed.trimIndex(registry);
    nog.seed.collectIndex(registry);
    return;
  }
  // Its aggregates must have seen the events to be deleted.
  await collect(served.open(protocols.grpc(nog), {}));
  nog.journal.trim(served.history, ulidBytes(historyOf(nog, served.history).at(-2) ?? "", "id"));
  nog.journal.collect(served.history);
}

describe.each(protocolNames)("a tail that the server of %s no longer knows (rule 18)", (protocol) => {
  it.each(loud)(
    "of a %s, which says so: a warning, and the task reads what there is from epoch",
    async (_name, kind) => {
      const { nog, world } = await caughtUp(protocol, kind);
      const { tail } = await world.record();
      kind.served.append(nog, 2);
      await trim(nog, kind);
      const left = historyOf(nog, kind.served.history);
      expect(left).not.toContain(tail);
      await world.again();
      expect(world.passes.slice(1)).toEqual([{ after: epoch, ids: left }]);
      expect(await world.record()).toMatchObject({ status: "sleeping", tail: left.at(-1), attempts: 0 });
      expect(world.lines("warn", "error")).toEqual(["warn tail unknown to the upstream, reading from epoch"]);
      expect(world.log.find(({ level }) => level === "warn")?.fields).toMatchObject({ afterEvent: tail });
      expect(world.connection.health.failures).toBe(0);

      // Afterwards it continues as usual.
      kind.served.append(nog, 1);
      await world.again();
      expect(world.passes.at(-1)).toEqual({
        after: left.at(-1),
        ids: historyOf(nog, kind.served.history).slice(left.length),
      });
    },
  );

  it.each(loud)(
    "of a %s, because an operator mistyped it: the same, and nothing is skipped (T1)",
    async (_name, kind) => {
      const { nog, world, clock } = await caughtUp(protocol, kind);
      await world.ports.store.update(world.key, rewind(nobodysId, clock.now()));
      await world.again();
      expect(world.passes.slice(1)).toEqual([{ after: epoch, ids: historyOf(nog, kind.served.history) }]);
      expect(world.lines("warn", "error")).toEqual(["warn tail unknown to the upstream, reading from epoch"]);
    },
  );

  it.each(silent)(
    "of a %s, which is silent: trusted for six hours, then looked up and read from epoch",
    async (_name, kind) => {
      const { nog, world, clock } = await caughtUp(protocol, kind);
      const { tail } = await world.record();
      nog.journal.delete(kind.served.history);
      await clock.advance(trustMs - 1);
      let opens = world.opens.length;
      await world.again();
      expect(await world.record()).toMatchObject({ status: "sleeping", tail });
      expect(world.opens.length - opens).toBe(1);
      expect(world.lines("warn", "error")).toEqual([]);

      await clock.advance(1);
      opens = world.opens.length;
      await world.again();
      // Opened after the tail, for the whole history to find the tail, and from epoch for the activity.
      expect(world.opens.length - opens).toBe(3);
      expect(world.passes.at(-1)).toEqual({ after: epoch, ids: [] });
      expect(await world.record()).toMatchObject({ status: "sleeping", tail: epoch, attempts: 0 });
      expect(world.lines("warn", "error")).toEqual(["warn tail unknown to the upstream, reading from epoch"]);
    },
  );

  it.each(silent)(
    "of a %s, because an operator mistyped it: looked up at once, and nothing is skipped (T1)",
    async (_name, kind) => {
      const { nog, world, clock } = await caughtUp(protocol, kind);
      await world.ports.store.update(world.key, rewind(nobodysId, clock.now()));
      await world.again();
      const history = historyOf(nog, kind.served.history);
      expect(world.passes.slice(1)).toEqual([{ after: epoch, ids: history }]);
      expect(await world.record()).toMatchObject({ status: "sleeping", tail: history.at(-1) });
      expect(world.lines("warn", "error")).toEqual(["warn tail unknown to the upstream, reading from epoch"]);
    },
  );

  it.each(silent)(
    "or has just shown, of a %s read from epoch after a rewind: no probe takes it for news",
    async (_name, kind) => {
      const { nog, world, clock } = await caughtUp(protocol, kind);
      await world.ports.store.update(world.key, rewind(epoch, clock.now()));
      await world.again();
      const tail = historyOf(nog, kind.served.history).at(-1);
      expect(await world.record()).toMatchObject({ status: "sleeping", tail, tailSeenAt: clock.now() });
      await clock.advance(trustMs / 2);
      expect(await ticked(world)).toMatchObject({ probed: 1, news: 0, failed: 0 });
    },
  );

  it.each(silent)(
    "or still does, of a %s: kept, no event is handed out twice, and it is trusted for another six hours",
    async (_name, kind) => {
      const { nog, world, clock } = await caughtUp(protocol, kind);
      const history = historyOf(nog, kind.served.history);
      for (let round = 1; round <= 2; round++) {
        await clock.advance(trustMs);
        let opens = world.opens.length;
        await world.again();
        expect(world.opens.length - opens).toBe(2);
        expect(await world.record()).toMatchObject({ tail: history.at(-1), tailSeenAt: clock.now() });
        await clock.advance(trustMs - 1);
        opens = world.opens.length;
        await world.again();
        expect(world.opens.length - opens).toBe(1);
        await clock.advance(1);
      }
      // A later event also proves that the server knows the tail.
      kind.served.append(nog, 1);
      await world.again();
      expect(await world.record()).toMatchObject({ tailSeenAt: clock.now() });
      await world.expectWhole(historyOf(nog, kind.served.history));
      expect(world.lines("warn", "error")).toEqual([]);
    },
  );

  it.each(silent)("of a %s that sleeps: the probe of a tick finds out", async (_name, kind) => {
    const { nog, world, clock } = await caughtUp(protocol, kind);
    nog.journal.delete(kind.served.history);
    await clock.advance(trustMs / 2);
    expect(await ticked(world)).toMatchObject({ probed: 1, news: 0, failed: 0 });
    await clock.advance(trustMs / 2);
    expect(await ticked(world)).toMatchObject({ probed: 1, news: 1, failed: 0 });
    await world.deliver(world.ports.alarms.take());
    expect(world.passes.at(-1)).toEqual({ after: epoch, ids: [] });
    expect(await world.record()).toMatchObject({ status: "sleeping", tail: epoch });
    expect(world.lines("warn", "error")).toEqual(["warn tail unknown to the upstream, reading from epoch"]);
    // An epoch cannot be forgotten.
    await clock.advance(2 * trustMs);
    expect(await ticked(world)).toMatchObject({ probed: 1, news: 0 });
  });

  it.each(loud)("of a %s that sleeps: the probe of a tick finds out", async (_name, kind) => {
    const { nog, world, clock } = await caughtUp(protocol, kind);
    kind.served.append(nog, 2);
    await trim(nog, kind);
    await clock.advance(3_600_000);
    expect(await ticked(world)).toMatchObject({ probed: 1, news: 1, failed: 0 });
    await world.deliver(world.ports.alarms.take());
    expect(world.passes.slice(1)).toEqual([{ after: epoch, ids: historyOf(nog, kind.served.history) }]);
    expect(world.lines("warn", "error")).toEqual(["warn tail unknown to the upstream, reading from epoch"]);
  });

  it("is left alone while it cannot be looked up, whether the server fails or the invocation ends", async () => {
    const nog = await startNog(3);
    const gate = await Gate.open(urlOf(protocol, nog));
    const clock = new TestClock();
    const stream = silentRepo;
    const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog, stream, clock });
    await world.first();
    await clock.advance(trustMs);
    const lookedUp = (answer: (signal: AbortSignal) => Promise<unknown>) =>
      scripted(protocol, async function* ({ after }, { signal }) {
        if (after.length > 0) return;
        yield { events: eventsAfter(nog).slice(0, 1) };
        await answer(signal);
      });
    await gate.redirect(
      lookedUp(async () => {
        throw new ConnectError("out of order", Code.Internal);
      }),
    );
    await world.again();
    await world.expectFailed(/^\[internal\] out of order$/);
    expect(world.passes).toHaveLength(1);

    let checks = 0;
    await gate.redirect(
      lookedUp((signal) => {
        checks++;
        return new Promise((resolve) => signal.addEventListener("abort", resolve));
      }),
    );
    const run = world.again();
    await eventually(() => checks > 0);
    world.timeIsUp();
    await run;
    expect(await world.record()).toMatchObject({ status: "retrying", tail: world.seen.at(-1), attempts: 2 });
    // Nothing was logged but the earlier failure.
    expect(world.lines("warn", "error")).toEqual(["error failed"]);

    await gate.redirect(urlOf(protocol, nog));
    append(nog, 1);
    await world.again();
    await world.expectWhole(historyOf(nog));
  });
});

/** A repo as a kind whose server does not report unknown tails. */
const silentRepo = defineStream({
  kind: "silent-repo",
  upstream: "nog",
  method: Repos.method.events,
  address: ["repoId"],
  request: ({ repoId: id }, { after, watch }) => ({
    repo: uuidBytes(id, "repoId"),
    watch,
    ...(after === undefined ? {} : { after: ulidBytes(after, "after") }),
  }),
  read: ({ events, willBlock }) => ({
    events: events.map(({ id }) => ({ id: eventId(ulidText(id, "id")), event: undefined })),
    willBlock,
  }),
  tailUnknown: "silent",
});

function ticked({ ports, clock }: FaultyWorld) {
  const { signal } = new AbortController();
  const deadline = clock.now() + 50_000;
  const invocation = { signal, deadline, abandonAt: deadline, hardEnd: deadline, abandoned() {} };
  return tick(ports, [], { checks: 100, concurrency: 5 }, invocation);
}
