import { describeError } from "../contract/error.ts";
import { canceled, type Outcome } from "../contract/outcome.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import { rulesOf } from "../engines/rules.ts";
import type { StoredError } from "../tasks/record.ts";
import {
  complete,
  completeForWaiters,
  handOver,
  keepWatching,
  type Progress,
  park,
  rerun,
  retryAt,
  sleep,
  storedError,
  waitUntil,
} from "../tasks/transitions.ts";
import type { Update } from "../tasks/update.ts";
import { backoffMs } from "../wake/backoff.ts";
import { notifyWaiters } from "./notify.ts";
import type { RunState } from "./run-state.ts";
import { sendAtOrLeaveToScan, sendOrLeaveToScan } from "./start.ts";

/**
 * What became of a run: it is over, it must go on at once because wakes came meanwhile, it watches for more, or it lost
 * its lease.
 */
export type Settled = "over" | "again" | "watching" | "lost";

/** Writes an outcome and sends the wake it asks for: the second column of the error contract, for every engine. */
export async function settle(state: RunState, outcome: Outcome): Promise<Settled> {
  if (state.lost) return lost(state, outcome);
  const tail = outcome.tail;
  state.outcome = outcome.type;
  switch (outcome.type) {
    case "completed":
      return completing(state, tail);
    case "caughtUp":
      return state.watch && !state.awaiting ? watching(state, tail) : sleeping(state, tail);
    case "canceled":
      // A watch that has caught up has done its work, though its tail may stand where it stood.
      return tail === state.firstTail && !state.hasCaughtUp ? retrying(state, tail) : handingOver(state, tail);
    case "silentRetry":
      return retrying(state, tail);
    case "silentRetryAfter": {
      const at = outcome.at.getTime();
      // A time that has passed, or is none, means the plain form (protocol rule 17); NaN compares false.
      return at > state.ports.clock.now() ? waiting(state, tail, at) : retrying(state, tail);
    }
    case "retry":
      return retrying(state, tail, outcome);
  }
}

async function completing(state: RunState, tail: Tail): Promise<Settled> {
  const { ports, key, token } = state;
  const view = state.record.viewRef;
  const runs = state.runs(tail);
  let written = await state.write(complete(token, tail, runs));
  if (!written.applied && !state.lost) {
    written = await state.write(completeForWaiters(token, tail, ports.clock.now(), runs));
  }
  if (!written.applied) return lost(state);
  state.log.info("completed");
  await state.dropOldView(view);
  await notifyWaiters(ports, key, written.record.waiters ?? []);
  return "over";
}

async function sleeping(state: RunState, tail: Tail): Promise<Settled> {
  const { ports, binding, token, seenWakeCount, awaiting, record } = state;
  const until = rulesOf(binding.engine).sleep(record, binding, ports.clock.now(), ports.limits);
  return catchingUp(state, tail, "over", (progress) => sleep(token, progress, { seenWakeCount, awaiting, ...until }));
}

/** How long what a watching run has reached may stay unwritten, so that a busy stream costs one write a second. */
const maxUnwrittenMs = 1_000;

/** Caught up in a run that watches: writes how far it got, unless nothing changed, or it has just written. */
async function watching(state: RunState, tail: Tail): Promise<Settled> {
  const { ports, record, acted, view, token } = state;
  state.hasCaughtUp = true;
  const inTrouble = record.attempts > 0 || record.strikes > 0 || record.error !== undefined;
  if (!inTrouble && !record.childDone && !record.awaiting) {
    const changed = tail !== record.tail || view?.changed || (acted !== "unchanged" && acted !== record.acted);
    state.tail = tail;
    state.unwritten ||= changed === true;
    if (!state.unwritten || ports.clock.now() - state.writtenAt < maxUnwrittenMs) return "watching";
  }
  return catchingUp(state, tail, "watching", (progress) => keepWatching(token, progress, state.seenWakeCount));
}

/** When a watching run has to write at the latest; undefined if there is nothing to write. */
export function flushAt({ unwritten, writtenAt }: RunState): number | undefined {
  return unwritten ? writtenAt + maxUnwrittenMs : undefined;
}

/** Writes what a watching run has not written yet. */
export async function flush(state: RunState): Promise<Settled> {
  const { token, seenWakeCount } = state;
  return catchingUp(state, state.tail, "watching", (progress) => keepWatching(token, progress, seenWakeCount));
}

