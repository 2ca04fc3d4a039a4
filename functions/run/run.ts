import type { WokenBy } from "../contract/activity.ts";
import { describeError, isTailwakeError } from "../contract/error.ts";
import { canceled, type Outcome, retry } from "../contract/outcome.ts";
import type { Binding } from "../engines/binding.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { firstBackoffMs, maxBackoffMs } from "../tasks/backoff.ts";
import { mayPass } from "../tasks/persist.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import type { WakeClass } from "../wake/wake.ts";
import { attempt } from "./attempt.ts";
import { carryOut, factsOf, type Settled, settle } from "./carry-out.ts";
import { measurePass } from "./pass.ts";
import { beginRun, type RunState } from "./run-state.ts";
import { continued, flushed, maxUnwrittenMs } from "./settlement.ts";
import { HeadWatcher, type Watch, type Watched } from "./watch.ts";

/** Maximum of passes of one run: the first, and one for wakes that arrived during each (rule 10). */
const maxPasses = 10;

/**
 * Runs a task, for all engines: streams the events after the stored tail through the activity and commits its outcome.
 * `record` is the record that acquire wrote. Without contention a run costs that write and one more. With `watch` the
 * run goes on at the head of its stream, pass by pass, until its invocation or its lease ends. Resolves to the record
 * after the run.
 */
export function runTask(
  ports: Ports,
  binding: Binding,
  record: TaskRecord,
  wake: WakeClass,
  invocation: Invocation,
  watch?: Watch,
): Promise<TaskRecord> {
  const { activity, fence } = record;
  const attributes = { task: taskName(record), activity, engine: binding.engine, wake, fence };
  return ports.tracer.within("tailwake.run", attributes, (span) => {
    const state = beginRun({ ports, binding, invocation, record, wake, watch, span });
    return runPasses(state, reasonFor(wake, binding, record));
  });
}

async function runPasses(state: RunState, first: WokenBy): Promise<TaskRecord> {
  const head = state.watch && new HeadWatcher(state, state.watch);
  try {
    let wokenBy: WokenBy | undefined = first;
    for (let pass = 1; wokenBy; pass++) {
      const settled = await runPass(state, wokenBy);
      wokenBy = undefined;
      // A busy task hands over, so that it does not keep the invocation for itself (rule 10).
      if (settled === "again" && pass === maxPasses) await settle(state, canceled(state.progress.tail));
      else if (settled === "again") wokenBy = reasonInRecord(state.record) ?? "signal";
      else if (settled === "watching" && head) {
        pass = 0;
        wokenBy = await watchOn(state, head);
      }
    }
    return state.record;
  } catch (error) {
    await giveBack(state, error);
    return state.record;
  } finally {
    state.end();
  }
}

/**
 * The run has ended, and its record still says that it runs, since the table did not take its last write. Says so in a
 * wake, so that no strike counts against the task (rule 8). Throws the error of the write if there is no such wake: then
 * the delivery comes again. A leader needs none: it knows which of its runs are over.
 */
async function giveBack(state: RunState, error: unknown): Promise<void> {
  const { ports, key, token, fence, wake, lost, watch } = state;
  state.end();
  if (lost || watch || state.record.token !== token) throw error;
  // What the table refuses for good, an operator has to see to.
  const waitMs = mayPass(error) ? firstBackoffMs : maxBackoffMs;
  state.log.error("commit failed, left to the next run", { err: describeError(error), retryInMs: waitMs });
  try {
    await ports.alarms.sendAt({ class: wake, key, fence, ended: token }, ports.clock.now() + waitMs);
  } catch (unsent) {
    state.log.warn("wake not sent, left to the due scan", { err: describeError(unsent) });
    throw error;
  }
}

async function runPass(state: RunState, wokenBy: WokenBy): Promise<Settled> {
  const measure = measurePass(state);
  const outcome = await attempt(state, wokenBy);
  observe(state, outcome);
  const settled = await settleOrFail(state, () => settle(state, outcome));
  measure(settled);
  return settled;
}

/** Watches until another pass is needed. Resolves to the reason for it; undefined when the run is over. */
async function watchOn(state: RunState, head: HeadWatcher): Promise<WokenBy | undefined> {
  const write = (settlementOf: typeof flushed) => {
    const { tail } = state.progress;
    return settleOrFail(state, () => carryOut(state, settlementOf(tail, factsOf(state, tail))));
  };
  for (;;) {
    state.watch?.show(state.record.fence, state.seenWakeCount);
    const next: Watched = await head.next(state.unwritten ? state.writtenAt + maxUnwrittenMs : undefined);
    switch (next.type) {
      case "pass":
        return next.wokenBy;
      case "poked": {
        const settled = await write(continued);
        return settled === "again" ? (reasonInRecord(state.record) ?? "operator") : undefined;
      }
      case "flush": {
        const settled = await write(flushed);
        if (settled === "again") return "signal";
        if (settled !== "watching") return undefined;
        break;
      }
      case "over":
        await settleOrFail(state, () => settle(state, next.outcome ?? canceled(state.progress.tail)));
        return undefined;
    }
  }
}

/** Writes. A view that cannot be stored counts as a failed attempt, at the stored tail. */
async function settleOrFail(state: RunState, write: () => Promise<Settled>): Promise<Settled> {
  try {
    return await write();
  } catch (error) {
    if (!isTailwakeError(error, "view-not-storable")) throw error;
    state.progress.discard(state.record);
    const failed = retry(state.record.tail, error);
    observe(state, failed);
    return settle(state, failed);
  }
}

function observe({ ports, key, span }: RunState, outcome: Outcome): void {
  span.set({ outcome: outcome.type });
  if (outcome.type === "retry") span.fail(outcome.error);
  ports.observer?.onOutcome?.(key, outcome);
  ports.meter.add("Runs", 1, { activity: key.activity, outcome: outcome.type });
  if (outcome.type === "retry") ports.meter.add("Retries", 1);
}

/** The reason that the activity gets as `wokenBy`. */
function reasonFor(wake: WakeClass, binding: Binding, record: TaskRecord): WokenBy {
  if (wake === "probe") return "signal";
  // A tick finds the slot of a cron task in the due index, like an overdue task. With attempts it is a retry.
  if (wake === "rescue" && rulesOf(binding.engine).whenDue === "run" && record.attempts === 0) return "interval";
  return wake;
}

/** The reason for a pass that the record has: a wake that came while the task ran. */
function reasonInRecord({ childDone, actAsked }: TaskRecord): WokenBy | undefined {
  if (childDone) return "child";
  return actAsked ? "operator" : undefined;
}
