import { describeError, isTailwakeError } from "../contract/error.ts";
import type { Binding } from "../engines/binding.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { type Need, Slots } from "../engines/slots.ts";
import { runTask } from "../run/run.ts";
import { Watch } from "../run/watch.ts";
import { ledToken } from "../tasks/lease-token.ts";
import { eagerBucketOf, eagerBuckets, type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import { type Standing, standingOf } from "../tasks/standing.ts";
import type { EagerEntry } from "../tasks/store.ts";
import { clockSkewMs, graceMs, strikesToQuarantine } from "../tasks/times.ts";
import {
  acquire,
  acquireExpired,
  acquireFromEarlierLeader,
  acquireGivenBack,
  type Claim,
  quarantine,
} from "../tasks/transitions.ts";
import type { Update } from "../tasks/update.ts";
import { Limiter } from "../upstream/limiter.ts";
import { type EagerShard, eagerLeader } from "../wake/leader-name.ts";
import type { WakeClass } from "../wake/wake.ts";
import { lead } from "./lead.ts";
import { isFree, type Leadership, measureGap } from "./leadership.ts";

/** How often a leader reads the index of its shard. A new task joins within this time. */
const rereadMs = 3_000;
/** How long before its end a leader asks for a successor: a bus event, and the start of a function. */
const leadTimeMs = 10_000;
/** How often a leader checks a task whose lease another run holds. */
const heldElsewhereMs = 15_000;
/** How often a leader checks a task whose record cannot be read, unless its index entry changes before. */
const unreadableMs = 60_000;
/** Maximum of tasks that are read and acquired at once. */
const acquiresAtOnce = 30;

export interface EagerReport {
  readonly leader: string;
  /** "led by another": another instance leads the shard. */
  readonly ended: "led by another" | "handed over" | "lost";
  /** Maximum of tasks watched at once. */
  readonly watched: number;
  readonly runs: number;
}

/**
 * Leads one shard of the eager tasks for an invocation: finds the tasks by the eager index, watches their streams, and
 * runs each until it ends, or until the invocation's deadline. Then all runs commit, the leader releases the shard, and
 * its successor, which has been started before, goes on (protocol rule 19).
 */
export async function leadEagerShard(ports: Ports, shard: EagerShard, invocation: Invocation): Promise<EagerReport> {
  const leader = eagerLeader(shard.shard, shard.shards);
  const watching: { shard?: WatchedShard } = {};
  const ended = await lead(ports, leader, invocation, {
    // Only one instance may run tasks: the successor waits until this leader has released the shard.
    leadTimeMs,
    mayReplace: isFree,
    async whileLeading(leadership, signal) {
      watching.shard = new WatchedShard(ports, shard, leadership, { ...invocation, signal });
      await watching.shard.watch();
    },
  });
  return { leader, ended, watched: watching.shard?.maxWatched ?? 0, runs: watching.shard?.runs ?? 0 };
}

interface Later {
  readonly until: number;
  /** The task as it was read; if it was not, the index entry at the first check since. */
  seen?: Pick<EagerEntry, "fence" | "wakeCount">;
}

interface RunningTask {
  readonly upstream: string;
  readonly watch: Watch;
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
}

class WatchedShard {
  readonly #ports: Ports;
  readonly #shard: EagerShard;
  readonly #leadership: Leadership;
  readonly #invocation: Invocation;
  readonly #running = new Map<string, RunningTask>();
  /** Tasks that are not checked before a time, unless their index entry changes. */
  readonly #later = new Map<string, Later>();
  readonly #acquires = new Limiter(acquiresAtOnce);
  readonly #slots = new Slots();
  #isFull = false;
  /** True until the first read of the index, which finds the tasks of the leader before. */
  #isTakingOver = true;
  #hasOpened = false;
  #watched = 0;
  maxWatched = 0;
  runs = 0;

  constructor(ports: Ports, shard: EagerShard, leadership: Leadership, invocation: Invocation) {
    this.#ports = ports;
    this.#shard = shard;
    this.#leadership = leadership;
    this.#invocation = invocation;
  }

  /** Resolves when the invocation's signal has aborted and all runs are over. */
  async watch(): Promise<void> {
    const { clock, log } = this.#ports;
    const { signal } = this.#invocation;
    while (!signal.aborted) {
      try {
        await this.#reread();
        this.#isTakingOver = false;
      } catch (error) {
        log.warn("shard not read", { leader: this.#leadership.name, err: describeError(error) });
      }
      await clock.sleep(rereadMs, signal);
    }
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  async #reread(): Promise<void> {
    const buckets = Array.from({ length: eagerBuckets }, (_, bucket) => bucket).filter(
      (bucket) => bucket % this.#shard.shards === this.#shard.shard,
    );
    const entries = (await Promise.all(buckets.map((bucket) => this.#ports.store.eager(bucket)))).flat();
    const found = new Set<string>();
    for (const entry of entries) {
      const name = taskName(entry.key);
      found.add(name);
      this.#compare(name, entry);
    }
    for (const [name, { stopping, upstream }] of this.#running) {
      // A task that is not in the index any more is not to run: most likely it was paused.
      if (!found.has(name) || (await this.#ports.breakers.isPaused(upstream))) stopping.abort();
    }
    for (const name of this.#later.keys()) if (!found.has(name)) this.#later.delete(name);
  }

  #compare(name: string, entry: EagerEntry): void {
    const running = this.#running.get(name);
    if (running) {
      if (running.watch.compare(entry) === "stop") running.stopping.abort();
      return;
    }
    if (this.#invocation.signal.aborted || this.#mustWait(name, entry)) return;
    const binding = this.#bindingOf(name, entry.key);
    if (!binding) return;
    const watch = new Watch(this.#isTakingOver ? () => this.#opened() : undefined);
    const stopping = new AbortController();
    const needs = this.#needsOf(binding);
    if (!this.#slots.hasRoom(needs)) this.#logFull(needs);
    const ended = this.#slots
      .run(needs, () => this.#run(binding, entry.key, watch, stopping.signal))
      .catch((error) => {
        this.#ports.log.error("eager run failed", { task: name, err: describeError(error) });
        const againMs = isTailwakeError(error, "malformed-record") ? unreadableMs : rereadMs;
        this.#later.set(name, { until: this.#ports.clock.now() + againMs });
      })
      .finally(() => this.#running.delete(name));
    this.#running.set(name, { upstream: binding.stream.upstream, watch, stopping, ended });
  }

  /** The stream of a task of the leader before is open. */
  #opened(): void {
    if (!this.#hasOpened) measureGap(this.#ports, this.#leadership);
    this.#hasOpened = true;
  }

  #mustWait(name: string, entry: EagerEntry): boolean {
    const later = this.#later.get(name);
    if (!later || later.until <= this.#ports.clock.now()) return false;
    later.seen ??= entry;
    // A stale entry has lower numbers.
    return entry.fence <= later.seen.fence && entry.wakeCount <= later.seen.wakeCount;
  }

  /** Undefined for a task that a leader does not run: then this leader ignores it from now on. */
  #bindingOf(name: string, key: TaskKey): Binding | undefined {
    try {
      const binding = this.#ports.bindings.find(key);
      // Otherwise the activity was bound to another engine since, and wakes and ticks run the task.
      if (rulesOf(binding.engine).runBy === "leader") return binding;
    } catch (error) {
      this.#ports.log.error("eager task not run", { task: name, err: describeError(error) });
    }
    this.#later.set(name, { until: Number.POSITIVE_INFINITY });
    return undefined;
  }

  #needsOf({ stream }: Binding): Need[] {
    const { limits, upstream } = this.#ports;
    const needs: Need[] = [{ name: "watches", limit: limits.eagerWatches }];
    const { maxOpenStreams } = upstream(stream.upstream);
    if (maxOpenStreams !== undefined) needs.push({ name: `upstream ${stream.upstream}`, limit: maxOpenStreams });
    return needs;
  }

  /** Logs once that tasks wait for a slot until others end, which may never happen. */
  #logFull(needs: readonly Need[]): void {
    if (this.#isFull) return;
    this.#isFull = true;
    const limits = Object.fromEntries(needs.map(({ name, limit }) => [name, limit]));
    const remedy = "more TAILWAKE_EAGER_SHARDS, TAILWAKE_EAGER_WATCHES or maxOpenStreams";
    this.#ports.log.error("shard full: tasks wait until others end", {
      leader: this.#leadership.name,
      limits,
      remedy,
    });
  }

  async #run(binding: Binding, key: TaskKey, watch: Watch, stopped: AbortSignal): Promise<void> {
    const ports = this.#ports;
    const acquired = await this.#acquires.run(() => this.#acquire(binding, key));
    if (!acquired) return;
    this.runs++;
    this.#watched++;
    this.maxWatched = Math.max(this.maxWatched, this.#watched);
    const { record, why } = acquired;
    const signal = AbortSignal.any([this.#invocation.signal, stopped]);
    try {
      const after = await runTask(ports, binding, record, why, { ...this.#invocation, signal }, watch);
      if (after.status === "retrying") this.#checkAgain(after, after.notBefore ?? 0);
    } finally {
      this.#watched--;
    }
    await ports.breakers.report(binding.stream.upstream);
  }

  /** The record if the task was acquired; else undefined, and `#later` has the time of the next check, if it is known. */
  async #acquire(binding: Binding, key: TaskKey): Promise<{ record: TaskRecord; why: WakeClass } | undefined> {
    const { store, clock, breakers } = this.#ports;
    const name = taskName(key);
    const seen = await store.get(key);
    if (!seen || this.#invocation.signal.aborted) return undefined;
    const update = await this.#claim(binding, seen);
    if (!update) {
      this.#checkLater(seen);
      return undefined;
    }
    const { upstream } = binding.stream;
    const decision = await breakers.admit(upstream);
    if (decision.type !== "go") {
      this.#later.set(name, { until: decision.type === "wait" ? decision.at : clock.now() + graceMs });
      return undefined;
    }
    const written = await store.update(key, update);
    if (written.applied) {
      if (written.record.strikes > seen.strikes) this.#ports.meter.add("LeasesExpired", 1);
      return { record: written.record, why: reasonFor(seen) };
    }
    if (decision.isTrial) await breakers.release(upstream);
    return undefined;
  }

  /** The write that acquires a task, given its record; undefined if it is not to be acquired now. */
  async #claim(binding: Binding, seen: TaskRecord): Promise<Update | undefined> {
    const now = this.#ports.clock.now();
    const standing = standingOf(seen, now);
    const { name: leader, epoch } = this.#leadership;
    const claim: Claim = {
      token: ledToken({ leader, epoch }, this.#ports.newToken()),
      leaseUntil: this.#invocation.hardEnd + clockSkewMs,
      engine: binding.engine,
      eagerBucket: eagerBucketOf(binding.engine, seen),
      inQuarantine: false,
      now,
    };
    switch (standing.type) {
      case "done":
      case "stopped":
        return undefined;
      case "held":
      case "dead":
        return this.#claimLeased(seen, standing, claim);
    }
    if (seen.strikes >= strikesToQuarantine) return undefined;
    switch (standing.type) {
      case "waiting":
        this.#checkAgain(seen, standing.until);
        return undefined;
      case "acquirable":
        return acquire(claim, { sleeping: false, early: false, fence: undefined });
      case "asleep":
        if (!standing.awaiting) return acquire(claim, { sleeping: true, early: false, fence: undefined });
        // The end of the child, a signal or a tick makes it ready, and changes its entry.
        this.#checkAgain(seen, Number.POSITIVE_INFINITY);
        return undefined;
    }
  }

  /** Acquires from an earlier leader of this shard at once, and from any other run when its lease is dead. */
  async #claimLeased(
    seen: TaskRecord,
    { type, token, ledBy, strikes }: Standing & { readonly type: "held" | "dead" },
    claim: Claim,
  ): Promise<Update | undefined> {
    const { name, epoch: ours, before } = this.#leadership;
    const epoch = ledBy?.leader === name ? ledBy.epoch : undefined;
    // A run of this leader that is not under way any more: it could not commit.
    if (epoch === ours) return acquireGivenBack(claim, token);
    if (epoch === undefined ? type === "held" : epoch >= ours) return undefined;
    const leftInOrder = epoch !== undefined && epoch === before?.released;
    if (!leftInOrder && strikes + 1 >= strikesToQuarantine) {
      await this.#quarantine(seen, token);
      return undefined;
    }
    return epoch === undefined
      ? acquireExpired(claim, token, strikes)
      : acquireFromEarlierLeader(claim, token, leftInOrder);
  }

  /** Quarantines a task that has killed two leaders (rule 8). */
  async #quarantine(seen: TaskRecord, token: string): Promise<void> {
    const { clock, alarms, store, meter } = this.#ports;
    const quarantined = await store.update(seen, quarantine(token, clock.now()));
    if (!quarantined.applied) return;
    meter.add("LeasesExpired", 1);
    await alarms.sendQuarantined({ class: "rescue", key: keyOf(seen) });
  }

  /** Records when to check a task again that another run or the quarantine queue has: the index does not say. */
  #checkLater(record: TaskRecord): void {
    const isElsewhere = record.status === "running" || record.strikes >= strikesToQuarantine;
    if (isElsewhere) this.#checkAgain(record, this.#ports.clock.now() + heldElsewhereMs);
  }

  /** Checks a task at a time, or as soon as its index entry is later than its record was. */
  #checkAgain(record: TaskRecord, until: number): void {
    this.#later.set(taskName(record), { until, seen: record });
  }
}

/** Why an eager task runs. It has no wake, so its record says so. */
function reasonFor({ status, childDone, fence }: TaskRecord): WakeClass {
  if (childDone) return "child";
  if (status === "retrying") return "timer";
  return fence === 0 ? "start" : "handOver";
}

const keyOf = ({ entity, kind, activity }: TaskKey): TaskKey => ({ entity, kind, activity });
