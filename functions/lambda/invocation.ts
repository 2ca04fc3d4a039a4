import { setMaxListeners } from "node:events";
import type { Invocation, Ports } from "../engines/ports.ts";
import { noLongerNeeded } from "../foundation/linked-abort-controller.ts";

/** Time at the end of an invocation for the aborted runs to return. */
const graceToReturnMs = 5_000;
/** Time after that to commit and to return the result. */
const timeToCommitMs = 3_000;

/** The two take at most this share of a short invocation. */
const maxReserveShare = 0.4;

/** The ports that an invocation uses; one object per process. */
type Process = Pick<Ports, "clock" | "exit">;

export interface OpenInvocation extends Invocation {
  /** Stops the timer of the deadline. */
  end(): void;
}

/**
 * The times of one invocation, from the time that Lambda says remains:
 *
 *     now ──── runs ────▶ deadline ── 5 s to return ──▶ abandonAt ── 3 s to commit ──▶ hardEnd
 *
 * A process whose activity ignored the abort exits at its next invocation. Otherwise that activity would go on during
 * another task's run (protocol rule 20).
 */
export function openInvocation(process: Process, remainingMs: number): OpenInvocation {
  const { clock } = process;
  const ignoredBy = tainted.get(process);
  if (ignoredBy !== undefined) process.exit(ignoredBy);
  const hardEnd = clock.now() + remainingMs;
  const reserveMs = Math.min(graceToReturnMs + timeToCommitMs, remainingMs * maxReserveShare);
  const deadline = hardEnd - reserveMs;
  const abandonAt = hardEnd - (reserveMs * timeToCommitMs) / (graceToReturnMs + timeToCommitMs);
  const controller = new AbortController();
  // Each run adds a listener.
  setMaxListeners(0, controller.signal);
  const ended = new AbortController();
  void clock.sleep(deadline - clock.now(), ended.signal).then(() => {
    if (!ended.signal.aborted) controller.abort(new DOMException("the invocation's deadline", "AbortError"));
  });
  return {
    signal: controller.signal,
    deadline,
    abandonAt,
    hardEnd,
    abandoned(task) {
      tainted.set(process, task);
    },
    end: () => ended.abort(noLongerNeeded),
  };
}

/** Whether an activity of the process has ignored the abort, so that it exits at its next invocation. */
export const isAbandoned = (process: Process): boolean => tainted.has(process);

/** The task whose activity ignored the abort. */
const tainted = new WeakMap<Process, string>();
