import type { WokenBy } from "../contract/activity.ts";
import { isTailwakeError } from "../contract/error.ts";
import { type Outcome, retry } from "../contract/outcome.ts";
import type { TaskRecord } from "../tasks/record.ts";
import type { WakeClass } from "../wake/wake.ts";
import { attempt } from "./attempt.ts";
import type { Binding } from "./binding.ts";
import type { Invocation, Machinery } from "./engine.ts";
import { RunState } from "./run-state.ts";
import { afterTooManyReruns, type Settled, settle } from "./settle.ts";

/** Rounds of one run: the first, and reruns in place for wakes that came meanwhile (rule 10). */
const longestRun = 10;

/**
 * The one run that all engines share: streams the events after the stored tail through the activity and commits what
 * it returns. The record is the one that acquire wrote. Without contention it costs exactly that write and one more.
 */
export async function runTask(
  machinery: Machinery,
  binding: Binding,
  record: TaskRecord,
  wake: WakeClass,
  invocation: Invocation,
): Promise<void> {
  const state = new RunState(machinery, binding, invocation, record);
  try {
    let wokenBy = reasonFor(wake, binding, record);
    for (let round = 1; ; round++) {
      state.awaiting = false;
      const outcome = await attempt(state, wokenBy);
      const settled = await settleStorable(state, outcome);
      if (settled !== "again") return;
      if (round === longestRun) {
        await settle(state, afterTooManyReruns(state));
        return;
      }
      wokenBy = "signal";
    }
  } finally {
    state.end();
  }
}

/** Commits an outcome; one whose view cannot be stored is a failed attempt, at the tail that is stored. */
async function settleStorable(state: RunState, outcome: Outcome): Promise<Settled> {
  try {
    return await settle(state, outcome);
  } catch (error) {
    if (!isTailwakeError(error, "view-not-storable")) throw error;
    state.discardView();
    return settle(state, retry(state.record.tail, error));
  }
}

/** The reason as the activity is told it. */
function reasonFor(wake: WakeClass, binding: Binding, record: TaskRecord): WokenBy {
  // A task that awaits a child is probed by running it: its own stream does not show that the child is done.
  if (wake === "probe") return record.awaiting ? "child" : "signal";
  // A cron task's slot is found by the due scan, like an overdue task; only a retry is told apart by its attempts.
  if (wake === "rescue" && binding.engine === "cron" && record.attempts === 0) return "interval";
  return wake;
}
