import type { Ports } from "../engines/ports.ts";
import { compareAndSwap, type Step, stillMoving } from "../tasks/compare-and-swap.ts";
import type { TaskKey, TaskRecord } from "../tasks/record.ts";
import { askToAct, childCompleted, markReady, markWaiter, recordSignal } from "../tasks/transitions.ts";
import type { Update } from "../tasks/update.ts";
import type { WakeClass } from "../wake/wake.ts";
import { refusedEachTime } from "./acquire.ts";

type TellPorts = Pick<Ports, "store" | "clock">;

/** Tries against other writers (rule 5). */
const maxTries = 3;

/**
 * Tells a task that a child of it has completed. `cutsWaits`: its activity lets children end any wait. True if the task
 * is ready now, so that the caller sends its wake; else it runs anyway, makes another pass, or never runs again.
 */
export function tellWaiter({ store, clock }: TellPorts, waiter: TaskKey, cutsWaits: boolean): Promise<boolean> {
  return tell(store, waiter, () => markWaiter(clock.now(), cutsWaits), childCompleted);
}

/**
 * Keeps news in the record of a task that does not run here, or not now: makes a task ready that sleeps, or that waits
 * and is woken by an operator, and records the wake for a running one, whose run makes another pass (T3, rule 2). Throws
 * a `TailwakeError` ("store-refused") if other writers won every try of a signal.
 */
export async function keepNews({ store, clock }: TellPorts, key: TaskKey, wakeClass: WakeClass): Promise<void> {
  if (wakeClass === "operator") await tell(store, key, () => markReady(clock.now(), true), askToAct);
  else await keepSignal({ store, clock }, key);
}

/**
 * Makes a task ready, if it rests; else notes in its record what its next call has to look at. No other writer can win
 * against that for ever: the note asks for nothing but a live task. True if the task is ready now.
 */
async function tell(
  store: Ports["store"],
  key: TaskKey,
  makeReady: () => Update,
  note: () => Update,
): Promise<boolean> {
  const isReady = async () => (await store.update(key, makeReady())).applied;
  // Most tasks that are told something sleep.
  if (await isReady()) return true;
  const { applied, record } = await store.update(key, note());
  // A task that has fallen asleep before this write would sleep on. One that is acquired after it knows.
  return applied && record.status !== "running" && isReady();
}

/** Reads nothing first: most such tasks sleep. */
async function keepSignal({ store, clock }: TellPorts, key: TaskKey): Promise<void> {
  const decide = (stored: TaskRecord | "unread" | undefined): Step<Update, void> => {
    if (stored === "unread") return { write: markReady(clock.now(), false) };
    // A pause keeps the next run from starting.
    if (!stored || stored.paused) return { result: undefined };
    if (stored.status === "sleeping") return { write: markReady(clock.now(), false) };
    if (stored.status !== "running" || stored.token === undefined) return { result: undefined };
    return { write: recordSignal(stored.token) };
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
