import { TailwakeError } from "../contract/error.ts";
import type { Ports } from "../engines/ports.ts";
import { hasWaiters, parseTaskName, type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import { addWaiter } from "../tasks/transitions.ts";

/** Maximum of tasks that the search for a circle visits, and of waiters of one of them. */
const maxVisited = 100;

/**
 * Makes a task a waiter of a child, which tells it when it completes; false if it has completed already. A child that
 * completes before the waiter commits raises the waiter's `wakeCount`, so the wake is not lost. Throws a `TailwakeError`
 * ("endless-wait") if the child awaits the waiter in turn, perhaps through others, or is the waiter itself. If two begin
 * to await each other in the same moment, one finds it when it looks again (rule 13).
 */
export async function awaitChild(
  { store }: Pick<Ports, "store">,
  child: TaskKey,
  waiter: TaskRecord,
): Promise<boolean> {
  if (taskName(child) === taskName(waiter)) throw endlessWait([taskName(waiter)]);
  // The item first: whoever completes the child after the second write finds it.
  await store.addWaiter(child, waiter);
  if (!(await store.update(child, addWaiter())).applied) {
    await store.removeWaiter(child, taskName(waiter));
    return false;
  }
  const circle = hasWaiters(waiter) ? await circleOf(store, waiter, child) : undefined;
  if (circle === undefined) return true;
  await store.removeWaiter(child, taskName(waiter));
  throw endlessWait(circle);
}

/** The names of a circle of tasks, each awaiting the next, in which the waiter would be the last. */
async function circleOf(
  store: Pick<Ports["store"], "waiters" | "get">,
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
    if (!awaited.has(taskName(child))) continue;
    const chain = chainFrom(taskName(child), awaited);
    // A waiter stays one until it is told, although it may not await the task any more.
    const records = await Promise.all(
      chain.slice(0, -1).map(async (one) => {
        const of = parseTaskName(one);
        return of && store.get(of);
      }),
    );
    return records.every((record) => record?.awaiting) ? chain : undefined;
  }
  return undefined;
}

function chainFrom(first: string, awaited: ReadonlyMap<string, string | undefined>): string[] {
  const next = awaited.get(first);
  return next === undefined ? [first] : [first, ...chainFrom(next, awaited)];
}

function endlessWait(circle: readonly string[]): TailwakeError {
  const [first = ""] = circle;
  return new TailwakeError({
    code: "endless-wait",
    subject: `run.start of ${circle.at(-1)}`,
    expected: "to await a task that does not wait for this one",
    received: [...circle, first].join(" → "),
  });
}
