import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { defineSignalSource } from "../../functions/contract/signal-source.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { readLeader } from "../../functions/leaders/leadership.ts";
import { leadSignals, type SignalsReport } from "../../functions/leaders/signals.ts";
import { sweep } from "../../functions/leaders/sweep.ts";
import { LiveBroadcast } from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import { startTask } from "../../functions/run/start.ts";
import { dueShard, dueShards } from "../../functions/tasks/record.ts";
import { UnsentError } from "../../functions/wake/batch-sender.ts";
import { isSignal } from "../../functions/wake/wake.ts";
import { measuredIn } from "../support/measured.ts";
import { settle } from "../support/test-clock.ts";
import { reader, thing, World, type WorldOptions } from "../support/world.ts";

const bytes = new TextEncoder();
const text = new TextDecoder();

/** Signals whose entity ids are texts; the server is {@link SignalWorld}'s own. */
const source = defineSignalSource({
  name: "thing-signals",
  upstream: "things",
  method: LiveBroadcast.method.aggregateSignals,
  request: () => ({}),
  read: ({ signals }) => signals.map(({ entityId }) => text.decode(entityId)),
});

class SignalWorld extends World {
  /** The streams of signals that are open, the oldest first. */
  readonly subscribers: { send(...entities: string[]): void; fail(error: unknown): void }[] = [];
  idleLimitMs: number | undefined;

