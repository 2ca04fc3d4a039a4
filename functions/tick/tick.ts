import type { Task } from "../contract/activity.ts";
import { describeError, isTailwakeError } from "../contract/error.ts";
import { bestEffort } from "../engines/best-effort.ts";
import { type Binding, bindingId } from "../engines/binding.ts";
import { adoptionCheckMs } from "../engines/eager.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { startMissingLeaders } from "../leaders/leadership.ts";
import { readQueueAge } from "../queue/queue-age.ts";
import { notifyWaiters } from "../run/notify.ts";
import { hasNews } from "../run/probe.ts";
import { sendOrLeaveToScan, startTask } from "../run/start.ts";
import { dueShards, eagerBucketOf, type TaskRecord, taskName } from "../tasks/record.ts";
import { standingOf } from "../tasks/standing.ts";
import type { DueEntry } from "../tasks/store.ts";
import { graceMs, strikesToQuarantine } from "../tasks/times.ts";
import {
  adopt,
  checkLease,
  checkSleeping,
  moveSlot,
  parkOnStrikes,
  postpone,
  recheck,
  rescue,
} from "../tasks/transitions.ts";
import { Limiter } from "../upstream/limiter.ts";
import type { TaskWake } from "../wake/wake.ts";
import { PassedOver, ShardScan } from "./due-scan.ts";
import { bringReboundForward, LatestBindings } from "./rebinding.ts";

export interface TickBudget {
  /** Maximum of tasks that one tick checks. */
  readonly checks: number;
  /** Concurrent checks. Some of them open a stream. */
  readonly concurrency: number;
}

/** What a tick did, for its log line. Counts are of tasks. */
export interface TickReport {
  started: number;
  /** Overdue tasks that it woke: a message was lost, or the slot of a cron task has come. */
  rescued: number;
  probed: number;
  news: number;
  /** Running tasks, and paused ones: nothing to do. */
  running: number;
  parked: number;
  /** Completed tasks whose waiters it notified. */
  notified: number;
  /** Checks postponed: the upstream is out or paused, or a leader runs the task. */
  postponed: number;
  /** Leaders started, of the signals or of shards that had none. */
  leaders: number;
  /** Entries that another tick or a run had changed first, or that a later version of the app is to decide on. */
  passed: number;
  failed: number;
  /** Overdue tasks whose activity is not in the app: passed over, and postponed bit by bit; absent if there are none. */
  foreign?: number;
  /** Overdue tasks whose record this version cannot read: read again every 15 minutes; absent if there are none. */
  unreadable?: number;
  /** Tasks to be checked soon, since their activity is bound differently now; absent if there are none. */
  broughtForward?: number;
  /** Overdue entries of the app's tasks, as far as the tick got to them; absent if it did not read the due index. */
  overdue?: number;
  /** How long the most overdue entry had been due; the age of the wake queue if that kept the tick from checking. */
  oldestDueMs: number;
  /** The budget or the time was used up, or the wake queue is late: the rest is left to the next tick. */
  cutShort: boolean;
}

/**
 * One tick of the cron function: starts the missing leaders and the roots, and reads the overdue entries of the due
 * index, whose tasks it wakes, probes or postpones. It does these side by side: none keeps the others from their share
 * of its time. It claims each task by the write that moves its due time, so double and overlapping ticks are
 * harmless. It runs no activity itself (protocol rule 11).
 */
export async function tick(
  ports: Ports,
  roots: readonly Task[],
  budget: TickBudget,
  invocation: Invocation,
): Promise<TickReport> {
  const report: TickReport = {
    started: 0,
    rescued: 0,
    probed: 0,
    news: 0,
    running: 0,
    parked: 0,
    notified: 0,
    postponed: 0,
    leaders: 0,
    passed: 0,
    failed: 0,
    oldestDueMs: 0,
    cutShort: false,
  };
  const work = [
    startLeaders(ports, report),
    startRoots(ports, roots, budget.concurrency, invocation, report),
    bringForward(ports, budget.concurrency, invocation, report),
    scanDue(ports, budget, invocation, report),
  ];
  // If one fails, the others end first: nothing may go on after the invocation.
  await Promise.allSettled(work);
  await Promise.all(work);
  return report;
}

async function startLeaders(ports: Ports, report: TickReport): Promise<void> {
  report.leaders = await startMissingLeaders(ports);
}

