import { Histogram } from "./histogram.ts";
import { heapForEach, heapInUse, resources } from "./memory.ts";
import { reader } from "./reader.ts";
import type { LoadReport } from "./report.ts";
import { difference } from "./requests.ts";
import { Ticks } from "./ticks.ts";
import { World } from "./world.ts";

export interface OutageSize {
  readonly tasks: number;
  readonly concurrency: number;
  readonly checksPerTick: number;
}

const outageMinutes = 10;
/** Every task gets news in the first minute of the outage. */
const newsSeconds = 60;
const startsPerSecond = 1_000;

/** Every task has news while its upstream is out. */
export async function loadOutage(size: OutageSize): Promise<LoadReport> {
  const { tasks, concurrency, checksPerTick } = size;
  const ranAgain = new Histogram("tasks that ran again, by the time since the upstream recovered", 10_000);
  const hasRun = new Set<string>();
  let backAt = Number.POSITIVE_INFINITY;
  const world = new World({
    aggregates: tasks,
    concurrency,
    checksPerTick,
    onWrite: ({ operation, after }) => {
      const { now } = world.timeline;
      if (operation !== "caughtUp" || now < backAt || hasRun.has(after.entity)) return;
      hasRun.add(after.entity);
      ranAgain.add(now - backAt);
    },
  });
  world.pace(tasks, startsPerSecond, (i) => {
    void world.tasks.start(reader, { id: `a${i}` });
  });
  await world.advance((tasks / startsPerSecond) * 1_000);
  await world.until(() => world.isDrained, 600);
  const ticks = new Ticks();
  world.tickEachMinute((tick, tookMs) => ticks.add(tick, tookMs));
  const heapBefore = heapInUse();
  const before = world.requests.counts;
  const { sent: sentBefore } = world;
  const { streams: streamsBefore } = world.upstream;

  world.upstream.goOut("books", outageMinutes * 60_000);
  backAt = world.timeline.now + outageMinutes * 60_000;
  world.pace(tasks, Math.ceil(tasks / newsSeconds), (i) => {
    const aggregate = world.aggregates[i];
    if (!aggregate) return;
    world.append(aggregate);
    world.signal(aggregate);
  });
  await world.advance(outageMinutes * 60_000);
  const out = difference(world.requests.counts, before);
  const outSent = world.sent - sentBefore;
  const outStreams = world.upstream.streams - streamsBefore;
  const outChecks = ticks.checks;
  const trips = world.log.of("upstream is out");
  const heapAfterOutage = heapInUse();

  const drainSeconds = await world.until(() => hasRun.size === tasks && world.isDrained, 3_600);
  const behind = await world.behind();
  const back = difference(difference(world.requests.counts, before), out);
  const backSent = world.sent - sentBefore - outSent;
  return {
    scenario: "outage",
    what:
      `${tasks.toLocaleString("en")} tasks, each with news in the first ${newsSeconds} s of an outage of ${outageMinutes} minutes; ` +
      `${concurrency} invocations at once for wakes and for retries, batches of 10`,
    figures: [
      { what: "tasks not at the head of their stream", value: behind, max: 0 },
      { what: "times that the breaker opened", value: trips },
      { what: "streams opened per task in the outage", value: outStreams / tasks, max: 1 },
      { what: "writes per task in the outage", value: out.writes / tasks, max: 4 },
      { what: "checks per task in the outage", value: outChecks / tasks },
      { what: "messages per task in the outage", value: outSent / tasks, max: 20 },
      { what: "messages per task after it", value: backSent / tasks, max: 4 },
      // A run takes two. Until the breaker's last wait ends, up to 5 min, ticks postpone some tasks again: 3.1 to 4.7.
      { what: "writes per task after it", value: back.writes / tasks, max: 6 },
      { what: "seconds until all is read and the queues are empty", value: drainSeconds, max: 720 },
      { what: "maximum tasks in 10 s", value: ranAgain.maxCount, max: maxBucket(size) },
      { what: "seconds in which 98 % of the tasks ran again", value: ranAgain.spreadMs(0.01) / 1000 },
      heapForEach("growth per task at the end of the outage", heapAfterOutage - heapBefore, tasks, 4),
      ...resources(),
    ],
    histogram: ranAgain,
  };
}

/**
 * Waiting tasks return over half of the time that the breaker was open, at least 75 s: allow twice their share of 10 s,
 * since their times are random. The first tick that finds the upstream back adds the tasks that it checks.
 */
function maxBucket({ tasks, checksPerTick }: OutageSize): number {
  return 2 * tasks * (10 / 75) + checksPerTick;
}
