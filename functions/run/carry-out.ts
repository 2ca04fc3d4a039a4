import { describeError } from "../contract/error.ts";
import type { Outcome } from "../contract/outcome.ts";
import type { Tail } from "../contract/tail.ts";
import { rulesOf } from "../engines/rules.ts";
import { notifyWaiters } from "./notify.ts";
import type { RunState } from "./run-state.ts";
import { type Next, type RunFacts, type Settlement, settlementOf } from "./settlement.ts";
import { sendAtOrLeaveToScan, sendOrLeaveToScan } from "./start.ts";

/** What a run does next, or "lost" if it has lost its lease. */
export type Settled = Next | "lost";

/** Writes an outcome, and does what the error contract says about it. */
export function settle(state: RunState, outcome: Outcome): Promise<Settled> {
  state.endPass(outcome);
  return carryOut(state, settlementOf(outcome, factsOf(state, outcome.tail)));
}

/** Everything that a settlement at a tail depends on. */
export function factsOf(state: RunState, tail: Tail): RunFacts {
  const { ports, binding, key, token, fence, record, firstTail, seenWakeCount, wait, hasStarted, hasCaughtUp } = state;
  const rules = rulesOf(binding.engine);
  const now = ports.clock.now();
  return {
    key,
    token,
    fence,
    record,
    firstTail,
    seenWakeCount,
    wait,
    watches: state.watch !== undefined,
    hasCaughtUp,
    hasStarted,
    acting: state.progress.acting,
    unwritten: state.unwritten || state.progress.differsFrom(record, tail),
    writtenAt: state.writtenAt,
    now,
    random: ports.random,
    parkAfterAttempts: binding.declaration.parkAfterAttempts,
    sleepUntil: rules.sleep(record, binding, now, ports.limits, wait),
    setsAlarms: rules.setsAlarms,
  };
}

/** Carries out a settlement: writes the record, then the log, then sends messages. Does nothing if the lease is lost. */
export async function carryOut(state: RunState, settlement: Settlement): Promise<Settled> {
  const { tail, write, otherwise } = settlement;
  if (state.lost) return lost(state, settlement);
  if (!write) {
    state.goOn(tail, settlement.unwritten ?? state.unwritten);
    return settlement.next;
  }
  const { clock } = state.ports;
  const viewBefore = state.record.viewRef;
  const progress = await state.progressAt(tail);
  let { next } = settlement;
  let written = await state.write(write(progress, clock.now()));
  if (!written.applied && !state.lost && otherwise) {
    ({ next } = otherwise);
    written = await state.write(otherwise.write(progress, clock.now()));
  }
  if (!written.applied) return lost(state, settlement);
  for (const { level, message, fields } of settlement.log) state.log[level](message, fields);
  await state.dropOldView(viewBefore);
  await tellOthers(state, settlement);
  if (next !== "over") state.goOnStored(tail);
  return next;
}

/** Notifies waiters and sends the next wake, after the write. If a message is lost, the due index finds its task (T6). */
async function tellOthers({ ports, invocation, record }: RunState, settlement: Settlement): Promise<void> {
  if (settlement.isParked) ports.meter.add("Parked", 1);
  if (settlement.tellsWaiters) await notifyWaiters(ports, record, invocation.deadline);
  const { wake } = settlement;
  if (wake?.at !== undefined) await sendAtOrLeaveToScan(ports, wake.wake, wake.at);
  else if (wake) await sendOrLeaveToScan(ports, [wake.wake]);
}

/** Writes nothing. Logs the error that the run failed with, if any. */
function lost(state: RunState, { failure }: Pick<Settlement, "failure">): Settled {
  state.log.warn("lease lost", failure ? { err: describeError(failure.error) } : {});
  state.ports.meter.add("LeasesLost", 1);
  state.span.set({ leaseLost: true });
  return "lost";
}