/** The root with which the next tick of a process begins. */
const nextRoot = new WeakMap<Ports, number>();

/**
 * Starts the roots that do not exist. A tick without the time for all of them leaves the rest to the next one, which
 * goes on there; in a new process it begins anywhere.
 */
async function startRoots(
  ports: Ports,
  roots: readonly Task[],
  concurrency: number,
  invocation: Invocation,
  report: TickReport,
): Promise<void> {
  if (roots.length === 0) return;
  const from = nextRoot.get(ports) ?? Math.floor(ports.random() * roots.length);
  const limiter = new Limiter(concurrency);
  let left = roots.length;
  await Promise.all(
    [...roots.slice(from), ...roots.slice(0, from)].map(({ activity, address }) =>
      limiter.run(async () => {
        if (invocation.signal.aborted) return;
        left--;
        try {
          if ((await startTask(ports, activity, address)).started) report.started++;
        } catch (error) {
          report.failed++;
          ports.log.error("root not started", { activity: activity.name, ...address, err: describeError(error) });
        }
      }),
    ),
  );
  nextRoot.set(ports, (from + roots.length - left) % roots.length);
  if (left === 0) return;
  report.cutShort = true;
  ports.log.warn("roots left to the next tick", { roots: roots.length, left });
}

/** Brings tasks forward whose activities are bound differently now. */
async function bringForward(
  ports: Ports,
  concurrency: number,
  invocation: Invocation,
  report: TickReport,
): Promise<void> {
  const tasks = await bringReboundForward(ports, concurrency, invocation.signal);
  if (tasks > 0) report.broughtForward = tasks;
}

/** Checks the overdue tasks, unless the wake queue is late. */
async function scanDue(ports: Ports, budget: TickBudget, invocation: Invocation, report: TickReport): Promise<void> {
  const queueAgeMs = await latenessOfWakeQueue(ports);
  if (queueAgeMs !== undefined) {
    report.oldestDueMs = queueAgeMs;
    report.cutShort = true;
    return;
  }
  report.overdue = 0;
  const passedOver = new PassedOver(ports);
  const latest = new LatestBindings(ports);
  await checkShards(ports, passedOver, latest, budget, invocation, report);
  if (passedOver.unreadable > 0) report.unreadable = passedOver.unreadable;
  if (passedOver.found) ports.log.error("due records not readable", passedOver.found);
  await postponeForeign(ports, passedOver, latest, budget.concurrency, invocation.signal, report);
}

async function checkShards(
  ports: Ports,
  passedOver: PassedOver,
  latest: LatestBindings,
  budget: TickBudget,
  invocation: Invocation,
  report: TickReport,
): Promise<void> {
  const limiter = new Limiter(budget.concurrency);
  let left = budget.checks;
  let toScan = shuffledShards(ports.random).map((shard) => new ShardScan(ports, shard, passedOver));
  while (toScan.length > 0) {
    const unfinished: ShardScan[] = [];
    for (const [i, scan] of toScan.entries()) {
      if (invocation.signal.aborted) {
        report.cutShort = true;
        return;
      }
      if (left <= 0) {
        const { oldestDueMs } = report;
        ports.log.warn("checks used up, the rest is left to the next tick", { checks: budget.checks, oldestDueMs });
        report.cutShort = true;
        return;
      }
      // Each shard gets a share of the budget: lost wakes in a shard that is never read would never be found (rule 22).
      const share = Math.ceil(left / (toScan.length - i));
      const entries = await scan.take(share, invocation.signal);
      left -= await checkAll(ports, passedOver, latest, entries, limiter, invocation, report);
      if (!scan.isDone) unfinished.push(scan);
    }
    toScan = unfinished;
  }
}

/**
 * Checks the tasks of some entries. Resolves to the number of checks that count against the budget: not those of records
 * that this version cannot read, of which many would keep ticks from checking the others for ever.
 */
