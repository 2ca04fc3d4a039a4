import type { Ports } from "../engines/ports.ts";
import { compareAndSwap, type Step, stillMoving } from "../tasks/compare-and-swap.ts";
import type { TaskKey, TaskRecord } from "../tasks/record.ts";
import { childCompleted, markReady, markWaiter, recordWake } from "../tasks/transitions.ts";
import type { Update } from "../tasks/update.ts";
import type { WakeClass } from "../wake/wake.ts";
import { refusedEachTime } from "./acquire.ts";

/** Tries against other writers (rule 5). */
const maxTries = 3;

/**
 * Tells a task that a child of it has completed. `cutsWaits`: its activity lets children end any wait. True if the task
 * is ready now, so that the caller sends its wake; else it runs anyway, makes another pass, or never runs again. No
 * other writer can win against it for ever: the second write asks for nothing but a live task.
 */
export async function tellWaiter(
  { store, clock }: Pick<Ports, "store" | "clock">,
  waiter: TaskKey,
  cutsWaits: boolean,
): Promise<boolean> {
  const makeReady = async () => (await store.update(waiter, markWaiter(clock.now(), cutsWaits))).applied;
  // Most waiters sleep.
  if (await makeReady()) return true;
  const { applied, record } = await store.update(waiter, childCompleted());
  // A waiter that has fallen asleep before this write would sleep on. One that is acquired after it knows of the child.
  return applied && record.status !== "running" && makeReady();
}

/**
 * Keeps news in the record of a task that does not run here, or not now: makes a sleeping task ready, and records the
 * wake for a running one, whose run makes another pass (T3, rule 2). An operator's wake also makes a task ready that
 * waits for a retry. Throws a `TailwakeError` ("store-refused") if other writers won every try.
 */
export async function keepNews(
  { store, clock }: Pick<Ports, "store" | "clock">,
  key: TaskKey,
  wakeClass: WakeClass,
): Promise<void> {
  const isOperator = wakeClass === "operator";
  const decide = (stored: TaskRecord | "unread" | undefined): Step<Update, void> => {
    // Reads nothing first: most such tasks sleep.
    if (stored === "unread") return { write: markReady(clock.now(), isOperator) };
    // A pause keeps the next run from starting. A run in progress goes on for an operator.
    if (!stored || (stored.paused && !isOperator)) return { result: undefined };
    const rests = stored.status === "sleeping" || (isOperator && stored.status === "retrying");
    if (rests && !stored.paused) return { write: markReady(clock.now(), isOperator) };
    if (stored.status !== "running" || stored.token === undefined) return { result: undefined };
    return { write: recordWake(stored.token, isOperator ? "operator" : "signal") };
  };
  // A task that sleeps and is acquired meanwhile costs two writes per try.
  const kept = await compareAndSwap<TaskRecord | "unread" | undefined, Update, void>(
    "unread",
    2 * maxTries,
    decide,
    async (update) => {
      const { applied, record } = await store.update(key, update);
      return applied ? { applied, result: undefined } : { applied, stored: record };
    },
  );
  if (kept === stillMoving) throw refusedEachTime(key);
}
