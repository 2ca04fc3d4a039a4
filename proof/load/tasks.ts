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
/** The invocation's 60 s without what is kept free at its end. */
const maxTickSeconds = 52;

/** Starts many tasks, lets them read their streams, and leaves them alone for an hour. */
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
  const looksToRead = ticks.checks;
  const heapWhenRead = heapInUse();

  await world.advance(idleMinutes * 60_000);
  const idle = difference(world.requests.counts, read);
  const idleChecks = ticks.checks - looksToRead;
  const idleSent = world.sent - sentToRead;
  const idleSteps = world.timeline.steps - stepsToRead;
  const heapAfterwards = heapInUse();
  return {
    scenario: "tasks",
    what:
      `${tasks.toLocaleString("en")} tasks with ${eventsEach} events each, ${startsPerSecond} started a second; ` +
      `then ${idleMinutes} minutes in which nothing happens, with ${checksPerTick.toLocaleString("en")} checks a tick`,
    figures: [
      { what: "tasks not at the head of their stream", value: behind, most: 0 },
      { what: "seconds from the last start until all had read", value: drainSeconds, most: 30 },
      { what: "writes a task to start and to read", value: (read.writes - looksToRead) / tasks, most: 3 },
      { what: "messages a task to start and to read", value: sentToRead / tasks, most: 1 },
      { what: "steps of the simulation a task until then", value: stepsToRead / tasks },
      { what: "most checks of a tick", value: ticks.maxChecks, most: checksPerTick },
      { what: "longest tick, in seconds", value: ticks.maxMs / 1000, most: maxTickSeconds },
      { what: "tasks woken by a tick, though nothing was lost", value: ticks.woken, most: 0 },
      { what: "checks a task in the idle time", value: idleChecks / tasks },
      { what: "writes a look", value: idle.writes / idleChecks, most: 1 },
      { what: "messages in the idle time", value: idleSent, most: 0 },
      { what: "steps a look", value: idleSteps / idleChecks },
      { what: "ticks cut short", value: ticks.cutShort },
      {
        what: "longest that a task was overdue, in minutes",
        value: ticks.oldestDueMs / 60_000,
        most: maxOverdueMinutes(size),
      },
      heapForEach("for a task: its record and its entry in the index", heapWhenRead - heapOfWorld, tasks, 4),
      heapForEach("more for a task, after the idle time", heapAfterwards - heapWhenRead, tasks, 0.2),
      ...resources(),
    ],
  };
}

/**
 * How long a task waits for a look. If the checks of a probe period suffice for all, until the next tick or the one after
 * it. Else for a look at each of the others; the shards of the index are not of a size, least so if they are small.
 */
function maxOverdueMinutes({ tasks, checksPerTick }: TasksSize): number {
  return 2 + (1.2 + 2 * Math.sqrt(dueShards / tasks)) * (tasks / checksPerTick);
}
