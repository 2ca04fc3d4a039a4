import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tasksOf } from "../../functions/client.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { Breakers } from "../../functions/engines/breakers.ts";
import { startTask } from "../../functions/run/start.ts";
import {
  type BreakerState,
  beginTrial,
  close,
  closedBreaker,
  decodeBreaker,
  failuresToOpen,
  pause,
  retryAt,
  trip,
  unpause,
} from "../../functions/upstream/breaker.ts";
import { isUpstreamFailure } from "../../functions/upstream/health.ts";
import { reader, World } from "../support/world.ts";

const start = Date.UTC(2026, 0, 1);
/** Unlike `Unavailable`, it is not tried again at once, which would take time. */
const out = () => new ConnectError("out", Code.ResourceExhausted);

describe("a breaker (rule 12)", () => {
  const open = trip(closedBreaker, start, 0.5, "out");

  it("is open for 5 s the first time, twice as long each time after, at most 5 min, with jitter in [d/2, d]", () => {
    const times = (random: number) => {
      let state: BreakerState = closedBreaker;
      return Array.from({ length: 9 }, () => {
        state = trip(state, start, random, "out");
        return state.openMs / 1000;
      });
    };
    expect(times(0)).toEqual([2.5, 5, 10, 20, 40, 80, 150, 150, 150]);
    expect(times(1)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it("lets one trial try once its time has come, and another if that one does not come back", () => {
    expect(beginTrial(open, open.until - 1)).toBeUndefined();
    const sent = beginTrial(open, open.until);
    expect(sent).toMatchObject({ state: "open", trialUntil: open.until + 60_000 });
    expect(beginTrial(sent as BreakerState, open.until + 59_999)).toBeUndefined();
    expect(beginTrial(sent as BreakerState, open.until + 60_000)).toBeDefined();
    expect(beginTrial(closedBreaker, start)).toBeUndefined();
  });

  it("forgets everything when it closes, but for an operator's pause", () => {
    expect(close(open)).toEqual(closedBreaker);
    const paused = pause(open, start, "maintenance");
    expect(close(paused)).toEqual({ ...closedBreaker, paused: { at: start, reason: "maintenance" } });
    expect(unpause(pause(closedBreaker, start, "maintenance"))).toEqual(closedBreaker);
    expect(trip(paused, start, 0, "out").paused).toBeDefined();
  });

  it("tells who has to wait to come after its trial, spread over [d/2, d]", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat({ max: 100_000 }), (random, late) => {
        const now = start + late;
        const at = retryAt(open, now, random);
        expect(at).toBeGreaterThanOrEqual(Math.max(now, open.until) + Math.floor(open.openMs / 2));
        expect(at).toBeLessThanOrEqual(Math.max(now, open.until) + open.openMs);
      }),
    );
  });

  it("is read field by field", () => {
    expect(decodeBreaker("nog", open)).toEqual(open);
    for (const [field, value] of [
      ["state", "ajar"],
      ["until", "soon"],
      ["trips", 0.5],
      ["canaryUntil", "x"],
      ["paused", 1],
    ] as const) {
      expect(() => decodeBreaker("nog", { ...open, [field]: value })).toThrow(
        `breaker of upstream nog, field ${field}`,
      );
    }
    expect(() => decodeBreaker("nog", null)).toThrow("field state");
  });
});

describe("the failures that count", () => {
  it.each([
    ["a server that is not there", new ConnectError("x", Code.Unavailable), true],
    ["one that is too slow", new ConnectError("x", Code.DeadlineExceeded), true],
    ["one with too much to do", new ConnectError("x", Code.ResourceExhausted), true],
    ["a refused token", new ConnectError("x", Code.Unauthenticated), true],
    ["a server that died, as HTTP/2 shows it", new ConnectError("x", Code.Canceled), true],
    [
      "a fetch that failed",
      new ConnectError("x", Code.Unknown, undefined, undefined, new TypeError("terminated")),
      true,
    ],
    ["a refused scope, as nog says it", new ConnectError("default deny", Code.Unknown), false],
    ["a tail that is gone", new ConnectError("finding start failed", Code.Unknown), false],
    ["a bad request", new ConnectError("x", Code.InvalidArgument), false],
    ["an activity's own error", new Error("x"), false],
  ] as const)("%s", (_what, error, counts) => {
    expect(isUpstreamFailure(error)).toBe(counts);
  });
});

async function worldOf(things: number) {
  const world = new World({ activities: [lazy(reader)], limits: { runsPerKind: 1000 } });
  for (let i = 0; i < things; i++) {
    world.append(`t${i}`, "e1");
    await startTask(world.ports, reader, { thingId: `t${i}` });
  }
  return world;
}

const opensOf = async (world: World, work: () => Promise<unknown>) => {
  const before = world.opened.length;
  await work();
  return world.opened.length - before;
};

