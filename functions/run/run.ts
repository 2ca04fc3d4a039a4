import type { WokenBy } from "../contract/activity.ts";
import { isTailwakeError } from "../contract/error.ts";
import { canceled, type Outcome, retry } from "../contract/outcome.ts";
import type { Binding } from "../engines/binding.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import type { WakeClass } from "../wake/wake.ts";
import { attempt } from "./attempt.ts";
import { measurePass } from "./pass.ts";
import { RunState } from "./run-state.ts";
import { afterTooManyPasses, flush, flushAt, goOnForWakes, type Settled, settle } from "./settlement.ts";
import { HeadWatcher, type Watch, type Watched } from "./watch.ts";

/** Rounds of one run: the first, and reruns in place for wakes that came meanwhile (rule 10). */
const maxPasses = 10;

/**
 * The one run that all engines share: streams the events after the stored tail through the activity and commits what
 * it returns. The record is the one that acquire wrote. Without contention it costs exactly that write and one more.
 * With `watch` it goes on at the head of its stream, round by round, until its invocation or its lease ends.
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
    const state = new RunState(ports, binding, invocation, record, wake, watch);
    state.span = span;
    return runPasses(state, reasonFor(wake, binding, record));
  });
}

async function runPasses(state: RunState, first: WokenBy): Promise<TaskRecord> {
  const head = state.watch && new HeadWatcher(state, state.watch);
  try {
    let wokenBy: WokenBy | undefined = first;
    for (let round = 1; wokenBy; round++) {
      state.awaiting = false;
      const measure = measurePass(state);
      const outcome = await attempt(state, wokenBy);
      note(state, outcome);
      const settled = await settleOrFail(state, () => settle(state, outcome));
      measure(settled);
      wokenBy = undefined;
      if (settled === "again" && round === maxPasses) await settle(state, afterTooManyPasses(state));
      else if (settled === "again") wokenBy = "signal";
      else if (settled === "watching" && head) {
        round = 0;
        wokenBy = await watchOn(state, head);
      }
    }
    return state.record;
  } finally {
    state.end();
  }
}

/** Watches until there is something for another round, and says why; undefined when the run is over. */
async function watchOn(state: RunState, head: HeadWatcher): Promise<WokenBy | undefined> {
  for (;;) {
    state.watch?.show(state.record.fence, state.seenWakeCount);
    const next: Watched = await head.next(flushAt(state));
    switch (next.type) {
      case "round":
        return next.wokenBy;
      case "poked": {
        const settled = await settleOrFail(state, () => goOnForWakes(state));
        return settled === "again" ? (state.record.childDone ? "child" : "operator") : undefined;
      }
      case "flush": {
        const settled = await settleOrFail(state, () => flush(state));
        if (settled === "again") return "signal";
        if (settled !== "watching") return undefined;
        break;
      }
      case "over":
        await settleOrFail(state, () => settle(state, next.outcome ?? canceled(state.tail)));
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
    state.discardView();
    const failed = retry(state.record.tail, error);
    note(state, failed);
    return settle(state, failed);
  }
}

function note({ ports, key, span }: RunState, outcome: Outcome): void {
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
  if (wake === "rescue" && binding.engine === "cron" && record.attempts === 0) return "interval";
  return wake;
}
