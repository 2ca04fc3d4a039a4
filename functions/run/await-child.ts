import type { Ports } from "../engines/ports.ts";
import { hasWaiters, parseTaskName, type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import { addWaiter } from "../tasks/transitions.ts";

/** Maximum of tasks that the search for a circle visits, and of waiters of one of them. */
const maxVisited = 100;

/**
 * Makes a task a waiter of a child, which tells it when it completes; false if it has completed already. A child that
 * completes before the waiter commits raises the waiter's `wakeCount`, so the wake is not lost. Logs an error if the
 * child waits for the waiter in turn: then nobody will ever tell either.
 */
export async function awaitChild(
  { store, log }: Pick<Ports, "store" | "log">,
  child: TaskKey,
  waiter: TaskRecord,
): Promise<boolean> {
  // The item first: whoever completes the child after the second write finds it.
  await store.addWaiter(child, waiter);
  if (!(await store.update(child, addWaiter())).applied) {
    await store.removeWaiter(child, taskName(waiter));
    return false;
  }
  const circle = hasWaiters(waiter) ? await circleOf(store, waiter, child) : undefined;
  if (circle) log.error("waiters in a circle", { tasks: circle });
  return true;
}

/** The names of the tasks of a circle, each waiting for the next, if `child` waits for `waiter`, perhaps through others. */
async function circleOf(
  store: Pick<Ports["store"], "waiters">,
  waiter: TaskKey,
  child: TaskKey,
): Promise<string[] | undefined> {
  /** By the name of a task that waits, what it waits for. */
  const awaited = new Map<string, string | undefined>([[taskName(waiter), undefined]]);
  for (const name of awaited.keys()) {
    if (awaited.size > maxVisited) return undefined;
    const key = parseTaskName(name);
    for (const waiting of key ? await store.waiters(key, maxVisited) : []) {
      if (!awaited.has(waiting)) awaited.set(waiting, name);
    }
    if (awaited.has(taskName(child))) return chainFrom(taskName(child), awaited);
  }
  return undefined;
}

function chainFrom(first: string, awaited: ReadonlyMap<string, string | undefined>): string[] {
  const next = awaited.get(first);
  return next === undefined ? [first] : [first, ...chainFrom(next, awaited)];
}