/** Writes, because wakes came, what a run has reached, and learns how many there are. */
export async function goOnForWakes(state: RunState): Promise<Settled> {
  return catchingUp(state, state.tail, "again", (progress) => rerun(state.token, progress));
}

async function catchingUp(
  state: RunState,
  tail: Tail,
  settled: "over" | "watching" | "again",
  write: (progress: Progress) => Update,
): Promise<Settled> {
  const { viewRef, tail: before } = state.record;
  const progress = await state.progress(tail);
  const caughtUp = await state.write(write(progress));
  // Refused with our own token still there: signals came since the stream was opened (T3).
  const written = caughtUp.applied || state.lost ? caughtUp : await state.write(rerun(state.token, progress));
  if (!written.applied) return lost(state);
  if (tail !== before) state.log.info("progressed", { vid: tailText(tail) });
  await state.dropOldView(viewRef);
  if (caughtUp.applied && settled === "over") return "over";
  state.seenWakeCount = written.record.wakeCount;
  state.tail = tail;
  if (state.view) state.view.changed = false;
  return caughtUp.applied ? settled : "again";
}

async function handingOver(state: RunState, tail: Tail): Promise<Settled> {
  const { ports, key, token } = state;
  const view = state.record.viewRef;
  const written = await state.write(handOver(token, await state.progress(tail), ports.clock.now()));
  if (!written.applied) return lost(state);
  await state.dropOldView(view);
  if (setsAlarms(state)) await sendOrLeaveToScan(ports, [{ class: "handOver", key, fence: state.fence }]);
  return "over";
}

/** `failure` is there unless the retry is a silent one: what was thrown may be anything, also undefined. */
async function retrying(state: RunState, tail: Tail, failure?: { readonly error: unknown }): Promise<Settled> {
  const { ports, binding, key, token, record } = state;
  const now = ports.clock.now();
  const attempts = record.attempts + 1;
  const stored: StoredError | undefined = failure && storedError(failure.error, now, tail);
  const progress = await state.progress(tail);
  const limit = binding.declaration.parkAfterAttempts;
  const parks = limit !== undefined && attempts >= limit;
  const notBefore = now + backoffMs(attempts, ports.random());
  const written = await state.write(
    parks ? park(token, progress, stored) : retryAt(token, progress, notBefore, stored),
  );
  if (!written.applied) return lost(state, failure);
  if (failure) {
    const retryInMs = parks ? undefined : notBefore - now;
    state.log.error("failed", {
      err: describeError(failure.error),
      afterEvent: tailText(tail),
      attempt: attempts,
      retryInMs,
    });
  }
  await state.dropOldView(record.viewRef);
  if (parks) {
    state.log.error("parked", { afterEvent: tailText(tail), attempts });
    ports.meter.add("Parked", 1);
  } else if (setsAlarms(state)) {
    await sendAtOrLeaveToScan(ports, { class: "timer", key, fence: state.fence }, notBefore);
  }
  return "over";
}

async function waiting(state: RunState, tail: Tail, at: number): Promise<Settled> {
  const { ports, key, token } = state;
  const view = state.record.viewRef;
  const written = await state.write(waitUntil(token, await state.progress(tail), at));
  if (!written.applied) return lost(state);
  await state.dropOldView(view);
  if (setsAlarms(state)) {
    await sendAtOrLeaveToScan(ports, { class: "timer", key, fence: state.fence }, at);
  }
  return "over";
}

const setsAlarms = ({ binding }: RunState): boolean => rulesOf(binding.engine).setsAlarms;

/** Nothing is written any more; what the run failed with is still said. */
function lost(state: RunState, failure?: object): Settled {
  const err = failure && "error" in failure ? { err: describeError(failure.error) } : {};
  state.log.warn("lease lost", err);
  state.ports.meter.add("LeasesLost", 1);
  state.span.set({ leaseLost: true });
  return "lost";
}

/** Reruns in place end in a hand-over, so that one busy task does not keep an invocation for itself (rule 10). */
export const afterTooManyPasses = (state: RunState): Outcome => canceled(state.tail);

const tailText = (tail: Tail): string => (tail === epoch ? "Epoch" : tail);
