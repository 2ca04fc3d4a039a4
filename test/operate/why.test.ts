import { describe, expect, it } from "vitest";
import { eventId } from "../../functions/contract/tail.ts";
import { type Facts, why } from "../../functions/operate/why.ts";
import type { TaskRecord } from "../../functions/tasks/record.ts";
import { closedBreaker, pause, trip } from "../../functions/upstream/breaker.ts";

const now = Date.UTC(2026, 0, 1, 12);
const minute = 60_000;
const sleeping: TaskRecord = {
  entity: "o-1",
  kind: "order",
  activity: "ship",
  address: { orderId: "o-1" },
  engine: "lazy",
  status: "sleeping",
  tail: eventId("e7"),
  wakeCount: 0,
  fence: 3,
  attempts: 0,
  strikes: 0,
  rescues: 0,
  startedAt: now - 60 * minute,
  due: now + 10 * minute,
};
const facts: Facts = { now, lastTick: { at: now - 30_000, report: {} } };
const error = { message: "the printer is out of paper", at: now - 2 * minute, afterEvent: eventId("e7") };
const of = (more: Partial<TaskRecord>, known: Partial<Facts> = {}) =>
  why({ ...sleeping, ...more }, { ...facts, ...known });

describe("why a task does not run", () => {
  it("is said of a record, too, that waits for a time which no clock and no date reaches (rule 17)", () => {
    for (const notBefore of [8.64e15, Number.MAX_SAFE_INTEGER - 180_000]) {
      const found = of({ status: "retrying", notBefore, due: notBefore + 180_000 });
      expect(found).toMatchObject({ reason: "waiting", next: notBefore });
      expect(found.sentence).toBe("It waits, as its activity asked, and runs again at a time after the year 9999.");
      expect(of({ due: notBefore }).sentence).toMatch(/a tick checks it by a time after the year 9999\.$/);
    }
  });

  it("is one sentence for each state, with the time of what comes next", () => {
    const failing = { status: "retrying", attempts: 4, error, notBefore: now + minute, due: now + 4 * minute } as const;
    const running = { status: "running", token: "t", leaseUntil: now + minute } as const;
    const cases = [
      [{}, "asleep", now + 10 * minute, /sleeps until a signal.* 2026-01-01T12:10:00Z \(in 10 min\)/],
      [{ status: "completed" }, "completed", now + 10 * minute, /never runs again/],
      [{ engine: "cron", notBefore: now + minute }, "between slots", now + minute, /slot at .*in 1 min/],
      [{ awaiting: true }, "awaiting a child", now + 10 * minute, /task that it started has completed/],
      [{ status: "ready" }, "on its way", now + 10 * minute, /wake is on the way/],
      [{ ...failing, attempts: 0 }, "waiting", now + minute, /as its activity asked/],
      [failing, "failed", now + minute, /after event e7 2 min ago: "the printer is out of paper" Attempt 5 is at/],
      [running, "running", now + minute + 5_000, /run 3 has the lease/],
    ] as const;
    for (const [more, reason, next, sentence] of cases) {
      const found = of(more);
      expect(found).toMatchObject({ reason, next, needsOperator: false });
      expect(found.sentence).toMatch(sentence);
    }
  });

  it("names the leader of a task that is watched", () => {
    const watched = of({ engine: "eager", status: "running", token: "eager-0-of-1#5#x", leaseUntil: now + minute });
    expect(watched).toMatchObject({ reason: "watching", next: undefined });
    expect(watched.sentence).toContain("eager-0-of-1 watches its stream");
  });

  it("says that a run was killed as soon as its lease is over by both clocks (rule 7), and how it goes on (rule 8)", () => {
    const dead = { status: "running", token: "t", leaseUntil: now - 5_001 } as const;
    expect(of({ ...dead, leaseUntil: now - 4_999 }).sentence).toContain("probably killed");
    expect(of(dead)).toMatchObject({ reason: "killed", needsOperator: false });
    expect(of({ ...dead, strikes: 1 }).sentence).toContain("runs the task again, in quarantine");
    expect(of(dead, { lastTick: undefined })).toMatchObject({ reason: "killed", needsOperator: true });
  });

  it("asks for an operator where one has to decide, and says who decided what, and why", () => {
    const intervention = { action: "pause", reason: "moving the printer", by: "kim", at: now - 3 * minute };
    const paused = of({ paused: true, intervention });
    expect(paused).toMatchObject({ reason: "paused", next: undefined, needsOperator: true });
    expect(paused.sentence).toContain("3 min ago by kim: moving the printer");
    expect(of({ paused: true, status: "running" }).sentence).toContain("goes on to its end");
    const parked = of({ status: "parked", attempts: 3, error });
    expect(parked).toMatchObject({ reason: "parked", needsOperator: true });
    expect(parked.sentence).toContain("failed 3 times in a row");
    expect(of({ status: "parked", strikes: 3 }).sentence).toContain("3 of its runs died");
  });

  it("is the upstream, if that is out or paused, for all but what runs", () => {
    const open = { name: "orders", breaker: trip(closedBreaker, now, 1, "connect ECONNREFUSED") };
    expect(of({ status: "ready" }, { upstream: open })).toMatchObject({ reason: "upstream out", next: now + 5_000 });
    const held = { name: "orders", breaker: pause(closedBreaker, now - minute, "maintenance") };
    expect(of({}, { upstream: held }).sentence).toContain("orders was paused 1 min ago: maintenance");
    expect(of({ status: "running", leaseUntil: now }, { upstream: open }).reason).toBe("running");
  });

  it("is the tick, if a due time is long over and none has come", () => {
    const overdue = { due: now - 3 * minute } as const;
    expect(of(overdue).sentence).toContain("more tasks to check than they manage");
    const late = of(overdue, { lastTick: { at: now - 10 * minute, report: {} } });
    expect(late).toMatchObject({ reason: "overdue", needsOperator: true });
    expect(late.sentence).toContain("The cron function does not tick");
  });
});