async function checkAll(
  ports: Ports,
  passedOver: PassedOver,
  latest: LatestBindings,
  entries: readonly DueEntry[],
  limiter: Limiter,
  invocation: Invocation,
  report: TickReport,
): Promise<number> {
  const wakes: TaskWake[] = [];
  let checks = entries.length;
  const [oldest] = entries;
  report.overdue = (report.overdue ?? 0) + entries.length;
  if (oldest) report.oldestDueMs = Math.max(report.oldestDueMs, ports.clock.now() - oldest.due);
  await Promise.all(
    entries.map((entry) =>
      limiter.run(async () => {
        if (invocation.signal.aborted) {
          report.cutShort = true;
          return;
        }
        try {
          await checkTask(ports, latest, entry, invocation, report, wakes);
        } catch (error) {
          if (isTailwakeError(error, "malformed-record")) {
            checks--;
            passedOver.notReadable(entry, error);
            return;
          }
          report.failed++;
          ports.log.error("check failed", { task: taskName(entry.key), err: describeError(error) });
        }
      }),
    ),
  );
  // Sends the wakes of each page: a claimed task must not wait for the whole scan.
  await sendOrLeaveToScan(ports, wakes);
  return checks;
}

/** Foreign tasks are postponed for this time, or half as long again. Ticks bring them forward if the app has them again. */
const foreignMs = 6 * 3_600_000;

/** Says once which foreign tasks are overdue, and puts some of them out of the way of later ticks. */
async function postponeForeign(
  ports: Ports,
  passedOver: PassedOver,
  latest: LatestBindings,
  concurrency: number,
  signal: AbortSignal,
  report: TickReport,
): Promise<void> {
  const { foreign, foreignKept } = passedOver;
  if (foreign.size === 0) return;
  report.foreign = [...foreign.values()].reduce((sum, count) => sum + count, 0);
  const { store, clock, log } = ports;
  let postponed = 0;
  await bestEffort(ports, "foreign tasks not postponed", {}, async () => {
    if (signal.aborted) return;
    const limiter = new Limiter(concurrency);
    const work = foreignKept.map((entry) =>
      limiter.run(async () => {
        // A version of the app that is about to go must not put the tasks of new activities off.
        if (signal.aborted || (await latest.have(bindingId(entry.key.kind, entry.key.activity)))) return;
        const until = clock.now() + foreignMs * (1 + ports.random() / 2);
        try {
          if ((await store.update(entry.key, postpone(entry.due, Math.ceil(until)))).applied) postponed++;
        } catch (error) {
          if (!isTailwakeError(error, "malformed-record")) throw error;
          passedOver.leaveAlone(entry);
        }
      }),
    );
    await Promise.allSettled(work);
    await Promise.all(work);
  });
  log.warn("foreign tasks due", { activities: Object.fromEntries(foreign), postponed });
}

async function checkTask(
  ports: Ports,
  latest: LatestBindings,
  entry: DueEntry,
  invocation: Invocation,
  report: TickReport,
  wakes: TaskWake[],
): Promise<void> {
  const { store, clock } = ports;
  const { key, due } = entry;
  const record = await store.get(key);
  // The index may be stale.
  if (record?.due !== due) {
    report.passed++;
    return;
  }
  const binding = ports.bindings.find(key);
  if (isBeforeSlot(record, binding, clock.now()) && (await latest.differFrom(binding))) {
    report.passed++;
    return;
  }
  const decision = await ports.breakers.admit(binding.stream.upstream);
  const now = clock.now();
  const claim =
    decision.type === "go" || record.status === "completed" || record.paused
      ? claimFor(ports, record, binding, due, now)
      : ({
          update: postpone(due, decision.type === "wait" ? decision.at : now + pausedCheckMs),
          next: "postponed",
        } as const);
  const opensStream = claim.next === "probe";
  if (decision.type === "go" && decision.isTrial && !opensStream) {
    await ports.breakers.release(binding.stream.upstream);
  }
  if (!(await store.update(key, claim.update)).applied) {
    report.passed++;
    return;
  }
  const rescued = () => {
    report.rescued++;
    ports.meter.add("Rescues", 1, { why: record.status });
  };
  switch (claim.next) {
    case "wake":
      rescued();
      wakes.push({ class: "rescue", key });
      return;
    case "recheck":
      if (rulesOf(binding.engine).setsAlarms) wakes.push({ class: "child", key });
      return;
    case "probe":
      report.probed++;
      if (!(await hasNews(ports, binding, record, invocation.signal))) return;
      report.news++;
      wakes.push({ class: "probe", key });
      return;
    case "notify":
      report.notified++;
      return notifyWaiters(ports, record, invocation.deadline);
    case "park":
      report.parked++;
      ports.log.error("parked", { task: taskName(key), strikes: record.strikes });
      return;
    case "quarantine":
      rescued();
      return ports.alarms.sendQuarantined({ class: "rescue", key });
    case "postponed":
      report.postponed++;
      return;
    case "nothing":
      report.running++;
  }
}

