import type { WokenBy } from "../contract/activity.ts";
import { isTailwakeError } from "../contract/error.ts";
import { canceled, type Outcome, retry } from "../contract/outcome.ts";
import type { Binding } from "../engines/binding.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import type { WakeClass } from "../wake/wake.ts";
import { attempt } from "./attempt.ts";
import { carryOut, factsOf, type Settled, settle } from "./carry-out.ts";
import { measurePass } from "./pass.ts";
import { beginRun, type RunState } from "./run-state.ts";
import { continued, flushed, maxUnwrittenMs } from "./settlement.ts";
import { HeadWatcher, type Watch, type Watched } from "./watch.ts";

/** Passes of one run: the first, and reruns in place for wakes that came meanwhile (rule 10). */
const maxPasses = 10;

/**
 * The one run that all engines share: streams the events after the stored tail through the activity and commits what
 * it returns. The record is the one that acquire wrote. Without contention it costs exactly that write and one more.
 * With `watch` it goes on at the head of its stream, pass by pass, until its invocation or its lease ends.
 * Resolves to the record as the run left it.
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
      // A busy task must not keep an invocation for itself: it hands over (rule 10).
      if (settled === "again" && pass === maxPasses) await settle(state, canceled(state.progress.tail));
      else if (settled === "again") wokenBy = "signal";
      else if (settled === "watching" && head) {
        pass = 0;
        wokenBy = await watchOn(state, head);
      }
    }
    return state.record;
  } finally {
    state.end();
  }
}

async function runPass(state: RunState, wokenBy: WokenBy): Promise<Settled> {
  state.beginPass();
  const measure = measurePass(state);
  const outcome = await attempt(state, wokenBy);
  observe(state, outcome);
  const settled = await settleOrFail(state, () => settle(state, outcome));
  measure(settled);
  return settled;
}

/** Watches until there is something for another pass, and says why; undefined when the run is over. */
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
        return settled === "again" ? (state.record.childDone ? "child" : "operator") : undefined;
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

/** Writes; a view that cannot be stored is a failed attempt, at the tail that is stored. */
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

/** The reason as the activity is told it. */
function reasonFor(wake: WakeClass, binding: Binding, record: TaskRecord): WokenBy {
  // A task that awaits a child is probed by running it: its own stream does not show that the child is done.
  if (wake === "probe") return record.awaiting ? "child" : "signal";
  // A cron task's slot is found by the due scan, like an overdue task; only a retry is told apart by its attempts.
  if (wake === "rescue" && rulesOf(binding.engine).whenDue === "run" && record.attempts === 0) return "interval";
  return wake;
}