describe("an upstream that is out (rule 12)", () => {
  it("is tried by a few tasks and then by one at a time; the others write nothing and open no stream", async () => {
    const world = await worldOf(40);
    world.onOpen = () => {
      throw out();
    };
    const wakes = world.alarms.take();
    for (const wake of wakes.slice(0, failuresToOpen)) await world.deliver([wake]);
    const opened = await opensOf(world, () => world.deliver(wakes.slice(failuresToOpen)));
    expect(opened).toBe(0);
    expect(await world.record("t20")).toMatchObject({ status: "ready", fence: 0, attempts: 0 });
    expect(world.log.filter(({ message }) => message === "upstream is out")).toHaveLength(1);
    expect(world.log.filter(({ message }) => message === "failed")).toHaveLength(failuresToOpen);
  });

  it("gets one message for one that waits: none is lost, none is added, and they come back spread", async () => {
    const world = await worldOf(100);
    world.onOpen = () => {
      throw out();
    };
    const wakes = world.alarms.take();
    for (const wake of wakes.slice(0, failuresToOpen)) await world.deliver([wake]);
    let random = 0;
    world.random = () => {
      random = (random + 0.37) % 1;
      return random;
    };
    world.alarms.take();
    const waiting = wakes.slice(failuresToOpen);
    expect(await world.deliver(waiting)).toEqual([]);
    await world.clock.advance(600_000);
    const back = world.alarms.take();
    const ours = back.filter((wake) => "class" in wake && wake.class === "start");
    expect(ours).toHaveLength(waiting.length);
    expect(new Set(ours.map((wake) => ("notBefore" in wake ? wake.notBefore : 0))).size).toBeGreaterThan(20);
  });

  it("is used by all again once a trial's stream opens: every task reaches the head (T7)", async () => {
    const world = await worldOf(60);
    let isOut = true;
    world.onOpen = () => {
      if (isOut) throw out();
    };
    await world.drain();
    await world.drainUntil(start + 600_000);
    const during = world.opened.length;
    isOut = false;
    await world.drainUntil(start + 1_800_000);
    for (let i = 0; i < 60; i++) expect(await world.record(`t${i}`)).toMatchObject({ status: "sleeping", tail: "e1" });
    expect(world.log.filter(({ message }) => message === "upstream is back")).toHaveLength(1);
    // The first wave, then a trial now and then.
    expect(during).toBeLessThan(60 + 30);
  });

  it("is told from one whose answer to a single task is no", async () => {
    const world = await worldOf(20);
    world.onOpen = () => {
      throw new ConnectError("default deny", Code.Unknown);
    };
    await world.drain();
    expect(world.log.filter(({ message }) => message === "failed")).toHaveLength(20);
    expect(await world.ports.breakers.admit("things")).toEqual({ type: "go" });
  });

  it("is seen by other processes, within 5 s, and only one of them sends the trial", async () => {
    const world = await worldOf(1);
    const other = new Breakers({ ...world.ports, control: world.ports.control });
    expect(await other.admit("things")).toEqual({ type: "go" });
    for (let i = 0; i < failuresToOpen; i++) world.health.failed(out());
    await world.ports.breakers.report("things");
    expect(await other.admit("things")).toEqual({ type: "go" });
    await world.clock.advance(5_000);
    const both = await Promise.all([world.ports.breakers.admit("things"), other.admit("things")]);
    expect(both.map(({ type }) => type).sort()).toEqual(["go", "wait"]);
  });

  it("does not make news wait for ever: what could not be put off is delivered again", async () => {
    const world = await worldOf(1);
    await world.drain();
    for (let i = 0; i < failuresToOpen; i++) world.health.failed(out());
    await world.ports.breakers.report("things");
    world.alarms.sendAt = () => Promise.reject(new Error("no bus"));
    const failed = await world.deliver([{ class: "signal", entity: "t0", kind: "thing" }]);
    expect(failed).toHaveLength(1);
  });

  it("keeps its ticks from filling up with tasks that cannot run", async () => {
    const world = await worldOf(10);
    world.alarms.take();
    for (let i = 0; i < failuresToOpen; i++) world.health.failed(out());
    await world.ports.breakers.report("things");
    await world.clock.advance(180_000);
    expect(await world.ports.breakers.admit("things")).toEqual({ type: "go", isTrial: true });
    expect(await world.tick()).toMatchObject({ postponed: 10, rescued: 0 });
    expect(world.alarms.take()).toEqual([]);
    expect(await world.tick()).toMatchObject({ postponed: 0, passed: 0 });
  });
});

describe("an upstream that an operator has paused (rule 12)", () => {
  it("is not used; news is kept, and nothing is sent meanwhile", async () => {
    const world = await worldOf(1);
    await world.drain();
    const tasks = tasksOf(world.ports);
    await tasks.pauseUpstream("things", "moving the server");
    world.append("t0", "e2");
    const opened = await opensOf(world, async () => {
      await world.signal("t0");
      await world.drain();
    });
    expect(opened).toBe(0);
    expect(world.alarms.next).toBeUndefined();
    expect(await world.record("t0")).toMatchObject({ status: "ready", tail: "e1" });
    await world.signal("t0");
    await world.drain();
    await world.clock.advance(86_400_000);
    expect(await world.tick()).toMatchObject({ postponed: 1, rescued: 0 });
    expect(world.alarms.next).toBeUndefined();

    await tasks.resumeUpstream("things");
    await world.clock.advance(300_000);
    expect(await world.tick()).toMatchObject({ rescued: 1 });
    await world.drain();
    expect(await world.record("t0")).toMatchObject({ status: "sleeping", tail: "e2" });
  });

  it("is named by its name", async () => {
    const world = await worldOf(0);
    world.ports.upstream = () => {
      throw new Error("no upstream of that name");
    };
    await expect(tasksOf(world.ports).pauseUpstream("thongs", "x")).rejects.toThrow("no upstream");
  });
});
