import { eventId, type Tail } from "../../functions/contract/tail.ts";
import { withRun } from "../../functions/tasks/recent-runs.ts";
import type { TaskRecord } from "../../functions/tasks/record.ts";

/** A lazy task that sleeps at the tail e7, with the given changes. */
export function sleeping(entity: string, now: number, more: Partial<TaskRecord> = {}): TaskRecord {
  return {
    entity,
    kind: "thing",
    activity: "reader",
    address: { thingId: entity },
    engine: "lazy",
    status: "sleeping",
    tail: eventId("e7"),
    wakeCount: 3,
    fence: 4,
    attempts: 0,
    strikes: 0,
    rescues: 0,
    startedAt: now - 86_400_000,
    due: now + 600_000,
    runs: runsTo(4, now, ["e2", "e2", "e5", "e7"]),
    ...more,
  };
}

/** One run for each tail, a minute apart; `last` is the fence of the last one. */
export function runsTo(last: number, now: number, tails: readonly string[]): string {
  const first = last - tails.length + 1;
  return tails.reduce<string>((runs, tail, i) => {
    const run = {
      fence: first + i,
      startedAt: now - (tails.length - i) * 60_000,
      durationMs: 320 + 1_700 * i,
      events: i === 1 ? 0 : 2,
      wake: i === 0 ? "start" : "signal",
      outcome: "caughtUp",
      tail: eventId(tail) as Tail,
    } as const;
    return withRun(runs, run);
  }, "");
}
