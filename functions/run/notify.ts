import { describeError, isTailwakeError } from "../contract/error.ts";
import type { Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import { hasWaiters, parseTaskName, type TaskRecord, taskName } from "../tasks/record.ts";
import { notified } from "../tasks/transitions.ts";
import { Limiter } from "../upstream/limiter.ts";
import type { TaskWake } from "../wake/wake.ts";
import { sendOrLeaveToScan } from "./start.ts";
import { tellWaiter } from "./tell.ts";

const pageSize = 100;
/** Waiters that are told at once. */
const tellsAtOnce = 20;

type NotifyPorts = Pick<Ports, "store" | "clock" | "alarms" | "log" | "bindings">;

/**
 * Tells the waiters of a completed task, page by page, until a time in milliseconds since 1970. One that is told is a
 * waiter no more. The record stays due until all are told, so a tick goes on where a run or a tick was killed, or had no
 * time left. A waiter whose record cannot be read stays a waiter.
 */
export async function notifyWaiters(ports: NotifyPorts, child: TaskRecord, until: number): Promise<void> {
  if (!hasWaiters(child)) return;
  const { store, clock, log } = ports;
  const isOver = () => clock.now() >= until;
  const limiter = new Limiter(tellsAtOnce);
  const wakes: TaskWake[] = [];
  let untold = 0;

  const tell = async (name: string): Promise<boolean> => {
    if (isOver()) return false;
    try {
      const wake = await toldAndWoken(ports, name);
      if (wake) wakes.push(wake);
      return true;
    } catch (error) {
      log.error("waiter not told", { task: name, child: taskName(child), err: describeError(error) });
      if (isTailwakeError(error, "malformed-record")) return false;
      throw error;
    }
  };
  /** Resolves to the names of those that were told. Their wakes are sent before they are removed. */
  const tellAll = async (names: readonly string[]): Promise<string[]> => {
    const told: string[] = [];
    const telling = names.map((name) =>
      limiter.run(async () => {
        if (await tell(name)) told.push(name);
      }),
    );
    // If one fails, the others end first.
    await Promise.allSettled(telling);
    await sendOrLeaveToScan(ports, wakes.splice(0));
    await Promise.all(telling);
    untold += names.length - told.length;
    return told;
  };

  // An earlier version has kept its waiters in the record. Those that are not told become items.
  const inRecord = child.waiters ?? [];
  const told = new Set(await tellAll(inRecord));
  for (const name of inRecord) {
    const key = parseTaskName(name);
    if (key && !told.has(name)) await store.addWaiter(child, key);
  }
  for (let page = await store.waiters(child, pageSize); page.length > 0 && !isOver(); ) {
    const removing = (await tellAll(page)).map((name) => limiter.run(() => store.removeWaiter(child, name)));
    await Promise.allSettled(removing);
    await Promise.all(removing);
    page = page.length < pageSize ? [] : await store.waiters(child, pageSize, page.at(-1));
  }
  if (isOver()) log.warn("waiters left to the next tick", { child: taskName(child) });
  else if (untold === 0) await store.update(child, notified());
}

/** Tells a waiter. Resolves to the wake to send, if it is ready and no leader runs it. */
async function toldAndWoken(ports: NotifyPorts, name: string): Promise<TaskWake | undefined> {
  const key = parseTaskName(name);
  if (!key) return undefined;
  const binding = ports.bindings.get(key);
  const isReady = await tellWaiter(ports, key, binding?.declaration.signalsCutWaits ?? false);
  const needsWake = isReady && (binding === undefined || rulesOf(binding.engine).setsAlarms);
  return needsWake ? { class: "child", key } : undefined;
}
