import { dueShards } from "../../functions/tasks/record.ts";
import { heapForEach, heapInUse, resources } from "./memory.ts";
import { reader } from "./reader.ts";
import type { LoadReport } from "./report.ts";
import { difference } from "./requests.ts";
import { Ticks } from "./ticks.ts";
import { World } from "./world.ts";

export interface TasksSize {
  readonly tasks: number;
  readonly startsPerSecond: number;
  readonly concurrency: number;
  readonly checksPerTick: number;
  readonly idleMinutes: number;
}

const eventsEach = 5;
/** The 60 s of an invocation, less the reserve at its end. */
const maxTickSeconds = 52;

/** Starts many tasks, lets them read their streams, and leaves them idle. */
export async function loadTasks(size: TasksSize): Promise<LoadReport> {
  const { tasks, startsPerSecond, concurrency, checksPerTick, idleMinutes } = size;
  const world = new World({ aggregates: tasks, concurrency, checksPerTick });
  for (const aggregate of world.aggregates) for (let i = 0; i < eventsEach; i++) world.append(aggregate);
  const heapOfWorld = heapInUse();
  const ticks = new Ticks();
  world.tickEachMinute((tick, tookMs) => ticks.add(tick, tookMs));
  world.pace(tasks, startsPerSecond, (i) => {
    void world.tasks.start(reader, { id: `a${i}` });
  });
  const startSeconds = tasks / startsPerSecond;
  await world.advance(startSeconds * 1_000);
  const drainSeconds = await world.until(() => world.isDrained, 600);
  const behind = await world.behind();
  const read = world.requests.counts;
  const { sent: sentToRead } = world;
  const { steps: stepsToRead } = world.timeline;
  const checksToRead = ticks.checks;
  const heapWhenRead = heapInUse();

  await world.advance(idleMinutes * 60_000);
  const idle = difference(world.requests.counts, read);
  const idleChecks = ticks.checks - checksToRead;
  const idleSent = world.sent - sentToRead;
  const idleSteps = world.timeline.steps - stepsToRead;
  const heapAfterwards = heapInUse();
  return {
    scenario: "tasks",
    what:
      `${tasks.toLocaleString("en")} tasks with ${eventsEach} events each, ${startsPerSecond} started per second; ` +
      `then ${idleMinutes} idle minutes, with at most ${checksPerTick.toLocaleString("en")} checks per tick`,
    figures: [
      { what: "tasks not at the head of their stream", value: behind, max: 0 },
      { what: "seconds from the last start until all have read", value: drainSeconds, max: 30 },
      { what: "writes per task to start and read", value: (read.writes - checksToRead) / tasks, max: 3 },
      { what: "messages per task to start and read", value: sentToRead / tasks, max: 1 },
      { what: "simulation steps per task until then", value: stepsToRead / tasks },
      { what: "maximum checks of a tick", value: ticks.maxChecks, max: checksPerTick },
      { what: "maximum duration of a tick, in seconds", value: ticks.maxMs / 1000, max: maxTickSeconds },
      { what: "tasks woken by a tick, though nothing was lost", value: ticks.woken, max: 0 },
      { what: "checks per task in the idle time", value: idleChecks / tasks },
      { what: "writes per check", value: idle.writes / idleChecks, max: 1 },
      { what: "messages in the idle time", value: idleSent, max: 0 },
      { what: "simulation steps per check", value: idleSteps / idleChecks },
      { what: "ticks cut short", value: ticks.cutShort },
      {
        what: "maximum time that a task was overdue, in minutes",
        value: ticks.oldestDueMs / 60_000,
        max: maxOverdueMinutes(size),
      },
      heapForEach("per task: its record and its entry in the index", heapWhenRead - heapOfWorld, tasks, 4),
      heapForEach("growth per task, after the idle time", heapAfterwards - heapWhenRead, tasks, 0.2),
      ...resources(),
    ],
  };
}

/**
 * Maximum wait of a task for its check. If the checks of a probe period suffice for all tasks: until the next tick or
 * the one after. Otherwise a check of each other task comes first; the shards of the index differ in size, more so if
 * they are small.
 */
function maxOverdueMinutes({ tasks, checksPerTick }: TasksSize): number {
  return 2 + (1.2 + 2 * Math.sqrt(dueShards / tasks)) * (tasks / checksPerTick);
}
