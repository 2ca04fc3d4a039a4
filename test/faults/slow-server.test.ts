import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../functions/foundation/clock.ts";
import { settle } from "../support/test-clock.ts";
import { type Protocol, protocolNames } from "../upstream/harness.ts";
import { eventually, FaultyWorld, historyOf, startNog, urlOf } from "./faulty-world.ts";
import { answering, eventsAfter, frame, Gate, message, type Script, scripted } from "./raw-servers.ts";

/** Much more than a test takes. */
const never = 60_000;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** A repo of ten events behind a gate, with another server behind it until it is repaired. */
async function behindGate(protocol: Protocol) {
  const nog = await startNog(10);
  const gate = await Gate.open(urlOf(protocol, nog));
  const calls = { open: 0, pings: 0 };
  const say = (script: Script) =>
    gate.redirect(
      scripted(
        protocol,
        async function* (request, context) {
          calls.open++;
          context.signal.addEventListener("abort", () => calls.open--);
          yield* script(request, context);
        },
        () => calls.pings++,
      ),
    );
  return { nog, gate, calls, say, repair: () => gate.redirect(urlOf(protocol, nog)), history: historyOf(nog) };
}

const ended = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve));

describe.each(protocolNames)("a server of %s", (protocol) => {
  it("that is slow: a short invocation commits what it has seen and hands over, without a word (T1)", async () => {
    const { gate, nog, say, history, calls } = await behindGate(protocol);
    await say(async function* ({ after }) {
      for (const event of eventsAfter(nog, after)) {
        yield { events: [event] };
        await systemClock.sleep(50);
      }
    });
    const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog });
    world.onEvent = (count) => {
      if (count === 5) world.timeIsUp();
    };
    await world.first();
    const { tail } = await world.record();
    expect(world.seen.length).toBeGreaterThan(0);
    expect(world.seen.length).toBeLessThan(history.length);
    expect(await world.record()).toMatchObject({ status: "ready", tail: world.seen.at(-1), attempts: 0 });
    await eventually(() => calls.open === 0);

    await world.deliver(world.ports.alarms.take());
    await world.expectWhole(history);
    expect(world.passes.map(({ after }) => after)).toEqual(["epoch", tail]);
    expect(world.lines("warn", "error")).toEqual([]);
    // All events together took longer than the silence limit, but none of them alone.
    expect(world.connection.health.failures).toBe(0);
  });

  it.each([0, 3])(
    "that says nothing after %i events, and is otherwise well: given up after a while",
    async (events) => {
      const { gate, nog, say, repair, history, calls } = await behindGate(protocol);
      await say(async function* ({ after }, { signal }) {
        for (const event of eventsAfter(nog, after).slice(0, events)) yield { events: [event] };
        await ended(signal);
      });
      const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog, times: { silenceMs: 200 } });
      await world.first();
      expect(world.seen).toEqual(history.slice(0, events));
      expect(world.passes).toHaveLength(events === 0 ? 0 : 1);
      await world.expectFailed(/no message for more than 200 ms/);
      // An immediate retry would take as long again.
      expect(world.opens).toHaveLength(1);
      await eventually(() => calls.open === 0);

      await repair();
      await world.expectRepaired(history);
    },
  );

  it("that sends bytes, but no message that is whole: given up after a while", async () => {
    const { gate, nog, repair, history } = await behindGate(protocol);
    await gate.redirect(
      answering(protocol, async (to) => {
        to.head();
        const bytes = frame(message(...eventsAfter(nog)), { length: 1_000_000 });
        for (let at = 0; at < bytes.length && !to.signal.aborted; at++) {
          to.write(bytes.subarray(at, at + 1));
          await systemClock.sleep(20, to.signal);
        }
      }),
    );
    const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog, times: { silenceMs: 200 } });
    await world.first();
    expect(world.passes).toEqual([]);
    await world.expectFailed(/no message for more than 200 ms/);

    await repair();
    await world.expectRepaired(history);
  });

  it("that waits: its streams end when the invocation does, although garbage was collected meanwhile (rule 20)", async () => {
    const { gate, nog, say, repair, history, calls } = await behindGate(protocol);
    await say(async function* (_request, { signal }) {
      for (const event of eventsAfter(nog).slice(0, 3)) yield { events: [event] };
      await ended(signal);
    });
    const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog, times: { silenceMs: never } });
    const run = world.first();
    await eventually(() => world.seen.length === 3);
    for (let i = 0; i < 5; i++) {
      collectGarbage();
      await settle();
    }
    world.timeIsUp();
    await run;
    expect(await world.record()).toMatchObject({ status: "ready", tail: history[2] });
    expect(world.lines("warn", "error")).toEqual([]);
    await eventually(() => calls.open === 0);

    await repair();
    await world.deliver(world.ports.alarms.take());
    await world.expectWhole(history);
  });
});

it("pings keep a silent connection of grpc, and the server is asked whether it lives", async () => {
  const { gate, nog, say, calls, history } = await behindGate("grpc");
  await say(async function* (_request, { signal }) {
    for (const event of eventsAfter(nog).slice(0, 3)) yield { events: [event] };
    await ended(signal);
  });
  const world = new FaultyWorld({
    protocol: "grpc",
    baseUrl: gate.url,
    nog,
    times: { silenceMs: never, pingIntervalMs: 50 },
  });
  const run = world.first();
  await eventually(() => calls.pings >= 3);
  world.timeIsUp();
  await run;
  expect(await world.record()).toMatchObject({ status: "ready", tail: history[2] });
  await eventually(() => calls.open === 0);
});
