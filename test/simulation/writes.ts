import { eventId } from "../../functions/contract/tail.ts";
import { ledToken } from "../../functions/tasks/lease-token.ts";
import type { TaskRecord } from "../../functions/tasks/record.ts";
import * as step from "../../functions/tasks/transitions.ts";
import type { Operation, Update } from "../../functions/tasks/update.ts";

const now = Date.UTC(2026, 0, 1);
const key = { entity: "entity-1", kind: "order", activity: "ship" };
const tail = eventId("event-1");
const bucket = "eager#03";

const progress: step.Progress = {
  tail,
  view: { type: "inline", json: "{}", version: 1 },
  acted: "again",
  actedAhead: false,
  tailSeenAt: now,
  runs: "1.2.3",
};
const inItem: step.Progress = { ...progress, view: { type: "item", name: "7.1", version: 1 } };
const claim: step.Claim = {
  token: "token",
  leaseUntil: now + 120_000,
  engine: "lazy",
  eagerBucket: undefined,
  inQuarantine: false,
  now,
};
const byLeader: step.Claim = {
  ...claim,
  token: ledToken({ leader: "eager-0-of-1", epoch: 2 }, "token"),
  engine: "eager",
  eagerBucket: bucket,
};
const rule: step.AcquireRule = { sleeping: true, early: false, fence: 7 };
const slept: step.Sleep = { seenWakeCount: 1, awaiting: false, notBefore: now + 60_000, due: now + 60_000 };
const record: TaskRecord = {
  ...key,
  address: { orderId: "1" },
  engine: "lazy",
  status: "running",
  tail,
  wakeCount: 1,
  token: "token",
  leaseUntil: now + 120_000,
  fence: 7,
  attempts: 2,
  strikes: 1,
  rescues: 3,
  due: now,
  startedAt: now,
};

/** Writes of each operation, as the transitions make them, in their different forms. */
export const writes: { readonly [O in Operation]: readonly Update[] } = {
  start: [step.start(record.address, "lazy", now)],
  acquire: [
    step.acquire(claim, rule),
    step.acquire({ ...claim, engine: "cron" }, rule),
    step.acquire(byLeader, { sleeping: true, early: true, fence: undefined }),
  ],
  "acquire over a dead lease": [step.acquireExpired(claim, "dead", 1)],
  "acquire from an earlier leader": [true, false].map((leftInOrder) =>
    step.acquireFromEarlierLeader(byLeader, "dead", leftInOrder),
  ),
  "acquire a lease given back": [step.acquireGivenBack(claim, "dead")],
  quarantine: [step.quarantine("dead", now)],
  "signal to a running task": [step.recordSignal("token")],
  "act asked": [step.askToAct()],
  "mark ready": [step.markReady(now, false), step.markReady(now, true)],
  checkpoint: [
    step.checkpoint({ token: "token", step: undefined }, progress),
    step.checkpoint({ token: "token", step: undefined }, inItem),
  ],
  caughtUp: [step.sleep("token", progress, slept), step.sleep("token", inItem, { ...slept, awaiting: true })],
  "caughtUp, wakes moved": [
    step.rerun({ token: "token", step: undefined }, progress),
    step.rerun({ token: "token", step: undefined }, inItem),
  ],
  "caughtUp, watching": [
    step.keepWatching({ token: "token", step: undefined }, progress, 1),
    step.keepWatching({ token: "token", step: undefined }, inItem, 1),
  ],
  "canceled, tail advanced": [step.handOver("token", progress, now)],
  retry: [step.retryAt("token", progress, 3, now + 20_000, step.storedError("wrong", now, tail))],
  "attempt limit reached": [step.park("token", progress, 3, undefined)],
  silentRetryAfter: [step.waitUntil("token", progress, now + 60_000, false)],
  "completed, no waiters": [step.complete("token", tail)],
  "completed, waiters": [step.completeForWaiters("token", tail, now)],
  "add waiter": [step.addWaiter()],
  "mark a waiter": [step.markWaiter(now, false), step.markWaiter(now, true)],
  "child completed": [step.childCompleted()],
  notified: [step.notified()],
  rescue: [step.rescue(record, now, now), step.rescue({ ...record, paused: true }, now, now)],
  "check a sleeping task": [step.checkSleeping(now, now + 900_000)],
  "recheck a waiting task": [step.recheck(now, now)],
  "check a running task": [step.checkLease(record, now, now + 900_000)],
  postpone: [step.postpone(now, now + 60_000)],
  "bring forward": [step.bringForward(now, now - 60_000)],
  "move the slot": [step.moveSlot(now, now + 60_000)],
  adopt: [step.adopt(bucket, now, now + 60_000)],
  "park on strikes": [step.parkOnStrikes(3, now, tail)],
  pause: [step.pause(true), step.pause(false)],
  resume: [step.resume(record, now), step.resume({ ...record, notBefore: now + 60_000 }, now, bucket)],
  "resume while running": [step.resumeRunning(now)],
  rewind: [step.rewind(tail, now)],
};
