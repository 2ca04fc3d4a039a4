import { setMaxListeners } from "node:events";
import type { Invocation, Ports } from "../engines/ports.ts";
import { noLongerNeeded } from "../foundation/linked-abort-controller.ts";

/** Kept free at the end of an invocation for the aborted runs to return. */
const graceToReturnMs = 5_000;
/** Kept free after that to commit and to answer. */
const timeToCommitMs = 3_000;

/** Of a short invocation only a share is kept free. */
const maxReserveShare = 0.4;

/** What an invocation has of its process: the machinery that it has built. */
type Process = Pick<Ports, "clock" | "exit">;

export interface OpenInvocation extends Invocation {
  /** Stops the timer; nothing of the invocation is left running. */
  end(): void;
}

/**
 * The times of one invocation, from what Lambda says is left:
 *
 *     now ──── runs ────▶ deadline ── 5 s to return ──▶ abandonAt ── 3 s to commit ──▶ hardEnd
 *
 * A process whose activity ignored the abort leaves at its next invocation: what that activity still does would
 * otherwise happen in the middle of somebody else's run (protocol rule 20).
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
  // One for each run that is under way.
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

/** The task whose activity ignored the abort. */
const tainted = new WeakMap<Process, string>();
