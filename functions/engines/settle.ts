import { describeError } from "../contract/error.ts";
import type { LogFields } from "../contract/logger.ts";
import { canceled, type Outcome } from "../contract/outcome.ts";
import { epoch, type Tail } from "../contract/tail.ts";
import { type StoredError, taskName } from "../tasks/record.ts";
import {
  complete,
  completeForWaiters,
  handOver,
  park,
  rerun,
  retryAt,
  sleep,
  storedError,
  waitUntil,
} from "../tasks/transitions.ts";
import { backoffMs } from "../wake/backoff.ts";
import { rulesOf } from "./engine.ts";
import { notifyWaiters } from "./notify.ts";
import type { RunState } from "./run-state.ts";
import { sendAtOrLeaveToScan, sendOrLeaveToScan } from "./start.ts";

/** What became of a run: it is over, it must go on at once because wakes came meanwhile, or it lost its lease. */
export type Settled = "over" | "again" | "lost";

/** Writes an outcome and sends the wake it asks for: the second column of the error contract, for every engine. */
export async function settle(state: RunState, outcome: Outcome): Promise<Settled> {
  if (state.lost) return lost(state);
  const tail = outcome.tail;
  switch (outcome.type) {
    case "completed":
      return completing(state, tail);
    case "caughtUp":
      return sleeping(state, tail);
    case "canceled":
      return tail === state.firstTail ? retrying(state, tail, undefined) : handingOver(state, tail);
    case "silentRetry":
      return retrying(state, tail, undefined);
    case "silentRetryAfter": {
      const at = outcome.at.getTime();
      // A time that has passed, or is none, means the plain form (protocol rule 17); NaN compares false.
      return at > state.machinery.clock.now() ? waiting(state, tail, at) : retrying(state, tail, undefined);
    }
    case "retry":
      return retrying(state, tail, outcome.error);
  }
}

async function completing(state: RunState, tail: Tail): Promise<Settled> {
  const { machinery, key, token } = state;
  const view = state.record.viewRef;
  let written = await state.write(complete(token, tail));
  if (!written.applied && !state.lost) {
    written = await state.write(completeForWaiters(token, tail, machinery.clock.now()));
  }
  if (!written.applied) return lost(state);
  machinery.log.info("completed", fields(state));
  await state.dropOldView(view);
  await notifyWaiters(machinery, key, written.record.waiters ?? []);
  return "over";
}

async function sleeping(state: RunState, tail: Tail): Promise<Settled> {
  const { machinery, binding, token } = state;
  const { viewRef, tail: before } = state.record;
  const progress = await state.progress(tail);
  const until = rulesOf(binding.engine).sleep(state.record, binding, machinery.clock.now(), machinery.limits);
  const { seenWakes, awaiting } = state;
  const slept = await state.write(sleep(token, progress, { seenWakes, awaiting, ...until }));
  // Refused with our own token still there: signals came since the stream was opened (T3).
  const written = slept.applied || state.lost ? slept : await state.write(rerun(token, progress));
  if (!written.applied) return lost(state);
  if (tail !== before) machinery.log.info("progressed", { ...fields(state), vid: tailText(tail) });
  await state.dropOldView(viewRef);
  if (slept.applied) return "over";
  state.seenWakes = written.record.wakes;
  state.tail = tail;
  if (state.view) state.view.changed = false;
  return "again";
}

async function handingOver(state: RunState, tail: Tail): Promise<Settled> {
  const { machinery, key, token } = state;
  const view = state.record.viewRef;
  const written = await state.write(handOver(token, await state.progress(tail), machinery.clock.now()));
  if (!written.applied) return lost(state);
  await state.dropOldView(view);
  await sendOrLeaveToScan(machinery, [{ class: "handOver", key, fence: written.record.fence }]);
  return "over";
}

async function retrying(state: RunState, tail: Tail, error: unknown): Promise<Settled> {
  const { machinery, binding, key, token, record } = state;
  const now = machinery.clock.now();
  const attempts = record.attempts + 1;
  const stored: StoredError | undefined = error === undefined ? undefined : storedError(error, now, tail);
  const progress = await state.progress(tail);
  const limit = binding.declaration.parkAfterAttempts;
  const parks = limit !== undefined && attempts >= limit;
  const notBefore = now + backoffMs(attempts, machinery.random());
  const written = await state.write(
    parks ? park(token, progress, stored) : retryAt(token, progress, notBefore, stored),
  );
  if (!written.applied) return lost(state);
  if (error !== undefined) {
    const retryInMs = parks ? undefined : notBefore - now;
    machinery.log.error("failed", {
      ...fields(state),
      err: describeError(error),
      afterEvent: tailText(tail),
      attempt: attempts,
      retryInMs,
    });
  }
  await state.dropOldView(record.viewRef);
  if (parks) machinery.log.error("parked", { ...fields(state), afterEvent: tailText(tail), attempts });
  else await sendAtOrLeaveToScan(machinery, { class: "timer", key, fence: written.record.fence }, notBefore);
  return "over";
}

async function waiting(state: RunState, tail: Tail, at: number): Promise<Settled> {
  const { machinery, key, token } = state;
  const view = state.record.viewRef;
  const written = await state.write(waitUntil(token, await state.progress(tail), at));
  if (!written.applied) return lost(state);
  await state.dropOldView(view);
  await sendAtOrLeaveToScan(machinery, { class: "timer", key, fence: written.record.fence }, at);
  return "over";
}

function lost(state: RunState): Settled {
  state.machinery.log.warn("lease lost", fields(state));
  return "lost";
}

/** Reruns in place end in a hand-over, so that one busy task does not keep an invocation for itself (rule 10). */
export const afterTooManyReruns = (state: RunState): Outcome => canceled(state.tail);

/** The ids of the seed's log lines: the address, under its own names. */
function fields(state: RunState): LogFields {
  return {
    activity: state.key.activity,
    ...state.record.address,
    task: taskName(state.key),
    fence: state.record.fence,
  };
}

const tailText = (tail: Tail): string => (tail === epoch ? "Epoch" : tail);
