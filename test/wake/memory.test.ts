import { describe, expect, it } from "vitest";
import { MemoryWakes } from "../../functions/wake/memory.ts";
import { TestClock } from "../support/test-clock.ts";
import { testWakes } from "./wakes.suite.ts";

describe("the alarm clocks in memory", () => {
  testWakes(async () => {
    const clock = new TestClock();
    const wakes = new MemoryWakes(clock);
    return { wakes, clock, take: async () => wakes.take() };
  });

  it("tell when the next message arrives, and hand messages out in the order of arrival", async () => {
    const clock = new TestClock();
    const start = clock.now();
    const wakes = new MemoryWakes(clock);
    expect(wakes.next).toBeUndefined();
    const wake = (entity: string) => ({ class: "timer", key: { entity, kind: "k", activity: "a" }, fence: 1 }) as const;
    await wakes.sendAt(wake("later"), start + 90_000);
    await wakes.sendAt(wake("soon"), start + 30_000);
    await wakes.send([{ class: "signal", entity: "now" }]);
    expect(wakes.next).toBe(start);
    await clock.advance(92_000);
    const names = wakes.take().map((message) => ("entity" in message ? message.entity : message.key.entity));
    expect(names).toEqual(["now", "soon", "later"]);
    expect(wakes.next).toBeUndefined();
  });
});
