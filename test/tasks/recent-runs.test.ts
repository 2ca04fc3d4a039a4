import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EventId, epoch, eventId } from "../../functions/contract/tail.ts";
import { type RecentRun, recentRuns, withRun } from "../../functions/tasks/recent-runs.ts";

const ulid = (n: number): EventId => eventId(`01J0000000000000000000${String(n).padStart(4, "0")}`);
const run = (fence: number, more: Partial<RecentRun> = {}): RecentRun => ({
  fence,
  startedAt: Date.UTC(2026, 0, 1) + fence * 60_000,
  durationMs: 1_234,
  events: 17,
  wake: "signal",
  outcome: "caughtUp",
  tail: ulid(fence),
  ...more,
});

describe("the last runs of a task", () => {
  it("are five, the last one first, in at most 256 bytes", () => {
    let text: string | undefined;
    for (let fence = 1; fence <= 9; fence++) text = withRun(text, run(fence));
    expect(recentRuns(text)).toEqual([9, 8, 7, 6, 5].map((fence) => run(fence)));
    expect(Buffer.byteLength(text ?? "")).toBeLessThanOrEqual(256);
  });

  it("have one entry for a run that commits again and again", () => {
    const text = withRun(withRun(withRun(undefined, run(1)), run(2, { events: 1 })), run(2, { events: 2 }));
    expect(recentRuns(text)).toEqual([run(2, { events: 2 }), run(1)]);
  });

  it("come back as they were, whatever their ids are, in bounded space", () => {
    const tail = fc.oneof(fc.constant(epoch), fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).map(eventId));
    const one = fc.record({
      fence: fc.nat(),
      startedAt: fc.nat({ max: 4e12 }),
      durationMs: fc.nat({ max: 900_000 }),
      events: fc.nat(),
      wake: fc.constantFrom("start", "signal", "child", "operator", "probe", "timer", "handOver", "rescue"),
      outcome: fc.constantFrom("completed", "caughtUp", "canceled", "silentRetry", "silentRetryAfter", "retry"),
      tail,
    } as const);
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 8 }), (runs) => {
        let text: string | undefined;
        for (const next of runs) text = withRun(text, next);
        const last = runs.at(-1);
        const isShort = encodeURIComponent(last?.tail ?? "").length <= 64;
        expect(recentRuns(text)[0]).toEqual({ ...last, tail: isShort ? last?.tail : undefined });
        expect(Buffer.byteLength(text ?? "")).toBeLessThanOrEqual(256);
      }),
    );
  });

  it("are none where none can be read: nothing depends on them", () => {
    for (const text of [undefined, "", "garbage", "1.2.3.4.gu", "1.2.3.4.zz.a", "1.2.3.4.gu.%E0%A4%A"]) {
      expect(recentRuns(text).flatMap(({ tail }) => tail ?? [])).toEqual([]);
    }
  });
});
