import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs, firstBackoffMs, maxBackoffMs, strikeDelayMs } from "../../functions/tasks/backoff.ts";
import { alarmFor, maxDelayMs, scheduleExpression, scheduleName, scheduleTime } from "../../functions/wake/timing.ts";
import {
  acquireRuleOf,
  decodeDetail,
  detailTypes,
  encodeDetail,
  isNews,
  type TaskWake,
  type WakeClass,
} from "../../functions/wake/wake.ts";

const key = { entity: "e/1", kind: "order", activity: "ship" };
const times = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2050, 0, 1) });
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("the backoff", () => {
  it("lies in [d/2, d], with d doubling from 20 s up to 15 min", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), share, (attempts, random) => {
        const full = Math.min(maxBackoffMs, firstBackoffMs * 2 ** (attempts - 1));
        const wait = backoffMs(attempts, random);
        expect(wait).toBeGreaterThanOrEqual(full / 2);
        expect(wait).toBeLessThanOrEqual(full);
      }),
    );
  });

  it("of strikes begins with the second, and is bounded (rule 8)", () => {
    expect([0, 1, 2, 3, 4, 50].map(strikeDelayMs)).toEqual([0, 0, 20_000, 40_000, 80_000, maxBackoffMs]);
  });
});

describe("a one-time schedule", () => {
  const at = Date.UTC(2026, 0, 1);

  it("never fires before its time, and at most 3 s after it (rule 17)", () => {
    fc.assert(
      fc.property(times, (at) => {
        const time = scheduleTime(at);
        expect(time - at).toBeGreaterThanOrEqual(2_000);
        expect(time - at).toBeLessThan(3_000);
        const [, text = ""] = /^at\((.+)\)$/.exec(scheduleExpression(time)) ?? [];
        expect(Date.parse(`${text}Z`)).toBe(time);
      }),
    );
  });

  it("has the last time that it can name for a record that waits for a later one (rule 17)", () => {
    const last = Date.UTC(9999, 11, 31);
    const expected = "at(9999-12-31T00:00:02)";
    for (const at of [last, last + 1, 8.64e15, Number.MAX_SAFE_INTEGER]) {
      expect(scheduleExpression(scheduleTime(at))).toBe(expected);
    }
  });

  it("has a legal name of its own for each task and fence", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.nat({ max: Number.MAX_SAFE_INTEGER }), (entity, fence) => {
        const name = scheduleName({ class: "timer", key: { ...key, entity }, fence }, at);
        expect(name).toMatch(/^[0-9a-f]{40}-\d+$/);
        expect(name.length).toBeLessThanOrEqual(64);
      }),
    );
    const timer = { class: "timer", key, fence: 1 } as const;
    expect(scheduleName(timer, at)).toBe(scheduleName({ ...timer }, at + 60_000));
    expect(scheduleName(timer, at)).not.toBe(scheduleName({ ...timer, fence: 2 }, at));
    expect(scheduleName(timer, at)).not.toBe(scheduleName({ ...timer, key: { ...key, activity: "bill" } }, at));
  });

  it("has another name each time for a wake without a fence, and for one that is put off again", () => {
    const signal = { class: "signal", key } as const;
    const timer = { class: "timer", key, fence: 1, notBefore: at } as const;
    for (const wake of [signal, timer]) {
      const names = [at, at + 120_000].map((time) => scheduleName(wake, time));
      expect(new Set(names).size).toBe(2);
      for (const name of names) expect(name).toMatch(/^[0-9A-Za-z._-]{1,64}$/);
    }
  });

  it("is only for waits of more than a minute; the past is now", () => {
    expect(alarmFor(1_000, 1_000)).toBe("now");
    expect(alarmFor(1_001, 1_000)).toBe("delayQueue");
    expect(alarmFor(1_000 + maxDelayMs, 1_000)).toBe("delayQueue");
    expect(alarmFor(1_001 + maxDelayMs, 1_000)).toBe("schedule");
  });
});

describe("the wake classes (rule 3)", () => {
  it.each<[WakeClass, boolean, boolean, boolean | "opted in", boolean]>([
    // class, news, takes a sleeping lazy task, takes a retry early, only under its fence
    ["start", false, false, false, true],
    ["signal", true, true, "opted in", false],
    ["child", false, false, false, false],
    ["operator", true, true, true, false],
    ["probe", false, true, false, false],
    ["timer", false, false, false, true],
    ["handOver", false, false, false, true],
    ["rescue", false, false, false, false],
  ])("%s: news %s, sleeping %s, early %s, fenced %s", (wakeClass, news, sleeping, early, fenced) => {
    expect(isNews(wakeClass)).toBe(news);
    const fence = fenced ? 7 : undefined;
    const wake: TaskWake = { class: wakeClass, key, fence: 7 };
    expect(acquireRuleOf(wake, false)).toEqual({ sleeping, early: early === true, fence });
    expect(acquireRuleOf(wake, true)).toEqual({ sleeping, early: early !== false, fence });
  });

  it("survive the bus: what is decoded is what was sent", () => {
    const text = fc.string({ minLength: 1, maxLength: 256 });
    const classes = fc.constantFrom<WakeClass>("start", "timer", "handOver");
    const wakes = fc.record({
      class: classes,
      key: fc.record({ entity: text, kind: text, activity: text }),
      fence: fc.nat(),
      notBefore: fc.nat(),
    });
    fc.assert(
      fc.property(wakes, (wake) => {
        expect(decodeDetail(detailTypes.delayedWake, JSON.parse(encodeDetail(wake)))).toEqual(wake);
      }),
    );
    fc.assert(
      fc.property(text, fc.option(text, { nil: undefined }), (entity, kind) => {
        const signal = { class: "signal" as const, entity, ...(kind === undefined ? {} : { kind }) };
        expect(decodeDetail(detailTypes.signal, JSON.parse(encodeDetail(signal)))).toEqual(signal);
      }),
    );
  });
});
