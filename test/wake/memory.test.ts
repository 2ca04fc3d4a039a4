import { describe, expect, it } from "vitest";
import { MemoryAlarms } from "../../functions/wake/memory.ts";
import { TestClock } from "../support/test-clock.ts";
import { testWakes } from "./wakes.suite.ts";

describe("the alarm clocks in memory", () => {
  testWakes(async () => {
    const clock = new TestClock();
    const alarms = new MemoryAlarms(clock);
    return { alarms, clock, take: async () => alarms.take() };
  });

  it("tell when the next message arrives, and hand messages out in the order of arrival", async () => {
    const clock = new TestClock();
    const start = clock.now();
    const alarms = new MemoryAlarms(clock);
    expect(alarms.next).toBeUndefined();
    const wake = (entity: string) => ({ class: "timer", key: { entity, kind: "k", activity: "a" }, fence: 1 }) as const;
    await alarms.sendAt(wake("later"), start + 90_000);
    await alarms.sendAt(wake("soon"), start + 30_000);
    await alarms.send([{ class: "signal", entity: "now" }]);
    expect(alarms.next).toBe(start);
    await clock.advance(92_000);
    const names = alarms.take().map((message) => ("entity" in message ? message.entity : message.key.entity));
    expect(names).toEqual(["now", "soon", "later"]);
    expect(alarms.next).toBeUndefined();
  });
});
