import { beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../functions/foundation/clock.ts";
import type { Alarms } from "../../functions/wake/alarms.ts";
import { delayQueueMs, maxDelayMs } from "../../functions/wake/timing.ts";
import { encodeDetail, type TaskWake, type WakeMessage } from "../../functions/wake/wake.ts";
import type { TestClock } from "../support/test-clock.ts";

/** An adapter with what stands behind it. */
export interface WakesWorld {
  readonly alarms: Alarms;
  readonly clock: Pick<Clock, "now">;
  /** The messages that have arrived and were not taken before. */
  take(): Promise<readonly WakeMessage[]>;
}

/** One whose alarms keep to a clock that stands until it is moved. */
export interface TimedWakesWorld extends WakesWorld {
  readonly clock: TestClock;
}

const key = { entity: "entity-1", kind: "order", activity: "ship" };
const timer: TaskWake = { class: "timer", key, fence: 7 };
/** How much later than asked for a wake may come, on a service that is as precise as its settings. */
const latestMs = 3_000;

/** The messages without their doubles, in an order of their own. */
export const distinct = (messages: readonly WakeMessage[]): string[] => [...new Set(messages.map(encodeDetail))].sort();

/** What the alarm clocks promise of messages that are to come now, run by every adapter. */
export function testWakesNow(start: () => Promise<WakesWorld>): void {
  let world: WakesWorld;
  beforeEach(async () => {
    world = await start();
  });

  it("brings each of 25 messages at least once", async () => {
    const messages = Array.from({ length: 25 }, (_, n): WakeMessage => ({ class: "signal", entity: `entity-${n}` }));
    await world.alarms.send(messages);
    const arrived = await world.take();
    expect(distinct(arrived)).toEqual(distinct(messages));
  });

  it("sends nothing for no messages", async () => {
    await world.alarms.send([]);
    expect(await world.take()).toEqual([]);
  });

  const messages: readonly WakeMessage[] = [
    { class: "signal", entity: "entity-1" },
    { class: "signal", entity: "entity-1", kind: "order" },
    { class: "signal", key },
    { class: "child", key },
    { class: "operator", key },
    { class: "probe", key },
    { class: "rescue", key },
    { class: "start", key, fence: 0 },
    { class: "handOver", key, fence: 2_000_000_000 },
    { class: "timer", key: { ...key, entity: 'a "b" \\ <c> ä 🦆\n/@' }, fence: 3, notBefore: Date.UTC(2026, 0, 1) },
  ];
  it.each(messages)("brings what was sent: $class %#", async (message) => {
    await world.alarms.send([message]);
    expect(await world.take()).toEqual([message]);
  });

  it.each([0, -1, -3_600_000])("takes a time %i ms from now as now", async (ms) => {
    const at = world.clock.now() + ms;
    await world.alarms.sendAt(timer, at);
    expect(await world.take()).toEqual([{ ...timer, notBefore: at }]);
  });
}

/** The whole contract of the alarm clocks, run by every adapter whose time can be moved. */
export function testWakes(start: () => Promise<TimedWakesWorld>): void {
  describe("now", () => testWakesNow(start));
  describe("in time", () => testWakesInTime(start));
}

function testWakesInTime(start: () => Promise<TimedWakesWorld>): void {
  let world: TimedWakesWorld;
  beforeEach(async () => {
    world = await start();
  });

  /** Moves time until `ms` from now and takes what has arrived by then. */
  async function after(ms: number): Promise<readonly WakeMessage[]> {
    await world.clock.advance(ms);
    return world.take();
  }

  it.each([1, 5_000, delayQueueMs, 20_001, 45_500, maxDelayMs])(
    "holds a wake that is %i ms away in the delay queue, and says when it may be taken",
    async (ms) => {
      const at = world.clock.now() + ms;
      await world.alarms.sendAt(timer, at);
      expect(await after(delayQueueMs - 1)).toEqual([]);
      // It may come before its time: whoever gets it reads `notBefore`.
      expect(await after(1)).toEqual([{ ...timer, notBefore: at }]);
      expect(await after(2 * maxDelayMs)).toEqual([]);
    },
  );

  it.each([maxDelayMs + 1, 60_999, 61_000, 90_500, 3_600_000, 86_400_001])(
    "brings a wake that is %i ms away once, after its time and not before (rule 17)",
    async (ms) => {
      // Whole seconds of the clock and of the wait must not be needed.
      await world.clock.advance(321);
      const at = world.clock.now() + ms;
      await world.alarms.sendAt(timer, at);
      expect(await after(ms - 1)).toEqual([]);
      expect(await after(1 + latestMs)).toEqual([{ ...timer, notBefore: at }]);
      expect(await after(2 * maxDelayMs)).toEqual([]);
    },
  );

  it("takes a second wake of a task under the same fence and the same time", async () => {
    const at = world.clock.now() + 90_000;
    await world.alarms.sendAt(timer, at);
    await world.alarms.sendAt(timer, at);
    const arrived = await after(90_000 + latestMs);
    expect(distinct(arrived)).toEqual(distinct([{ ...timer, notBefore: at }]));
  });

  it("keeps the wakes of two tasks, and of two fences, apart", async () => {
    const at = world.clock.now() + 90_000;
    const wakes = [timer, { ...timer, fence: 8 }, { ...timer, key: { ...key, activity: "bill" } }];
    for (const wake of wakes) await world.alarms.sendAt(wake, at);
    const arrived = await after(90_000 + latestMs);
    expect(distinct(arrived)).toEqual(distinct(wakes.map((wake) => ({ ...wake, notBefore: at }))));
  });
}
