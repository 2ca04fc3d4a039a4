import type { Activity, Run, RunContext, TaskStatus, WokenBy } from "../contract/activity.ts";
import { describeError, describeValue, isTailwakeError, TailwakeError } from "../contract/error.ts";
import type { Address, Stream } from "../contract/stream.ts";
import { isTail, type Tail } from "../contract/tail.ts";
import { taskName } from "../tasks/record.ts";
import { checkpoint } from "../tasks/transitions.ts";
import { boundClient } from "../upstream/connection.ts";
import { awaitChild } from "./await-child.ts";
import { isLeaseLost, type RunState } from "./run-state.ts";
import { startTask, statusOf } from "./start.ts";

/** The run as its activity sees it, and the starts that the commit has to wait for. */
export interface RunHandle {
  readonly context: RunContext<Stream>;
  /** For level 1. */
  readonly run: Run<Stream>;
  /** Resolves when every start has ended; rejects with the first error (rule 13). */
  startsSettled(): Promise<void>;
}

export function createRunHandle(state: RunState, wokenBy: WokenBy): RunHandle {
  const { ports, binding, invocation, record } = state;
  /** The starts in progress. Ended ones are removed: an index activity may start a hundred thousand. */
  const starts = new Set<Promise<unknown>>();
  let failed: { readonly error: unknown } | undefined;

  async function startChild(child: Activity, address: Address, wake: boolean): Promise<TaskStatus> {
    state.assertHeld(`the start of ${child.name}`);
    // The starts that are left at the deadline are the next run's: their events come again.
    if (state.signal.aborted) throw state.signal.reason;
    ports.observer?.onStart?.(child, address);
    const started = await startTask(ports, child, address);
    if (started.started) state.startedChild();
    const status = statusOf(started.record);
    if (!wake || status === "completed") return status;
    if (!(await awaitChild(ports, started.key, state.record))) return "completed";
    state.awaitChild();
    return status;
  }

  const context: RunContext<Stream> = {
    address: record.address as never,
    wokenBy,
    attempt: record.attempts + 1,
    fence: record.fence,
    signal: state.signal,
    deadline: new Date(invocation.deadline),
    log: state.log,
    now: () => new Date(ports.clock.now()),
    client: (service) => boundClient(ports.upstream(binding.stream.upstream).transport, service, state.signal),
    start(child, address, options) {
      const started = ports.starts.run(() => startChild(child, address as Address, options?.wake ?? false));
      // An activity need not await the start: the commit does, so its failure is no unhandled rejection.
      const tracked = started
        .catch((error: unknown) => {
          // The child is there. Whether to go on without waiting for it, its activity decides.
          if (isTailwakeError(error, "endless-wait")) state.log.error("wait failed", { err: describeError(error) });
          else if (!isLeaseLost(error)) failed ??= { error };
        })
        .finally(() => starts.delete(tracked));
      starts.add(tracked);
      return started;
    },
  };

  const run: Run<Stream> = {
    ...context,
    tail: state.progress.tail,
    advance(tail) {
      state.progress.advance(checkTail(state, "advance", tail));
    },
    async checkpoint(tail) {
      state.progress.advance(checkTail(state, "checkpoint", tail));
      state.assertHeld("a checkpoint");
      const written = await state.write(
        checkpoint({ token: state.token, step: state.record.step }, await state.progressAt(tail)),
      );
      if (!written.applied) state.assertHeld("a checkpoint");
    },
  };

  async function startsSettled(): Promise<void> {
    while (starts.size > 0) await Promise.all(starts);
    if (failed) throw failed.error;
  }
  return { context, run, startsSettled };
}

function checkTail(state: RunState, method: string, tail: Tail): Tail {
  if (isTail(tail)) return tail;
  throw new TailwakeError({
    code: "invalid-argument",
    subject: `run.${method} of ${taskName(state.key)}`,
    expected: "an event id or epoch",
    received: describeValue(tail),
  });
}
