import { beforeEach, describe, expect, it } from "vitest";
import { eventId } from "../../functions/contract/tail.ts";
import {
  dueShard,
  eagerBucketOf,
  eagerBuckets,
  type TaskKey,
  type TaskRecord,
  taskName,
} from "../../functions/tasks/record.ts";
import type { TaskStore } from "../../functions/tasks/store.ts";
import { clockSkewMs, graceMs } from "../../functions/tasks/times.ts";
import * as step from "../../functions/tasks/transitions.ts";
import type { Update, Written } from "../../functions/tasks/update.ts";

const t0 = Date.UTC(2026, 0, 1);
const minute = 60_000;

/** Raises the counter by `n`, one write each. */
const tail = (n: number) => eventId(`event-${n}`);
const progress = (n: number, more: Partial<step.Progress> = {}): step.Progress => ({
  tail: tail(n),
  view: { type: "unchanged" },
  acted: "unchanged",
  actedAhead: false,
  tailSeenAt: "unchanged",
  ...more,
});

/** The contract of the task table and of its transitions, run by every adapter. */
export function testTaskStore(createStore: () => Promise<TaskStore>): void {
  let store: TaskStore;
  const key: TaskKey = { entity: "entity-1", kind: "order", activity: "ship" };

  beforeEach(async () => {
    store = await createStore();
  });

  const write = (update: Update, of: TaskKey = key): Promise<Written> => store.update(of, update);
  async function accepted(update: Update, of: TaskKey = key): Promise<TaskRecord> {
    const written = await write(update, of);
    expect(written, `${update.operation} of ${taskName(of)}`).toMatchObject({ applied: true });
    if (!written.applied) throw new Error("refused");
    expect(await store.get(of)).toEqual(written.record);
    return written.record;
  }
  async function isRefused(update: Update, of: TaskKey = key): Promise<TaskRecord | undefined> {
    const before = await store.get(of);
    const written = await write(update, of);
    expect(written, `${update.operation} of ${taskName(of)}`).toMatchObject({ applied: false });
    expect(await store.get(of), "a refused write changes nothing").toEqual(before);
    expect(written.record, "a refused write comes back with the stored record").toEqual(before);
    return written.record;
  }

  const start = (now = t0, engine: "lazy" | "cron" = "lazy") => step.start({ orderId: "1" }, engine, now);
  const claim = (token: string, now = t0, more: Partial<step.Claim> = {}): step.Claim => ({
    token,
    leaseUntil: now + 2 * minute,
    engine: "lazy",
    eagerBucket: undefined,
    inQuarantine: false,
    now,
    ...more,
  });
  const anyWake: step.AcquireRule = { sleeping: false, early: false, fence: undefined };
  const signal: step.AcquireRule = { ...anyWake, sleeping: true };
  const acquire = (token: string, now = t0, rule = signal, more: Partial<step.Claim> = {}) =>
    step.acquire(claim(token, now, more), rule);
  const asleep = (record: TaskRecord, more: Partial<step.Sleep> = {}) => ({
    seenWakeCount: record.wakeCount,
    awaiting: false,
    notBefore: undefined,
    due: undefined,
    ...more,
  });
  const completing = () => step.complete("a", tail(9));

  async function running(token = "a", now = t0): Promise<TaskRecord> {
    await accepted(start(now));
    return accepted(acquire(token, now));
  }
  async function sleeping(): Promise<TaskRecord> {
    return accepted(step.sleep("a", progress(1), asleep(await running())));
  }
  async function retrying(notBefore: number): Promise<TaskRecord> {
    await running();
    return accepted(step.retryAt("a", progress(1), 1, notBefore, undefined));
  }
  async function parked(): Promise<TaskRecord> {
    await running();
    return accepted(step.park("a", progress(1), 1, { message: "broken", at: t0, afterEvent: tail(1) }));
  }
  async function completed(): Promise<TaskRecord> {
    await running();
    return accepted(completing());
  }

  describe("start", () => {
    it("writes the first record: tail epoch, no wakes, fence 0, ready, due after the grace", async () => {
      expect(await accepted(start())).toEqual({
        ...key,
        address: { orderId: "1" },
        engine: "lazy",
        status: "ready",
        tail: "epoch",
        wakeCount: 0,
        fence: 0,
        attempts: 0,
        strikes: 0,
        rescues: 0,
        startedAt: t0,
        due: t0 + graceMs,
      });
    });

    it("is refused when there is a record, whatever its status", async () => {
      await completed();
      await isRefused(start());
    });
  });

  describe("acquire", () => {
    it("takes a ready task: token, lease, fence + 1, rescues 0; due stays as it is (rule 6)", async () => {
      const first = await accepted(start());
      await accepted(step.rescue(first, first.due ?? 0, t0 + graceMs));
      const record = await accepted(acquire("a"));
      expect(record).toMatchObject({
        status: "running",
        token: "a",
        leaseUntil: t0 + 2 * minute,
        fence: 1,
        rescues: 0,
      });
      expect(record.due).toBe(t0 + 2 * graceMs);
    });

    it("is refused while a run holds the lease (T2)", async () => {
      await running("a");
      await isRefused(acquire("b"));
    });

    it("takes a sleeping lazy task for a signal, child or probe, and for no other wake (rule 3)", async () => {
      await sleeping();
      await isRefused(acquire("b", t0, anyWake));
      await accepted(acquire("b", t0, signal));
    });

    it("takes a sleeping cron task at its slot and not before", async () => {
      const slot = t0 + 5 * minute;
      await accepted(start(t0, "cron"));
      const record = await accepted(acquire("a", t0, anyWake, { engine: "cron" }));
      await accepted(step.sleep("a", progress(1), asleep(record, { notBefore: slot, due: slot })));
      await isRefused(acquire("b", slot - 1, signal, { engine: "cron" }));
      expect((await accepted(acquire("b", slot, anyWake, { engine: "cron" }))).engine).toBe("cron");
    });

    it("takes a retry from two seconds before its time on", async () => {
      const at = t0 + minute;
      await retrying(at);
      await isRefused(acquire("b", at - 2001, anyWake));
      await accepted(acquire("b", at - 2000, anyWake));
    });

    it("leaves a retry alone for a signal, unless the activity opted in (rule 4)", async () => {
      await retrying(t0 + minute);
      await isRefused(acquire("b", t0, signal));
      await accepted(acquire("b", t0, { ...signal, early: true }));
    });

    it("drops a timer or hand-over of another fence (rule 3)", async () => {
      await retrying(t0 + minute);
      await isRefused(acquire("b", t0 + minute, { ...anyWake, fence: 0 }));
      await accepted(acquire("b", t0 + minute, { ...anyWake, fence: 1 }));
    });

    it("is refused for a paused, parked or completed task and for one that does not exist", async () => {
      await isRefused(acquire("b"));
      await accepted(start());
      await accepted(step.pause(false));
      await isRefused(acquire("b"));
      await accepted(step.resume((await store.get(key)) as TaskRecord, t0));
      const record = await accepted(acquire("a"));
      expect(record.status).toBe("running");
      await accepted(completing());
      await isRefused(acquire("b", t0, { ...signal, early: true }));
    });

    it("takes a dead lease over after the skew, with a strike, from the run it saw only (rule 8)", async () => {
      const { leaseUntil = 0 } = await running("a");
      const over = (now: number, seen = "a", strikes = 0) => step.acquireExpired(claim("b", now), seen, strikes);
      await isRefused(over(leaseUntil + clockSkewMs));
      await isRefused(over(leaseUntil + clockSkewMs + 1, "c"));
      await isRefused(over(leaseUntil + clockSkewMs + 1, "a", 2));
      const record = await accepted(over(leaseUntil + clockSkewMs + 1));
      expect(record).toMatchObject({ status: "running", token: "b", strikes: 1, fence: 2 });
    });

    it("finds that its answer was lost: a record with its own token is its own (rule 5)", async () => {
      await accepted(start());
      const update = acquire("a");
      await accepted(update);
      expect(await write(update)).toMatchObject({ applied: true, record: { token: "a", fence: 1 } });
    });

    it("lets exactly one of many claims win (T2)", async () => {
      await accepted(start());
      const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => write(acquire(`t${i}`))));
      expect(claims.filter(({ applied }) => applied)).toHaveLength(1);
      expect((await store.get(key))?.fence).toBe(1);
    });
  });

  describe("a signal, an operator's wake or a completed child to a running task", () => {
    it("adds to wakes, for the run just seen", async () => {
      await running("a");
      expect((await accepted(step.recordSignal("a"))).wakeCount).toBe(1);
      expect(await accepted(step.askToAct())).toMatchObject({ wakeCount: 2, actAsked: true });
      expect(await accepted(step.childCompleted())).toMatchObject({ wakeCount: 3, childDone: true });
    });

    it("is refused once that run is over, so that the caller looks again", async () => {
      await running("a");
      await isRefused(step.recordSignal("b"));
      await accepted(completing());
      await isRefused(step.recordSignal("a"));
    });
  });

  describe("what has killed two runs (rule 8)", () => {
    it("is acquired only by who runs nothing beside it", async () => {
      const { leaseUntil = 0 } = await running("a");
      const later = leaseUntil + clockSkewMs + 1;
      await accepted(step.acquireExpired(claim("b", later), "a", 0));
      await accepted(step.quarantine("b", later));
      expect(await isRefused(acquire("c", later))).toMatchObject({ status: "ready", strikes: 2 });
      expect(await accepted(acquire("d", later, signal, { inQuarantine: true }))).toMatchObject({
        token: "d",
        strikes: 2,
      });
    });

    it("is not what has killed one", async () => {
      await running("a");
      await accepted(step.quarantine("a", t0));
      expect(await accepted(acquire("b"))).toMatchObject({ token: "b", strikes: 1 });
    });
  });

  describe("checkpoint", () => {
    it("moves tail and view together and keeps the run going (T5)", async () => {
      await running("a");
      const record = await accepted(
        step.checkpoint(
          { token: "a", step: undefined },
          progress(4, { view: { type: "inline", json: "{}", version: 3 } }),
        ),
      );
      expect(record).toMatchObject({ status: "running", token: "a", tail: tail(4), view: "{}", viewVersion: 3 });
    });

    it("never resets attempts (rule 9)", async () => {
      await retrying(t0);
      await accepted(acquire("b", t0));
      expect((await accepted(step.checkpoint({ token: "b", step: undefined }, progress(4)))).attempts).toBe(1);
    });

    it("is refused for a run that lost its lease (T2)", async () => {
      await running("a");
      await isRefused(step.checkpoint({ token: "b", step: undefined }, progress(4)));
    });
  });

  describe("caughtUp", () => {
    it("puts a lazy task to sleep: attempts and strikes 0, error gone, due unchanged (rules 6 and 9)", async () => {
      await retrying(t0);
      const { leaseUntil = 0, due } = await accepted(acquire("b", t0));
      const now = leaseUntil + clockSkewMs + 1;
      const record = await accepted(step.acquireExpired(claim("c", now), "b", 0));
      expect(record).toMatchObject({ attempts: 1, strikes: 1 });
      const slept = await accepted(step.sleep("c", progress(5), asleep(record)));
      expect(slept).toMatchObject({ status: "sleeping", tail: tail(5), attempts: 0, strikes: 0, due });
      expect(slept).not.toHaveProperty("error");
      expect(slept).not.toHaveProperty("notBefore");
    });

    it("puts a cron task to sleep until its next slot", async () => {
      const slot = t0 + 5 * minute;
      const record = await running("a");
      const slept = await accepted(step.sleep("a", progress(1), asleep(record, { notBefore: slot, due: slot })));
      expect(slept).toMatchObject({ status: "sleeping", notBefore: slot, due: slot });
    });

    it("removes token and lease and keeps the token as the last one (rule 1)", async () => {
      const slept = await sleeping();
      expect(slept).toMatchObject({ lastToken: "a" });
      expect(slept).not.toHaveProperty("token");
      expect(slept).not.toHaveProperty("leaseUntil");
      await isRefused(step.checkpoint({ token: "a", step: undefined }, progress(7)));
    });

    it("is refused if wakes moved since the run saw them; the run then goes on with its token (T3, rule 2)", async () => {
      const record = await running("a");
      await accepted(step.recordSignal("a"));
      const stored = await isRefused(step.sleep("a", progress(1), asleep(record)));
      expect(stored).toMatchObject({ token: "a", wakeCount: 1 });
      const again = await accepted(step.rerun({ token: "a", step: undefined }, progress(1)));
      expect(again).toMatchObject({ status: "running", token: "a", tail: tail(1), wakeCount: 1 });
      await accepted(step.sleep("a", progress(2), asleep(again)));
    });

    it("is marked as awaiting while it waits for a child", async () => {
      const record = await running("a");
      expect((await accepted(step.sleep("a", progress(1), asleep(record, { awaiting: true })))).awaiting).toBe(true);
      const next = await accepted(acquire("b"));
      expect(await accepted(step.sleep("b", progress(1), asleep(next)))).not.toHaveProperty("awaiting");
    });

    it("finds that its answer was lost: a record with its last token is its own (rule 5)", async () => {
      const update = step.sleep("a", progress(1), asleep(await running("a")));
      await accepted(update);
      expect(await write(update)).toMatchObject({ applied: true });
    });
  });

  describe("canceled", () => {
    it("hands over after an advance: ready, strikes 0, due after the grace", async () => {
      await running("a");
      const record = await accepted(step.handOver("a", progress(3), t0 + minute));
      expect(record).toMatchObject({
        status: "ready",
        tail: tail(3),
        strikes: 0,
        attempts: 0,
        due: t0 + minute + graceMs,
      });
      expect(record).not.toHaveProperty("token");
    });
  });

  describe("retry, silentRetry, canceled without advance", () => {
    it("counts the attempt, keeps the error and waits until notBefore", async () => {
      await running("a");
      const error = { message: "no route", at: t0, afterEvent: tail(2) };
      const record = await accepted(step.retryAt("a", progress(2), 1, t0 + minute, error));
      expect(record).toMatchObject({
        status: "retrying",
        tail: tail(2),
        attempts: 1,
        strikes: 0,
        notBefore: t0 + minute,
        due: t0 + minute + graceMs,
        error,
      });
    });

    it("adopts a tail that moves back, also to epoch: no order of ids decides", async () => {
      await sleeping();
      await accepted(acquire("b"));
      expect((await accepted(step.retryAt("b", progress(0, { tail: "epoch" }), 1, t0, undefined))).tail).toBe("epoch");
    });

    it("parks at the attempt limit, without a due time", async () => {
      const record = await parked();
      expect(record).toMatchObject({ status: "parked", attempts: 1, error: { message: "broken" } });
      expect(record).not.toHaveProperty("due");
    });
  });

  it("silentRetryAfter waits until its time and is no attempt", async () => {
    await running("a");
    const at = t0 + 7 * 24 * 60 * minute;
    expect(await accepted(step.waitUntil("a", progress(1), at, false))).toMatchObject({
      status: "retrying",
      attempts: 0,
      strikes: 0,
      notBefore: at,
      due: at + graceMs,
    });
  });

  describe("completed", () => {
    it("has no view and no due time, and never runs again (T4)", async () => {
      await running("a");
      await accepted(
        step.checkpoint(
          { token: "a", step: undefined },
          progress(1, { view: { type: "inline", json: "{}", version: 1 } }),
        ),
      );
      const record = await accepted(completing());
      expect(record).toMatchObject({ status: "completed", tail: tail(9) });
      for (const gone of ["view", "viewRef", "due", "token", "error"]) expect(record).not.toHaveProperty(gone);
      await isRefused(acquire("b", t0 + 60 * minute, { ...signal, early: true }));
      await isRefused(step.rewind("epoch", t0));
      await isRefused(step.pause(false));
    });

    it("never expires: its record is there years later, and refuses another start (T4, rule 21)", async () => {
      const record = await completed();
      expect(await isRefused(start(t0 + 10 * 365 * 24 * 60 * minute))).toEqual(record);
    });

    it("stays due while it has waiters, until they are told", async () => {
      await running("a");
      await accepted(step.addWaiter());
      await isRefused(completing());
      const record = await accepted(step.completeForWaiters("a", tail(9), t0));
      expect(record).toMatchObject({ status: "completed", due: t0 + graceMs, awaited: true });
      const told = await accepted(step.notified());
      expect(told).not.toHaveProperty("awaited");
      expect(told).not.toHaveProperty("due");
    });
  });

  describe("waiters", () => {
    const parent: TaskKey = { entity: "p/1@x", kind: "order", activity: "parent" };

    it("are items of their own, once each, in pages, and go one by one", async () => {
      const names: string[] = [];
      for (let i = 0; i < 7; i++) {
        const waiter = { ...parent, entity: `${i}/${"é".repeat(500)}` };
        names.push(taskName(waiter));
        await store.addWaiter(key, waiter);
        await store.addWaiter(key, waiter);
      }
      await store.addWaiter({ ...key, activity: "other" }, parent);
      const first = await store.waiters(key, 4);
      const rest = await store.waiters(key, 4, first.at(-1));
      expect([...first, ...rest].sort()).toEqual(names.sort());
      expect(first.length).toBe(4);
      await store.removeWaiter(key, names[2] ?? "");
      await store.removeWaiter(key, "order/nobody@x");
      expect([...(await store.waiters(key, 100))].sort()).toEqual(names.filter((_, i) => i !== 2));
      expect(await store.get(key)).toBeUndefined();
    });

    it("are refused by a completed task: the child is done", async () => {
      await isRefused(step.addWaiter());
      await completed();
      await isRefused(step.addWaiter());
    });

    it("become ready when they sleep; one that is ready or running is told by its record (rule 13)", async () => {
      await sleeping();
      const marked = await accepted(step.markWaiter(t0 + 1, false));
      expect(marked).toMatchObject({ status: "ready", childDone: true, due: t0 + 1 + graceMs });
      await isRefused(step.markWaiter(t0, true));
      expect(await accepted(step.childCompleted())).toMatchObject({ status: "ready", childDone: true });
      await accepted(acquire("b"));
      await isRefused(step.markWaiter(t0, true));
      expect(await accepted(step.childCompleted())).toMatchObject({ status: "running", token: "b" });
    });

    it("become ready from a wait that asked for the child, and from any if their waits may be cut (rule 13)", async () => {
      await running("a");
      await accepted(step.waitUntil("a", progress(1), t0 + 60 * minute, true));
      await accepted(step.markWaiter(t0, false));
      await accepted(acquire("b"));
      await accepted(step.waitUntil("b", progress(1), t0 + 60 * minute, false));
      await isRefused(step.markWaiter(t0, false));
      await accepted(step.markWaiter(t0, true));
    });

    it("that are paused stay asleep", async () => {
      await sleeping();
      await accepted(step.pause(false));
      await isRefused(step.markWaiter(t0, true));
    });

    it("are looked at again when they are due, only if they await a child (rule 13)", async () => {
      const { due = 0 } = await sleeping();
      await isRefused(step.recheck(due, t0));
      await accepted(acquire("b"));
      const awaits = { seenWakeCount: 0, awaiting: true, notBefore: undefined, due: t0 + 60 * minute };
      await accepted(step.sleep("b", progress(1), awaits));
      await isRefused(step.recheck(due, t0));
      const again = await accepted(step.recheck(t0 + 60 * minute, t0 + 61 * minute));
      expect(again).toMatchObject({ status: "ready", childDone: true, due: t0 + 61 * minute + graceMs });
    });
  });

  describe("the due scan", () => {
    it("claims an overdue task by the due time it saw, so that one of two ticks wins (rule 11)", async () => {
      const record = await accepted(start());
      const now = t0 + graceMs;
      const first = await accepted(step.rescue(record, record.due ?? 0, now));
      expect(first).toMatchObject({ status: "ready", rescues: 1, due: now + graceMs });
      await isRefused(step.rescue(record, record.due ?? 0, now));
      const second = await accepted(step.rescue(first, first.due ?? 0, now + graceMs));
      expect(second.due).toBe(now + graceMs + 2 * graceMs);
    });

    it("looks after a task at least every hour", async () => {
      const record = await accepted(start());
      const claimed = await accepted(step.rescue({ ...record, rescues: 30 }, record.due ?? 0, t0));
      expect(claimed.due).toBe(t0 + 60 * minute);
    });

    it("takes a paused task out of the index", async () => {
      await running("a");
      const paused = await accepted(step.pause(true));
      expect(paused).toMatchObject({ paused: true, due: t0 + graceMs });
      expect(await accepted(step.rescue(paused, paused.due ?? 0, t0 + graceMs))).not.toHaveProperty("due");
    });

    it("puts the check of a sleeping task one probe period off", async () => {
      const { due = 0 } = await sleeping();
      expect((await accepted(step.checkSleeping(due, due + 15 * minute))).due).toBe(due + 15 * minute);
      await isRefused(step.checkSleeping(due, due + 30 * minute));
    });

    it("puts the check of a running task where its lease ends", async () => {
      const record = await running("a");
      const checked = await accepted(step.checkLease(record, record.due ?? 0, t0 + 60 * minute));
      expect(checked.due).toBe((record.leaseUntil ?? 0) + clockSkewMs + 1);
    });

    it("checks only what it has seen: that due time, that status, that token (rule 11)", async () => {
      const record = await running("a");
      await isRefused(step.checkLease(record, (record.due ?? 0) + 1, t0 + 60 * minute));
      await isRefused(step.checkLease({ ...record, token: "b" }, record.due ?? 0, t0 + 60 * minute));
      await isRefused(step.checkSleeping(record.due ?? 0, t0 + minute));
    });

    it("brings a check forward, and gives a sleeping cron task another slot, if nobody was first (rule 11)", async () => {
      const record = await running("a");
      const { due = 0 } = record;
      await isRefused(step.moveSlot(due, t0 + minute));
      await isRefused(step.bringForward(due + 1, t0));
      expect(await accepted(step.bringForward(due, due - 1))).toMatchObject({ status: "running", due: due - 1 });
      await isRefused(step.moveSlot(due - 1, t0 + minute));
      const slot = t0 + 90 * minute;
      await accepted(step.sleep("a", progress(1), asleep(record, { notBefore: slot, due: slot })));
      await isRefused(step.moveSlot(due - 1, t0 + minute));
      expect(await accepted(step.moveSlot(slot, t0 + minute))).toMatchObject({
        status: "sleeping",
        notBefore: t0 + minute,
        due: t0 + minute,
      });
    });

    it("leaves a paused task to its operator, though its lease is over (rule 12)", async () => {
      const { leaseUntil = 0, due = 0 } = await running("a");
      await accepted(step.pause(true));
      const late = claim("b", leaseUntil + clockSkewMs + 1);
      await isRefused(step.acquireExpired(late, "a", 0));
      await isRefused(step.acquireFromEarlierLeader(late, "a", false));
      await isRefused(step.quarantine("a", late.now));
      await isRefused(step.adopt("eager#00", due, late.now));
    });

    it("refuses whatever is written under a token that is not stored (T2)", async () => {
      const record = await running("a");
      for (const update of [
        step.sleep("b", progress(1), asleep(record)),
        step.rerun({ token: "b", step: undefined }, progress(1)),
        step.keepWatching({ token: "b", step: undefined }, progress(1), record.wakeCount),
        step.handOver("b", progress(1), t0),
        step.retryAt("b", progress(1), 1, t0 + minute, undefined),
        step.waitUntil("b", progress(1), t0 + minute, false),
        step.park("b", progress(1), 1, undefined),
        step.complete("b", tail(1)),
        step.completeForWaiters("b", tail(1), t0),
        step.quarantine("b", t0),
      ]) {
        await isRefused(update);
      }
    });

    it("parks on strikes once the lease is over, and takes the token away (rule 8)", async () => {
      let record = await running("a");
      for (const token of ["b", "c"]) {
        const now = (record.leaseUntil ?? 0) + clockSkewMs + 1;
        record = await accepted(step.acquireExpired(claim(token, now), record.token ?? "", 0));
      }
      const over = (record.leaseUntil ?? 0) + clockSkewMs + 1;
      await isRefused(step.parkOnStrikes(3, over, record.tail));
      await isRefused(step.parkOnStrikes(2, over - 1, record.tail));
      const parkedRecord = await accepted(step.parkOnStrikes(2, over, record.tail));
      expect(parkedRecord).toMatchObject({ status: "parked", strikes: 2 });
      expect(parkedRecord).not.toHaveProperty("due");
      await isRefused(step.checkpoint({ token: "c", step: undefined }, progress(1)));
    });
  });

  describe("operators", () => {
    it("pause a task that does not run: out of the index", async () => {
      await sleeping();
      await isRefused(step.pause(true));
      const paused = await accepted(step.pause(false));
      expect(paused).toMatchObject({ status: "sleeping", paused: true });
      expect(paused).not.toHaveProperty("due");
    });

    it("pause a running task: its run commits as usual", async () => {
      const record = await running("a");
      await isRefused(step.pause(false));
      await accepted(step.pause(true));
      expect(await accepted(step.sleep("a", progress(2), asleep(record)))).toMatchObject({
        paused: true,
        tail: tail(2),
      });
    });

    it("resume a paused or parked task: ready now, attempts and strikes 0, fence + 1", async () => {
      const record = await parked();
      await isRefused(step.resume({ ...record, notBefore: t0 }, t0));
      const resumed = await accepted(step.resume(record, t0 + minute));
      expect(resumed).toMatchObject({ status: "ready", attempts: 0, strikes: 0, fence: 2, due: t0 + minute + graceMs });
      await isRefused(step.resume(resumed, t0));
    });

    it("resume only what they have seen: its status, and what it waits for", async () => {
      const { notBefore: _, ...ready } = await retrying(t0 + 5 * minute);
      await accepted(step.pause(false));
      await isRefused(step.resume(ready, t0));
      await isRefused(step.resumeRunning(t0));
    });

    it("have paused a task in vain that completes: it is paused no more, and its waiters are told (T6)", async () => {
      await running("a");
      await accepted(step.addWaiter());
      await accepted(step.pause(true));
      const completed = await accepted(step.completeForWaiters("a", tail(9), t0));
      expect(completed).toMatchObject({ status: "completed", due: t0 + graceMs });
      expect(completed).not.toHaveProperty("paused");
    });

    it("resume no running task as if it did not run, and no completed one (T2, T4)", async () => {
      await running("a");
      const paused = await accepted(step.pause(true));
      await isRefused(step.resume(paused, t0));
      await accepted(completing());
      await isRefused(step.resume(paused, t0));
    });

    it("resume a task whose time has not come: it goes on waiting", async () => {
      const at = t0 + 60 * minute;
      await retrying(at);
      const paused = await accepted(step.pause(false));
      const resumed = await accepted(step.resume(paused, t0));
      expect(resumed).toMatchObject({ status: "retrying", notBefore: at, due: at + graceMs });
      expect(resumed).not.toHaveProperty("paused");
    });

    it("resume a running task: wakes + 1, so that it runs on", async () => {
      await running("a");
      await accepted(step.pause(true));
      expect(await accepted(step.resumeRunning(t0))).toMatchObject({
        status: "running",
        wakeCount: 1,
        due: t0 + graceMs,
      });
      await isRefused(step.resumeRunning(t0));
    });

    it("rewind a task, and fence out the run that is under way", async () => {
      await running("a");
      await accepted(
        step.checkpoint(
          { token: "a", step: undefined },
          progress(5, { view: { type: "item", name: "1.1", version: 1 }, acted: tail(5) }),
        ),
      );
      const record = await accepted(step.rewind(tail(2), t0));
      expect(record).toMatchObject({ status: "ready", tail: tail(2), fence: 2, due: t0 + graceMs });
      for (const gone of ["token", "leaseUntil", "viewRef", "viewVersion", "acted"])
        expect(record).not.toHaveProperty(gone);
      await isRefused(step.checkpoint({ token: "a", step: undefined }, progress(6)));
    });
  });

  describe("an eager task (rule 19)", () => {
    const bucket = eagerBucketOf("eager", key) ?? "";
    const eager = (now = t0) => step.start({ orderId: "1" }, "eager", now, bucket);
    const claimEager = (token: string, now = t0) => claim(token, now, { engine: "eager", eagerBucket: bucket });
    const indexed = async () => {
      const found = await Promise.all(Array.from({ length: eagerBuckets }, (_, n) => store.eager(n)));
      return found.flat();
    };

    it("is in its bucket of the eager index, with fence and wakes, from its start until it is completed", async () => {
      await accepted(eager());
      expect(await indexed()).toEqual([{ key, fence: 0, wakeCount: 0 }]);
      await accepted(step.acquire(claimEager("a"), signal));
      await accepted(step.childCompleted());
      expect(await indexed()).toEqual([{ key, fence: 1, wakeCount: 1 }]);
      expect((await store.eager(Number(bucket.slice(-2)))).map(({ key: found }) => found)).toEqual([key]);
      await accepted(completing());
      expect(await indexed()).toEqual([]);
    });

    it("leaves the index while it is paused or parked, and comes back", async () => {
      await accepted(eager());
      await accepted(step.pause(false));
      expect(await indexed()).toEqual([]);
      const paused = (await store.get(key)) as TaskRecord;
      await accepted(step.resume(paused, t0, bucket));
      expect(await indexed()).toHaveLength(1);
      await accepted(step.acquire(claimEager("a"), signal));
      await accepted(step.pause(true));
      expect(await indexed()).toEqual([]);
      await accepted(step.resumeRunning(t0, bucket));
      await accepted(step.park("a", progress(1), 1, undefined));
      expect(await indexed()).toEqual([]);
      await accepted(step.rewind(tail(1), t0, bucket));
      expect(await indexed()).toHaveLength(1);
    });

    it("leaves the index when another engine acquires it, and is adopted when it is bound to this one", async () => {
      await accepted(eager());
      await accepted(acquire("a"));
      expect(await indexed()).toEqual([]);
      const asleepRecord = (await store.get(key)) as TaskRecord;
      await accepted(step.sleep("a", progress(1), asleep(asleepRecord)));
      const { due = 0 } = (await store.get(key)) as TaskRecord;
      expect(await accepted(step.adopt(bucket, due, t0 + minute))).toMatchObject({
        due: t0 + minute,
        eagerBucket: bucket,
      });
      await isRefused(step.adopt(bucket, due, t0 + minute));
      expect(await indexed()).toHaveLength(1);
    });

    it("that has caught up keeps its lease, and has its attempts, strikes and error forgotten", async () => {
      await accepted(eager());
      const { wakeCount } = await accepted(step.acquire(claimEager("a"), signal));
      const record = await accepted(step.keepWatching({ token: "a", step: undefined }, progress(3), wakeCount));
      expect(record).toMatchObject({ status: "running", token: "a", tail: tail(3), attempts: 0, strikes: 0, fence: 1 });
      expect(record.due).toBe(t0 + graceMs);
      await accepted(step.recordSignal("a"));
      await isRefused(step.keepWatching({ token: "a", step: 1 }, progress(4), wakeCount));
      await isRefused(step.keepWatching({ token: "b", step: 1 }, progress(4), wakeCount + 1));
    });

    it("is written to step by step: a write that comes again is its own, and one that comes late is refused (rule 5, T5)", async () => {
      await accepted(eager());
      const { wakeCount } = await accepted(step.acquire(claimEager("a"), signal));
      const first = step.keepWatching({ token: "a", step: undefined }, progress(3), wakeCount);
      const second = step.checkpoint({ token: "a", step: 1 }, progress(4));
      await accepted(first);
      expect(await accepted(first)).toMatchObject({ tail: tail(3), step: 1 });
      await accepted(second);
      await isRefused(first);
      expect(await store.get(key)).toMatchObject({ tail: tail(4), step: 2 });
      await accepted(step.handOver("a", progress(5), t0));
      await isRefused(second);
      expect(await accepted(step.acquire(claimEager("b"), signal))).not.toHaveProperty("step");
    });

    it("is taken from an earlier leader at once, by its token; a strike unless that one left in order", async () => {
      await accepted(eager());
      await accepted(step.acquire(claimEager("old"), signal));
      await isRefused(step.acquireFromEarlierLeader(claimEager("new"), "older", true));
      const inOrder = await accepted(step.acquireFromEarlierLeader(claimEager("new"), "old", true));
      expect(inOrder).toMatchObject({ token: "new", fence: 2, strikes: 0 });
      await isRefused(step.checkpoint({ token: "old", step: undefined }, progress(9)));
      const afterDeath = await accepted(step.acquireFromEarlierLeader(claimEager("newer"), "new", false));
      expect(afterDeath).toMatchObject({ token: "newer", fence: 3, strikes: 1 });
    });

    it("that has killed its leader is quarantined: ready without a lease, and the dead run's commit is not taken for applied", async () => {
      await accepted(eager());
      await accepted(step.acquire(claimEager("a"), signal));
      const record = await accepted(step.quarantine("a", t0 + minute));
      expect(record).toMatchObject({ status: "ready", strikes: 1, fence: 2, due: t0 + minute + graceMs });
      expect(record).not.toHaveProperty("token");
      expect(record.lastToken).not.toBe("a");
      await isRefused(completing());
    });
  });

  describe("news for a task that cannot run now", () => {
    it("makes a sleeping one ready, and leaves a retry alone", async () => {
      await sleeping();
      expect(await accepted(step.markReady(t0 + minute, false))).toMatchObject({
        status: "ready",
        tail: tail(1),
        due: t0 + minute + graceMs,
      });
      await isRefused(step.markReady(t0, false));
      store = await createStore();
      await retrying(t0 + minute);
      await isRefused(step.markReady(t0, false));
    });

    it("from an operator makes also a retry ready, and it must act", async () => {
      await running();
      await accepted(step.retryAt("a", progress(1, { acted: tail(1) }), 1, t0 + minute, undefined));
      const record = await accepted(step.markReady(t0, true));
      expect(record).toMatchObject({ status: "ready", attempts: 1 });
      for (const gone of ["acted", "notBefore"]) expect(record).not.toHaveProperty(gone);
    });

    it("does nothing to a paused one", async () => {
      await sleeping();
      await accepted(step.pause(false));
      await isRefused(step.markReady(t0, true));
    });
  });

  it("every status has a due time, but completed without waiters, parked and paused (rule 6)", async () => {
    const states: Record<string, () => Promise<TaskRecord>> = {
      ready: () => accepted(start()),
      running,
      sleeping,
      retrying: () => retrying(t0 + minute),
      parked,
      completed,
    };
    for (const [name, reach] of Object.entries(states)) {
      store = await createStore();
      const record = await reach();
      expect(record.due !== undefined, name).toBe(!["parked", "completed"].includes(name));
    }
  });

  describe("reading", () => {
    it("finds all tasks of an aggregate, and no others", async () => {
      const others = [
        { ...key, activity: "bill" },
        { ...key, kind: "parcel" },
        { ...key, entity: "entity-2" },
        { ...key, entity: "entity-1#x" },
      ];
      for (const of of [key, ...others]) await accepted(start(), of);
      const { tasks, malformed } = await store.tasksOf("entity-1");
      expect(tasks.map(taskName).sort()).toEqual([
        "order/bill@entity-1",
        "order/ship@entity-1",
        "parcel/ship@entity-1",
      ]);
      expect(malformed).toEqual([]);
    });

    it("finds due tasks by shard, the oldest first, up to a time and a number", async () => {
      const keys = Array.from({ length: 60 }, (_, i) => ({ ...key, entity: `e${i}` }));
      for (const [i, of] of keys.entries()) await accepted(start(t0 - i * 1000), of);
      const shard = dueShard(keys[7] as TaskKey);
      const mine = keys.filter((of) => dueShard(of) === shard);
      const all = await store.due(shard, t0 + graceMs, 100);
      expect(all.map(({ key: { entity } }) => entity)).toEqual(mine.map(({ entity }) => entity).reverse());
      expect(await store.due(shard, t0 + graceMs, 1)).toEqual(all.slice(0, 1));
      expect(await store.due(shard, (all[0]?.due ?? 0) - 1, 100)).toEqual([]);
      const [first] = all;
      if (!first) throw new Error("none is due");
      expect(await store.due(shard, t0 + graceMs, 100, first)).toEqual(all.slice(1));
      expect(await store.due(shard, t0 + graceMs, 100, all.at(-1))).toEqual([]);
    });

    it("goes on between tasks that are due at the same time", async () => {
      const keys = Array.from({ length: 200 }, (_, i) => ({ ...key, entity: `same-${i}` })).filter(
        (of) => dueShard(of) === 3,
      );
      for (const of of keys) await accepted(start(), of);
      const found: string[] = [];
      for (let after = undefined as Parameters<TaskStore["due"]>[3]; ; ) {
        const page = await store.due(3, Number.MAX_SAFE_INTEGER, 2, after);
        found.push(...page.map(({ key: { entity } }) => entity));
        after = page.at(-1);
        if (page.length < 2) break;
      }
      expect(found.sort()).toEqual(keys.map(({ entity }) => entity).sort());
    });

    it("lists every task", async () => {
      for (const entity of ["a", "b", "c"]) await accepted(start(), { ...key, entity });
      await store.putView(key, "1.1", "{}");
      const entities: string[] = [];
      for await (const record of store.list()) entities.push(record.entity);
      expect(entities.sort()).toEqual(["a", "b", "c"]);
    });

    it("keeps large views in items of their own, which a task's aggregate does not read", async () => {
      const json = JSON.stringify({ text: "ä€\u{1F600}".repeat(50_000) });
      await store.putView(key, "1.1", json);
      expect(await store.getView(key, "1.1")).toBe(json);
      expect(await store.getView(key, "1.2")).toBeUndefined();
      expect((await store.tasksOf(key.entity)).tasks).toEqual([]);
      await store.deleteView(key, "1.1");
      expect(await store.getView(key, "1.1")).toBeUndefined();
      await store.deleteView(key, "1.1");
    });

    it("keeps any entity id as it is", async () => {
      for (const entity of ["a/b", "task#x", "ü", "x@y", "e".repeat(256)]) {
        await accepted(start(), { ...key, entity });
        expect((await store.tasksOf(entity)).tasks[0]?.entity).toBe(entity);
      }
    });
  });
}