  constructor(options: Partial<WorldOptions> = {}) {
    super({ activities: [lazy(reader)], signalSources: [source], ...options });
    const things = this.ports.upstream("things");
    const signals = createRouterTransport((router) => {
      router.rpc(LiveBroadcast.method.aggregateSignals, (_request, { signal }) => this.#subscribe(signal));
    });
    const world = this;
    this.ports.upstream = () => ({
      ...things,
      get idleLimitMs() {
        return world.idleLimitMs;
      },
      transport: {
        unary: things.transport.unary,
        stream: (method, ...rest) =>
          (method.parent.typeName === LiveBroadcast.typeName ? signals : things.transport).stream(method, ...rest),
      },
    });
  }

  async *#subscribe(signal: AbortSignal) {
    const pending: (string[] | Error)[] = [];
    let wake = () => {};
    const subscriber = {
      send: (...entities: string[]) => {
        pending.push(entities);
        wake();
      },
      fail: (error: unknown) => {
        pending.push(error as Error);
        wake();
      },
    };
    this.subscribers.push(subscriber);
    const leave = () => {
      const at = this.subscribers.indexOf(subscriber);
      if (at >= 0) this.subscribers.splice(at, 1);
      wake();
    };
    signal.addEventListener("abort", leave, { once: true });
    try {
      while (!signal.aborted) {
        const next = pending.shift();
        if (next instanceof Error) throw next;
        if (next) yield { signals: next.map((entity) => ({ entityId: bytes.encode(entity) })) };
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      leave();
    }
  }

  hold(remainingMs = 900_000) {
    const invocation = this.invocation(remainingMs);
    const report = leadSignals(this.ports, invocation);
    return {
      report,
      end: async (): Promise<SignalsReport> => {
        invocation.controller.abort();
        for (let i = 0; i < 20; i++) await settle();
        return report;
      },
    };
  }

  /** Entities of the signals that are on the bus. */
  forwarded(): string[] {
    return this.alarms.take().flatMap((message) => (isSignal(message) ? [message.entity] : []));
  }

  probes(): string[] {
    return this.alarms
      .take()
      .flatMap((message) => ("key" in message && message.class === "probe" ? [message.key.entity] : []));
  }
}

async function sleepingWorld(...things: string[]) {
  const world = new SignalWorld();
  for (const thingId of things) {
    world.append(thingId, "e1");
    await startTask(world.ports, reader, { thingId });
  }
  await world.drain();
  return world;
}

/** Past the sweeps that follow a start without a predecessor. */
async function settled(world: SignalWorld) {
  await world.clock.advance(40_000);
  world.alarms.take();
  world.opened.length = 0;
}

describe("the signals function", () => {
  it("puts each aggregate that a message names on the bus", async () => {
    const world = new SignalWorld();
    const { end } = world.hold();
    await settled(world);
    world.subscribers[0]?.send("a", "b");
    await world.clock.advance(200);
    expect(world.forwarded()).toEqual(["a", "b"]);
    expect(await end()).toMatchObject({ ended: "handed over", received: 2, forwarded: 2 });
    expect(world.subscribers).toEqual([]);
  });

  it("makes one of many signals of an aggregate within a tenth of a second", async () => {
    const world = new SignalWorld();
    const { end } = world.hold();
    await settled(world);
    for (let i = 0; i < 50; i++) world.subscribers[0]?.send("a", "a", `b${i % 3}`);
    await world.clock.advance(200);
    expect(world.forwarded().sort()).toEqual(["a", "b0", "b1", "b2"]);
    world.subscribers[0]?.send("a");
    await world.clock.advance(200);
    expect(world.forwarded()).toEqual(["a"]);
    expect(await end()).toMatchObject({ received: 151, forwarded: 5 });
  });

  it("keeps what the bus refuses, and sends it with what comes meanwhile", async () => {
    const world = new SignalWorld();
    const { end } = world.hold();
    await settled(world);
    const send = world.alarms.send.bind(world.alarms);
    world.alarms.send = () => Promise.reject(new Error("throttled"));
    world.subscribers[0]?.send("a");
    await world.clock.advance(1_000);
    world.subscribers[0]?.send("b", "a");
    await world.clock.advance(1_000);
    world.alarms.send = send;
    await world.clock.advance(10_000);
    expect(world.forwarded().sort()).toEqual(["a", "b"]);
    await end();
  });

  it("keeps only those that were not sent, and sends no other again", async () => {
    const world = new SignalWorld();
    const { end } = world.hold();
    await settled(world);
    const send = world.alarms.send.bind(world.alarms);
    world.alarms.send = async (messages) => {
      world.alarms.send = send;
      const unsent = messages.filter((message) => isSignal(message) && message.entity === "b");
      await send(messages.filter((message) => !unsent.includes(message)));
      throw new UnsentError({ subject: "one", expected: "the bus to accept it", received: "throttled" }, unsent);
    };
    world.subscribers[0]?.send("a", "b", "c");
    await world.clock.advance(200);
    expect(world.forwarded()).toEqual(["a", "c"]);
    await world.clock.advance(1_000);
    expect(world.forwarded()).toEqual(["b"]);
    expect(await end()).toMatchObject({ received: 3, forwarded: 3 });
    expect(world.log.filter(({ message }) => message === "signals not forwarded")).toMatchObject([
      { fields: { count: 1 } },
    ]);
  });

  it("sends at its end what has gathered", async () => {
    const world = new SignalWorld();
    const { end } = world.hold();
    await settled(world);
    world.subscribers[0]?.send("a");
    await settle();
    await end();
    expect(world.forwarded()).toEqual(["a"]);
  });

  it("finds the streams held, and ends at once, while another holds them", async () => {
    const world = new SignalWorld();
    const { end } = world.hold();
    await settled(world);
    expect(await world.hold().report).toMatchObject({ ended: "led by another" });
    expect(world.subscribers).toHaveLength(1);
    await end();
  });

  it("runs a sleeping task from a signal to its commit", async () => {
    const world = await sleepingWorld("t");
    const { end } = world.hold();
    await settled(world);
    world.append("t", "e2");
    world.subscribers[0]?.send("t");
    await world.clock.advance(200);
    await world.drain();
    expect(await world.record("t")).toMatchObject({ status: "sleeping", tail: "e2" });
    await end();
  });
});

describe("the hand-over of the signals (rule 19)", () => {
  it("has the successor connected before the last one stops, by a settling time, and no gap", async () => {
    const world = await sleepingWorld("t");
    const first = world.hold(120_000);
    await settled(world);
    // The lead: a fifth of so short an invocation.
    await world.clock.advance(55_000);
    expect(world.alarms.leaders).toEqual(["signals"]);
    const second = world.hold();
    await settle();
    await world.clock.advance(1_000);
    expect(world.subscribers).toHaveLength(2);
    for (const subscriber of world.subscribers) subscriber.send("a");
    await world.clock.advance(200);
    // Doubled, as hints may be, and not lost.
    expect(world.forwarded()).toEqual(["a", "a"]);
    await world.clock.advance(4_000 + 10_000);
    expect(world.subscribers).toHaveLength(1);
    expect(await first.report).toMatchObject({ ended: "handed over", gaps: 1 });
    world.subscribers[0]?.send("b");
    await world.clock.advance(200);
    expect(world.forwarded()).toEqual(["b"]);
    await world.clock.advance(60_000);
    expect(world.opened).toEqual([]);
    expect(await second.end()).toMatchObject({ ended: "handed over", gaps: 0 });
  });

  it("goes on until its deadline if the successor does not come; the next one knows that there was a gap", async () => {
    const world = await sleepingWorld("t");
    const first = world.hold(120_000);
    await settled(world);
    await world.clock.advance(60_000);
    expect(world.subscribers).toHaveLength(1);
    await first.end();
    expect(world.subscribers).toHaveLength(0);
    world.append("t", "e2");
    const second = world.hold();
    await world.clock.advance(1_000);
    expect(world.probes()).toEqual(["t"]);
    expect(await second.end()).toMatchObject({ gaps: 1 });
  });

  it("is repaired by the tick if a leader was killed, within 15 s, the skew and a minute", async () => {
    const world = await sleepingWorld("t");
    world.hold();
    await settled(world);
    expect(await world.tick()).toMatchObject({ leaders: 0 });
    world.clock.jump(world.clock.now() + 20_001);
    expect(await world.tick()).toMatchObject({ leaders: 1 });
    expect(world.alarms.leaders).toEqual(["signals"]);
  });

  it("of two successors lets one in", async () => {
    const world = new SignalWorld();
    const first = world.hold(120_000);
    await settled(world);
    await world.clock.advance(55_000);
    const successors = [world.hold(), world.hold()];
    await world.clock.advance(20_000);
    expect(world.subscribers).toHaveLength(1);
    await first.end();
    const ends = await Promise.all(successors.map(({ end }) => end()));
    expect(ends.map(({ ended }) => ended).sort()).toEqual(["handed over", "led by another"]);
  });

  it("does not lose a sweep that is still to come: the successor does it", async () => {
    const world = await sleepingWorld("t");
    const first = world.hold(40_000);
    await world.clock.advance(1_000);
    world.alarms.take();
    // The second sweep is due after 30 s; this one's lead begins before.
    await world.clock.advance(27_000);
    const second = world.hold();
    await settle();
    await first.end();
    world.append("t", "e2");
    await world.clock.advance(5_000);
    expect(world.probes()).toContain("t");
    expect(await second.end()).toMatchObject({ gaps: 0 });
    expect((await readLeader(world.ports.control, "signals")).state?.sweepAt).toBeUndefined();
  });
});

describe("a gap in the signals", () => {
  it("is swept once at once, and once more 30 s later: nothing says from when on the server sends signals (seed B4)", async () => {
    const world = await sleepingWorld("t", "u");
    world.append("t", "e2");
    const { end } = world.hold();
    await world.clock.advance(1_000);
    expect(world.probes()).toEqual(["t"]);
    // Committed before the server has subscribed us, after the sweep has looked.
    world.append("u", "e2");
    await world.clock.advance(28_000);
    expect(world.probes()).toEqual([]);
    await world.clock.advance(3_000);
    expect(world.probes().sort()).toEqual(["t", "u"]);
    world.opened.length = 0;
    await world.clock.advance(300_000);
    expect(world.opened).toEqual([]);
    await end();
  });

  it("is there whenever the stream breaks; it is opened again after 1 s, later each time, at most 15 s", async () => {
    const world = await sleepingWorld("t");
    const { end } = world.hold();
    await settled(world);
    world.append("t", "e2");
    world.subscribers[0]?.fail(new ConnectError("shutdown", Code.Unavailable));
    await world.clock.advance(700);
    expect(world.subscribers).toHaveLength(0);
    await world.clock.advance(1_500);
    expect(world.subscribers).toHaveLength(1);
    expect(world.probes()).toEqual(["t"]);
    expect(world.log.filter(({ message }) => message === "signal stream broke")).toHaveLength(1);
    let opens = 0;
    for (let second = 0; second < 120; second++) {
      if (world.subscribers.length > 0) opens++;
      world.subscribers[0]?.fail(new ConnectError("shutdown", Code.Unavailable));
      await world.clock.advance(1_000);
    }
    expect(opens).toBeLessThan(20);
    expect(await end()).toMatchObject({ ended: "handed over" });
  });

  it("of many in a row is swept once, not once each", async () => {
    const world = await sleepingWorld("t");
    const { end } = world.hold();
    await settled(world);
    for (let i = 0; i < 10; i++) {
      world.subscribers[0]?.fail(new Error("x"));
      await world.clock.advance(500);
    }
    await world.clock.advance(60_000);
    expect(world.opened.length).toBeLessThanOrEqual(6);
    await end();
  });

  it("does not arise when a transport would end a silent stream: the next one is opened before, and settles", async () => {
    const world = await sleepingWorld("t");
    world.idleLimitMs = 240_000;
    const { end } = world.hold();
    await settled(world);
    const [first] = world.subscribers;
    await world.clock.advance(205_000);
    expect(world.subscribers).toHaveLength(2);
    first?.send("a");
    await world.clock.advance(200);
    expect(world.forwarded()).toEqual(["a"]);
    await world.clock.advance(10_000);
    expect(world.subscribers).toHaveLength(1);
    expect(world.subscribers[0]).not.toBe(first);
    expect(world.opened).toEqual([]);
    expect(await end()).toMatchObject({ gaps: 1 });
  });
});

describe("a sweep", () => {
  it("looks at each sleeping lazy task once, at 100 a second, and writes nothing", async () => {
    const things = Array.from({ length: 300 }, (_, i) => `t${i}`);
    const world = await sleepingWorld(...things);
    world.opened.length = 0;
    const records = await Promise.all(things.map((thingId) => world.record(thingId)));
    for (const thingId of things.slice(0, 10)) world.append(thingId, "e2");
    const began = world.clock.now();
    const report = sweep(world.ports, new Set(["things"]), new AbortController().signal);
    await world.clock.advance(10_000);
    expect(await report).toEqual({ checked: 300, news: 10, complete: true, shardsLeft: 0 });
    expect(world.opened).toHaveLength(300);
    expect(world.probes().sort()).toEqual(things.slice(0, 10).sort());
    expect(await Promise.all(things.map((thingId) => world.record(thingId)))).toEqual(records);
    expect(world.clock.now() - began).toBe(10_000);
    expect(dueShards).toBeGreaterThan(1);
  });

  it("passes over tasks of other engines and upstreams, and those that are not asleep", async () => {
    const other = defineProcessor(thing, { name: "other", processEvents: async (run) => caughtUp(run.tail) });
    const third = defineProcessor(thing, { name: "third", processEvents: async (run) => caughtUp(run.tail) });
    const world = new SignalWorld({
      activities: [lazy(reader), cron(other, { everyMinutes: 60 }), eager(third)],
    });
    for (const activity of [reader, other, third]) await startTask(world.ports, activity, { thingId: "t" });
    await startTask(world.ports, reader, { thingId: "paused" });
    await world.drain();
    const key = { entity: "paused", kind: "thing", activity: "reader" };
    await world.store.update(key, {
      operation: "pause",
      guard: { op: "is", attribute: "status", value: "sleeping" },
      changes: { paused: true },
      appliedIf: () => false,
    });
    const run = async (upstream: string) => {
      const report = sweep(world.ports, new Set([upstream]), new AbortController().signal);
      await world.clock.advance(2_000);
      return report;
    };
    expect(await run("things")).toMatchObject({ checked: 1, complete: true });
    expect(await run("others")).toMatchObject({ checked: 0, complete: true });
  });

  it("stops when its function has to, and says that it is not complete", async () => {
    const things = Array.from({ length: 200 }, (_, i) => `t${i}`);
    const world = await sleepingWorld(...things);
    const stopping = new AbortController();
    const report = sweep(world.ports, new Set(["things"]), stopping.signal);
    await world.clock.advance(500);
    stopping.abort();
    await settle();
    const { checked, complete } = await report;
    expect(complete).toBe(false);
    expect(checked).toBeLessThan(120);
  });
});

describe("a sweep that one leader has not the time for", () => {
  const many = 500;

  async function worldOfMany() {
    const world = await sleepingWorld(...Array.from({ length: many }, (_, i) => `t${i}`));
    world.opened.length = 0;
    return world;
  }

  const sweeps = ({ log }: World) => log.filter(({ message }) => message === "sweep").map(({ fields }) => fields);
  const stateOf = async ({ ports }: World) => (await readLeader(ports.control, "signals")).state;

  /** Leads for `ms`, and lets the next one take over before its end. */
  async function leadInTurn(world: SignalWorld, leaders: number, ms: number) {
    let last: ReturnType<SignalWorld["hold"]> | undefined;
    for (let leader = 0; leader < leaders; leader++) {
      const next = world.hold(ms);
      await settle();
      await last?.end();
      await world.clock.advance(ms - 8_000 - 200);
      last = next;
    }
    return last;
  }

  it("goes on with the next ones where it was, ends, and says how far it is", async () => {
    const world = await worldOfMany();
    const last = await leadInTurn(world, 12, 12_000);
    expect(new Set(world.opened.map(({ thingId }) => thingId)).size).toBe(many);
    // Twice each, and what was under way at the hand-overs once more.
    expect(world.opened.length).toBeLessThan(3 * many);
    const said = sweeps(world);
    expect(said[0]).toMatchObject({ complete: false });
    const [first, second] = said.map((fields) => Number(fields.shardsLeft));
    expect(first).toBeLessThan(dueShards);
    expect(second).toBeLessThan(first ?? 0);
    expect(said.filter(({ complete }) => complete)).toHaveLength(2);
    expect(await stateOf(world)).not.toHaveProperty("sweep");
    await last?.end();
  });

  it("checks every task though each leader finds a gap: it goes round once more from where it is", async () => {
    const world = await worldOfMany();
    for (let leader = 0; leader < 8; leader++) {
      const { end } = world.hold(12_000);
      await world.clock.advance(2_000);
      await end();
      // Nobody leads meanwhile, and signals are lost.
      await world.clock.advance(1_000);
    }
    expect(new Set(world.opened.map(({ thingId }) => thingId)).size).toBe(many);
    expect(await stateOf(world)).toMatchObject({ sweep: { left: expect.any(Number), againAt: expect.any(Number) } });
  });

  it("goes on within a page of the index, for which a slow server needs longer than a leader has", async () => {
    // A shard with as many tasks as a page.
    const things: string[] = [];
    for (let i = 0; things.length < 100; i++) {
      if (dueShard({ entity: `t${i}`, kind: "thing", activity: "reader" }) === 0) things.push(`t${i}`);
    }
    const world = await sleepingWorld(...things);
    world.opened.length = 0;
    world.onOpen = () => world.clock.sleep(8_000);
    for (let leader = 0; leader < 4; leader++) {
      const { end } = world.hold(32_000);
      await world.clock.advance(20_000);
      await end();
      // Nobody leads meanwhile, and signals are lost.
      await world.clock.advance(1_000);
    }
    expect(new Set(world.opened.map(({ thingId }) => thingId)).size).toBe(things.length);
  });

  it("begins at the first shard after an earlier version, which knows only when it was due", async () => {
    const world = await worldOfMany();
    const { end } = world.hold(12_000);
    await world.clock.advance(2_000);
    await end();
    const { control } = world.ports;
    const { state } = await readLeader(control, "signals");
    const sweepAt = world.clock.now();
    // What an earlier version does not know it keeps.
    const left = { ...state, leaving: true, released: undefined, aliveUntil: sweepAt + 15_000, sweepAt };
    await control.write("holder#signals", left, "any");
    world.opened.length = 0;
    const next = world.hold();
    await world.clock.advance(30_000);
    expect(sweeps(world).at(-1)).toEqual({ checked: many, news: 0, complete: true, shardsLeft: 0 });
    expect(new Set(world.opened.map(({ thingId }) => thingId)).size).toBe(many);
    expect(await next.end()).toMatchObject({ gaps: 0 });
  });

  it("goes on after an error of the table", async () => {
    const world = await worldOfMany();
    const { due } = world.store;
    let reads = 0;
    world.store.due = (...asked) => {
      if (++reads === 50) return Promise.reject(new Error("throttled"));
      return due.apply(world.store, asked);
    };
    const { end } = world.hold();
    await world.clock.advance(90_000);
    // In the middle of the second sweep, after which none would come.
    expect(world.log.filter(({ message }) => message === "sweep failed")).toHaveLength(1);
    expect(sweeps(world)).toMatchObject([{ complete: true }, { complete: true }]);
    expect(world.opened.length).toBe(2 * many);
    await end();
  });
});

describe("the measurements of the signals function", () => {
  const sumOf = (measured: ReturnType<typeof measuredIn>, name: "SignalsReceived" | "SignalsCoalesced") =>
    measured.of(name).reduce((sum, [value]) => sum + value, 0);

  it("count signals that were received, and those that went with another one of their aggregate", async () => {
    const world = new SignalWorld();
    const measured = measuredIn(world);
    const { end } = world.hold();
    await settled(world);
    world.subscribers[0]?.send("a", "a", "b");
    await world.clock.advance(200);
    world.subscribers[0]?.send("a");
    await world.clock.advance(200);
    expect([sumOf(measured, "SignalsReceived"), sumOf(measured, "SignalsCoalesced")]).toEqual([4, 1]);
    expect(await end()).toMatchObject({ received: 4, forwarded: 3 });
  });

  it("count streams that broke, with the code of the error, and not those that the deadline ends", async () => {
    const world = new SignalWorld();
    const measured = measuredIn(world);
    const { end } = world.hold();
    await settled(world);
    world.subscribers[0]?.fail(new ConnectError("shutdown", Code.Unavailable));
    await world.clock.advance(20_000);
    await end();
    expect(measured.of("StreamFailures")).toEqual([[1, { why: "Unavailable" }]]);
  });

  it("are no gap where the last leader is still there, none of the first, and the time since its last beat where it died", async () => {
    const world = new SignalWorld();
    const measured = measuredIn(world);
    const first = world.hold(300_000);
    await settled(world);
    expect(measured.of("HandOverGapMs")).toEqual([]);
    await world.clock.advance(230_000);
    const second = world.hold();
    await settle();
    expect(measured.of("HandOverGapMs")).toEqual([[0, {}]]);
    await first.end();
    // The process is killed: it neither beats nor releases the place.
    const { state } = await readLeader(world.ports.control, "signals");
    const lastBeat = (state?.aliveUntil ?? 0) - 15_000;
    world.clock.jump(lastBeat + 50_000);
    const third = world.hold();
    await settle();
    expect(measured.of("HandOverGapMs").at(-1)).toEqual([50_000, {}]);
    await second.end();
    await third.end();
  });
});
