import type { Ports } from "../engines/ports.ts";
import { compareAndSwap, type Step, stillMoving } from "../tasks/compare-and-swap.ts";
import type { TaskKey, TaskRecord } from "../tasks/record.ts";
import { markReady, recordWake } from "../tasks/transitions.ts";
import type { Update } from "../tasks/update.ts";
import type { WakeClass } from "../wake/wake.ts";
import { refusedEachTime } from "./acquire.ts";

/** What a task does about a signal or the end of a child. */
export type Told =
  /** It is ready now: the caller sends its wake. */
  | "ready"
  /** Its run makes another pass. */
  | "recorded"
  /** It runs anyway, or never runs again. */
  | "nothing";

/** Tries against other writers (rule 5). */
const maxTries = 3;

/**
 * Tells a task about a signal or the end of a child. Makes a sleeping task ready by `makeReady`, and records the wake
 * for a running one, whose run makes another pass (T3, rule 2). Reads nothing first: most such tasks sleep. Resolves
 * to {@link stillMoving} if other writers won every try: then the task has not been told.
 */
export async function tell(
  { store }: Pick<Ports, "store">,
  key: TaskKey,
  by: "signal" | "child",
  makeReady: () => Update,
): Promise<Told | typeof stillMoving> {
  const decide = (stored: TaskRecord | "unread" | undefined): Step<Update, Told> => {
    if (stored === "unread") return { write: makeReady() };
    // A pause keeps the next run from starting. A run in progress goes on for a child, whose end is told only once.
    if (!stored || (stored.paused && by === "signal")) return { result: "nothing" };
    if (stored.status === "sleeping" && !stored.paused) return { write: makeReady() };
    if (stored.status !== "running" || stored.token === undefined) return { result: "nothing" };
    return { write: recordWake(stored.token, by) };
  };
  // A task that sleeps and is acquired meanwhile costs two writes per try.
  return compareAndSwap<TaskRecord | "unread" | undefined, Update, Told>(
    "unread",
    2 * maxTries,
    decide,
    async (update) => {
      const { applied, record } = await store.update(key, update);
      if (!applied) return { applied, stored: record };
      return { applied, result: record.status === "running" ? "recorded" : "ready" };
    },
  );
}

/**
 * Keeps news in the record of a task that does not run here, or not now. An operator's wake also makes a task ready that
 * waits for a retry. Throws a `TailwakeError` ("store-refused") if other writers won every try.
 */
export async function keepNews(
  ports: Pick<Ports, "store" | "clock">,
  key: TaskKey,
  wakeClass: WakeClass,
): Promise<void> {
  const early = wakeClass === "operator";
  const told = await tell(ports, key, wakeClass === "child" ? "child" : "signal", () =>
    markReady(ports.clock.now(), early),
  );
  if (told === stillMoving) throw refusedEachTime(key);
}