/** How often a tick checks a task whose upstream an operator has paused. */
const pausedCheckMs = 300_000;

/** How long the wake queue counts as late after a late message. */
const lateForMs = 120_000;

/**
 * The age of a late wake queue, to which a tick must not add: its messages will run, or their tasks be due again (rule
 * 11). The other queues may be late: a tick sends nothing to the delay queue, and few wakes to the quarantine queue,
 * since it rescues a task ever less often.
 */
async function latenessOfWakeQueue(ports: Pick<Ports, "control" | "clock" | "log">): Promise<number | undefined> {
  const { control, clock } = ports;
  // An unreadable document must not keep the tick from its work (T6).
  const seen = await bestEffort(ports, "queue age not readable", {}, () => readQueueAge(control, "wakes"));
  return seen && seen.ageMs > graceMs && clock.now() - seen.at < lateForMs ? seen.ageMs : undefined;
}

/** Whether a cron task is due before its slot: it was brought forward. */
const isBeforeSlot = ({ status, notBefore = 0 }: TaskRecord, { engine }: Binding, now: number) =>
  status === "sleeping" && rulesOf(engine).whenDue === "run" && notBefore > now;

function claimFor(ports: Pick<Ports, "limits">, record: TaskRecord, binding: Binding, due: number, now: number) {
  const { probePeriodMs } = ports.limits;
  const { whenDue, runBy, sleep } = rulesOf(binding.engine);
  const standing = standingOf(record, now);
  switch (standing.type) {
    case "done":
      return { update: rescue(record, due, now), next: "notify" } as const;
    case "stopped":
      if (standing.why === "paused") return { update: rescue(record, due, now), next: "nothing" } as const;
      break;
    // Before its time only if it was brought forward.
    case "waiting":
      if (runBy === "leader") break;
      return { update: postpone(due, standing.until + graceMs), next: "postponed" } as const;
    case "asleep":
      // One that awaits a child looks at it again (rule 13). A cron task whose slot has come runs as at any slot.
      if (standing.awaiting && (whenDue !== "run" || standing.slot > now)) {
        return { update: recheck(due, now), next: "recheck" } as const;
      }
      if (isBeforeSlot(record, binding, now)) {
        const { notBefore: slot = now } = sleep(record, binding, now, ports.limits, "none");
        const update = standing.slot === slot ? postpone(due, slot) : moveSlot(due, slot);
        return { update, next: "postponed" } as const;
      }
      if (whenDue !== "probe") break;
      return { update: checkSleeping(due, now + probePeriodMs), next: "probe" } as const;
    case "dead": {
      const limit = binding.declaration.parkAfterAttempts;
      if (limit === undefined || standing.strikes < limit) break;
      return { update: parkOnStrikes(limit, now, record.tail), next: "park" } as const;
    }
  }
  const isHeld = standing.type === "held";
  if (runBy === "leader") return claimForLeader(record, binding, due, now, isHeld);
  if (isHeld) return { update: checkLease(record, due, now + probePeriodMs), next: "nothing" } as const;
  return { update: rescue(record, due, now), next: "wake" } as const;
}

/** Leaders run their tasks without wakes. A tick adds a task to their index, and wakes a quarantined task. */
function claimForLeader(record: TaskRecord, binding: Binding, due: number, now: number, isHeld: boolean) {
  if (record.strikes >= strikesToQuarantine && !isHeld)
    return { update: rescue(record, due, now), next: "quarantine" } as const;
  const again = now + adoptionCheckMs;
  const bucket = eagerBucketOf(binding.engine, record);
  const isFound = bucket === undefined || record.eagerBucket === bucket;
  return { update: isFound ? postpone(due, again) : adopt(bucket, due, again), next: "postponed" } as const;
}

/** A random order, so that ticks that are cut short do not always leave out the same shards. */
function shuffledShards(random: () => number): number[] {
  const shards = Array.from({ length: dueShards }, (_, shard) => shard);
  for (let i = shards.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shards[i], shards[j]] = [shards[j] as number, shards[i] as number];
  }
  return shards;
}
