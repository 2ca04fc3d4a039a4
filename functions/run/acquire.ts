import { TailwakeError } from "../contract/error.ts";
import type { Binding } from "../engines/binding.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { compareAndSwap, type Step, type Swapped, stillMoving } from "../tasks/compare-and-swap.ts";
import { persist } from "../tasks/persist.ts";
import { eagerBucketOf, type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import { type Standing, standingOf, strikesIfAcquired } from "../tasks/standing.ts";
import { clockSkewMs, strikesToQuarantine } from "../tasks/times.ts";
import {
  type AcquireRule,
  acquire,
  acquireExpired,
  acquireGivenBack,
  askToAct,
  type Claim,
  recordSignal,
} from "../tasks/transitions.ts";
import type { Update } from "../tasks/update.ts";
import { acquireRuleOf, isNews, type TaskWake } from "../wake/wake.ts";

/**
 * The result of a wake.
 *
 * - `acquired`: this run holds the lease.
 * - `recorded`: another run holds the lease, and will make another pass for this wake.
 * - `nothing`: there is nothing to do, because of `why`.
 * - `quarantine`: runs of the task have died, so it may only run in quarantine (rule 8).
 */
export type Acquired =
  | { readonly type: "acquired"; readonly record: TaskRecord }
  | { readonly type: "recorded" }
  | { readonly type: "nothing"; readonly why: "completed" | "parked" | "paused" | "stale" | "running" | "not its time" }
  | { readonly type: "quarantine" };

/** Tries against other writers before the message fails, and is delivered again (rule 5). */
const maxTries = 3;

/** How long the table may leave an acquire without an answer. Then the delivery comes again. */
const maxAcquireMs = 10_000;

/**
 * Acquires the lease for a wake. If the caller has just read the record, pass it as `seen`: it decides on the first
 * write, and a wake with nothing to do costs no write (rule 4). Throws a `TailwakeError` for an unknown task
 * ("unknown-task"), and if other writers win every try ("store-refused").
 */
export async function acquireFor(
  ports: Ports,
  binding: Binding,
  wake: TaskWake,
  invocation: Invocation,
  options: { readonly seen?: TaskRecord | undefined; readonly inQuarantine: boolean },
): Promise<Acquired> {
  const { store, clock, meter } = ports;
  const rule = acquireRuleOf(wake, binding.declaration.signalsCutWaits);
  const { engine } = binding;
  const unchanging = {
    token: ports.newToken(),
    leaseUntil: invocation.hardEnd + clockSkewMs,
    engine,
    eagerBucket: eagerBucketOf(engine, wake.key),
    inQuarantine: options.inQuarantine,
  };
  const decide = (seen: TaskRecord | undefined): Step<Update, Acquired> => {
    const now = clock.now();
    const claim: Claim = { ...unchanging, now };
    // Acquires without a read: the condition of the write checks the record.
    if (!seen) return { write: acquire(claim, rule) };
    return nextStep(seen, standingOf(seen, now), binding, wake, rule, claim);
  };
  const write = async (update: Update): Promise<Swapped<TaskRecord, Acquired>> => {
    // If the answer is lost, the task would have a lease without a run.
    const until = Math.min(invocation.deadline, clock.now() + maxAcquireMs);
    const written = await persist(ports, until, () => store.update(wake.key, update));
    if (!written.record) throw unknownTask(wake);
    if (!written.applied) return { applied: false, stored: written.record };
    if (update.operation === "acquire over a dead lease") meter.add("LeasesExpired", 1);
    const isOurs = written.record.token === unchanging.token;
    return { applied: true, result: isOurs ? { type: "acquired", record: written.record } : { type: "recorded" } };
  };
  const acquired = await compareAndSwap<TaskRecord | undefined, Update, Acquired>(
    options.seen,
    maxTries,
    decide,
    write,
  );
  if (acquired === stillMoving) throw refusedEachTime(wake.key);
  return acquired;
}

/** The next step for a wake, given the stored record. */
function nextStep(
  seen: TaskRecord,
  standing: Standing,
  binding: Binding,
  wake: TaskWake,
  rule: AcquireRule,
  claim: Claim,
): Step<Update, Acquired> {
  const nothing = (why: (Acquired & { type: "nothing" })["why"]) => ({ result: { type: "nothing", why } }) as const;
  const take = (update: Update, strikes = strikesIfAcquired(seen)): Step<Update, Acquired> =>
    !claim.inQuarantine && strikes >= strikesToQuarantine ? { result: { type: "quarantine" } } : { write: update };
  if (standing.type === "stopped" && standing.why === "paused") return nothing("paused");
  // The fence shows whether a wake is of an earlier run. It also rises when another run replaces a dead one.
  if (rule.fence !== undefined && rule.fence !== seen.fence && seen.status !== "running") return nothing("stale");
  const isLeased = standing.type === "held" || standing.type === "dead";
  // The run that has the lease says that it is over, or said so when it was acquired over already.
  if (isLeased && standing.token === wake.ended) return take(acquireGivenBack(claim, standing.token), seen.strikes);
  switch (standing.type) {
    case "done":
      return nothing("completed");
    case "stopped":
      return nothing(standing.why);
    case "acquirable":
      return take(acquire(claim, rule));
    case "held":
      if (!isNews(wake.class)) return nothing("running");
      return { write: wake.class === "operator" ? askToAct() : recordSignal(standing.token) };
    case "dead":
      return take(acquireExpired(claim, standing.token, standing.strikes));
    case "waiting":
      return rule.early ? take(acquire(claim, rule)) : nothing("not its time");
    case "asleep": {
      const { onSignal, whenDue } = rulesOf(binding.engine);
      const slotHasCome = whenDue === "run" && standing.slot <= claim.now;
      const wakes = (rule.sleeping && onSignal === "run") || rule.early || slotHasCome;
      return wakes ? take(acquire(claim, rule)) : nothing("not its time");
    }
  }
}

export function refusedEachTime(key: TaskKey): TailwakeError {
  return new TailwakeError({
    code: "store-refused",
    subject: `wake of ${taskName(key)}`,
    expected: `its record not to change during one of ${maxTries} tries`,
    received: "another writer each time",
  });
}

function unknownTask(wake: TaskWake): TailwakeError {
  return new TailwakeError({
    code: "unknown-task",
    subject: `task ${taskName(wake.key)}`,
    expected: "a record in the task table",
    received: `none, for a wake of class ${wake.class}`,
  });
}
