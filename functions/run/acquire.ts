import { TailwakeError } from "../contract/error.ts";
import type { Binding } from "../engines/binding.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { eagerBucketOf, type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import {
  acquire,
  acquireExpired,
  type Claim,
  clockSkewMs,
  markReady,
  recordWake,
  strikesToQuarantine,
  timerSlackMs,
} from "../tasks/transitions.ts";
import { strikeDelayMs } from "../wake/backoff.ts";
import { acquireRuleOf, isNews, type TaskWake, type WakeClass } from "../wake/wake.ts";

/**
 * What a wake came to.
 *
 * - `taken`: this run holds the lease.
 * - `noted`: another run holds it and will go on for this wake.
 * - `nothing`: there is nothing to do for it; the word says why.
 * - `alone`: the task has killed invocations and is to be tried again with nothing beside it (rule 8).
 */
export type Taking =
  | { readonly type: "taken"; readonly record: TaskRecord }
  | { readonly type: "noted" }
  | { readonly type: "nothing"; readonly why: "completed" | "parked" | "paused" | "stale" | "running" | "not its time" }
  | { readonly type: "alone" };

/** Rounds against other writers before the message is left to a later delivery (rule 5). */
const maxTries = 3;

/**
 * Takes the lease for a wake. `seen` is the record if the caller has just read it: then it decides the first write, and
 * wakes that can come to nothing cost none (rule 4). Throws a `TailwakeError` for an unknown task, and when other
 * writers win every round.
 */
export async function take(
  ports: Ports,
  binding: Binding,
  wake: TaskWake,
  invocation: Invocation,
  options: { readonly seen?: TaskRecord | undefined; readonly inQuarantine: boolean },
): Promise<Taking> {
  const { store, clock } = ports;
  const rule = acquireRuleOf(wake, binding.declaration.signalsCutWaits);
  const token = ports.newToken();
  let { seen } = options;
  for (let round = 1; round <= maxTries; round++) {
    const now = clock.now();
    const { engine } = binding;
    const { inQuarantine } = options;
    const leaseUntil = invocation.hardEnd + clockSkewMs;
    const claim: Claim = { token, leaseUntil, engine, eagerBucket: eagerBucketOf(engine, wake.key), inQuarantine, now };
    const step = seen ? nextStep(seen, binding, wake, now) : "acquire";
    if (typeof step === "object") return step;
    if (seen && step !== "note" && !inQuarantine && strikesIfTaken(seen) >= strikesToQuarantine)
      return { type: "alone" };
    const heldBy = seen?.token ?? "";
    const update =
      step === "acquire"
        ? acquire(claim, rule)
        : step === "takeOver"
          ? acquireExpired(claim, heldBy, strikeDelayMs(seen?.strikes ?? 0))
          : recordWake(heldBy, wake.class === "child" ? "child" : "signal");
    const written = await store.update(wake.key, update);
    if (written.applied && step === "takeOver") ports.meter.add("LeasesExpired", 1);
    if (written.applied) return step === "note" ? { type: "noted" } : { type: "taken", record: written.record };
    if (!written.record) throw unknownTask(wake);
    seen = written.record;
  }
  throw stillMoving(wake.key);
}

/**
 * Keeps news for a task that does not run here, or not now: a sleeping task becomes ready, a running one goes on, and
 * any other runs anyway.
 */
export async function keepNews({ store, clock }: Ports, key: TaskKey, wakeClass: WakeClass): Promise<void> {
  for (let round = 1; round <= maxTries; round++) {
    const marked = await store.update(key, markReady(clock.now(), wakeClass === "operator"));
    if (marked.applied) return;
    const { record } = marked;
    if (!record || record.paused || record.status === "retrying") return;
    if (record.status === "sleeping") continue;
    if (record.status !== "running" || record.token === undefined) return;
    if ((await store.update(key, recordWake(record.token, wakeClass === "child" ? "child" : "signal"))).applied) return;
  }
  throw stillMoving(key);
}

function stillMoving(key: TaskKey): TailwakeError {
  return new TailwakeError({
    code: "store-refused",
    subject: `wake of ${taskName(key)}`,
    expected: `its record to stand still for one of ${maxTries} rounds`,
    received: "another writer each time",
  });
}

/** What to do for a wake, given the stored record. */
function nextStep(
  seen: TaskRecord,
  binding: Binding,
  wake: TaskWake,
  now: number,
): "acquire" | "takeOver" | "note" | (Taking & { type: "nothing" }) {
  const { sleeping, early, fence } = acquireRuleOf(wake, binding.declaration.signalsCutWaits);
  if (seen.paused) return { type: "nothing", why: "paused" };
  // A fence tells an alarm clock of an earlier run from the latest one's; it also changes when a dead run is replaced.
  if (fence !== undefined && fence !== seen.fence && seen.status !== "running")
    return { type: "nothing", why: "stale" };
  switch (seen.status) {
    case "completed":
    case "parked":
      return { type: "nothing", why: seen.status };
    case "ready":
      return "acquire";
    case "running": {
      const over = (seen.leaseUntil ?? 0) + clockSkewMs + strikeDelayMs(seen.strikes) < now;
      if (over) return "takeOver";
      return isNews(wake.class) ? "note" : { type: "nothing", why: "running" };
    }
    case "sleeping": {
      const slotHasCome = rulesOf(binding.engine).whenDue === "run" && (seen.notBefore ?? 0) <= now;
      return (sleeping && rulesOf(binding.engine).takesSignals) || early || slotHasCome
        ? "acquire"
        : { type: "nothing", why: "not its time" };
    }
    case "retrying":
      return early || (seen.notBefore ?? 0) <= now + timerSlackMs
        ? "acquire"
        : { type: "nothing", why: "not its time" };
  }
}

/** A run over a dead lease adds the strike of the run that died. */
function strikesIfTaken({ status, strikes }: TaskRecord): number {
  return status === "running" ? strikes + 1 : strikes;
}

function unknownTask(wake: TaskWake): TailwakeError {
  return new TailwakeError({
    code: "unknown-task",
    subject: `task ${taskName(wake.key)}`,
    expected: "a record in the task table",
    received: `none, for a wake of class ${wake.class}`,
  });
}
