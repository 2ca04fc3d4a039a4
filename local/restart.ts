import type { TailwakeError } from "../functions/contract/error.ts";
import type { Ports } from "../functions/engines/ports.ts";
import { leaderDocument, readLeader } from "../functions/leaders/leadership.ts";
import type { ControlStore } from "../functions/tasks/control.ts";
import { type TaskRecord, taskName } from "../functions/tasks/record.ts";
import { handOver } from "../functions/tasks/transitions.ts";
import { eagerLeader, type LeaderName } from "../functions/wake/leader-name.ts";
import type { WakeMessage } from "../functions/wake/wake.ts";

interface Restarted extends Pick<Ports, "store" | "control" | "alarms" | "clock"> {
  /** Called for a record that cannot be read because a newer version wrote it; it is not changed. */
  readonly onMalformed?: (error: TailwakeError) => void;
}

/**
 * Wakes the tasks of an earlier start. Queues and schedules were in memory and are lost; the table has everything (T6).
 * The functions of that start ended with it, so this hands over their leases, each with its own token, as if the runs
 * had been canceled at that point. Sleeping tasks get a signal, since the server may have sent one while nothing was
 * subscribed. Leaderships are released.
 */
export async function restartTasks({
  store,
  control,
  alarms,
  clock,
  onMalformed,
}: Restarted): Promise<readonly string[]> {
  for (const name of ["signals", eagerLeader(0, 1)] as const) await endLeadership(control, name);

  const found: TaskRecord[] = [];
  for await (const record of store.list(onMalformed)) if (record.status !== "completed") found.push(record);
  const wakes: WakeMessage[] = [];
  for (const record of found) {
    const { entity, kind, activity, status, token, tail, fence, notBefore } = record;
    const key = { entity, kind, activity };
    if (record.paused || status === "parked") continue;
    if (status === "running" && token !== undefined) {
      const progress = {
        tail,
        view: { type: "unchanged" },
        acted: "unchanged",
        actedAhead: false,
        tailSeenAt: "unchanged",
      } as const;
      const written = await store.update(key, handOver(token, progress, clock.now()));
      if (written.applied) wakes.push({ class: "handOver", key, fence });
    } else if (status === "ready") {
      wakes.push({ class: "rescue", key });
    } else if (status === "retrying") {
      await alarms.sendAt({ class: "timer", key, fence }, notBefore ?? clock.now());
    } else if (status === "sleeping") {
      wakes.push({ class: "signal", key });
    }
  }
  await alarms.send(wakes);
  return found.map(taskName);
}

/** The leader of the earlier start is dead: end its leadership now, so that nobody waits for its next heartbeat. */
async function endLeadership(control: ControlStore, name: LeaderName): Promise<void> {
  const { state, version } = await readLeader(control, name);
  if (state) await control.write(leaderDocument(name), { ...state, aliveUntil: 0 }, version);
}
