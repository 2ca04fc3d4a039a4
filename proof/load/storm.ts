import { heapForEach, heapInUse, resources } from "./memory.ts";
import { reader } from "./reader.ts";
import type { LoadReport } from "./report.ts";
import { difference } from "./requests.ts";
import { Ticks } from "./ticks.ts";
import { World } from "./world.ts";

export interface StormSize {
  readonly aggregates: number;
  readonly signalsPerSecond: number;
  readonly concurrency: number;
  readonly checksPerTick: number;
}

const stormSeconds = 60;
const startsPerSecond = 1_000;
/** A batch reads, acquires, opens its streams, reads them and commits: so long would be slow. */
const slowBatchSeconds = 0.5;
/** What loses three times against other writers comes again when the queue shows it again (rule 5). */
const comesAgainSeconds = 150;

/** Signals come, each for an event of its own, far faster than tasks can run. */
export async function loadStorm(size: StormSize): Promise<LoadReport> {
  const { aggregates, signalsPerSecond, concurrency, checksPerTick } = size;
  const world = new World({ aggregates, concurrency, checksPerTick });
  world.pace(aggregates, startsPerSecond, (i) => {
    void world.tasks.start(reader, { id: `a${i}` });
  });
  await world.advance((aggregates / startsPerSecond) * 1_000);
  await world.until(() => world.isDrained, 600);
  const ticks = new Ticks();
  world.tickEachMinute((tick, tookMs) => ticks.add(tick, tookMs));
  const before = world.requests.counts;
  const { sent: sentBefore, batches: batchesBefore } = world;
  const heapBefore = heapInUse();

  const signals = signalsPerSecond * stormSeconds;
  world.pace(signals, signalsPerSecond, () => {
    const aggregate = world.random.pick(world.aggregates);
    world.append(aggregate);
    world.signal(aggregate);
  });
  await world.advance(stormSeconds * 1_000);
  const { waiting } = world;
  const drainSeconds = await world.until(() => world.isDrained, 3_600);
  const behind = await world.behind();
  const requests = difference(world.requests.counts, before);
  const batches = world.batches - batchesBefore;
  const sent = world.sent - sentBefore;
  const heapAfterwards = heapInUse();
  const maxDrainSeconds = (signals / 10 / concurrency) * slowBatchSeconds + comesAgainSeconds;
  return {
    scenario: "storm",
    what:
      `${signalsPerSecond.toLocaleString("en")} signals a second for ${stormSeconds} s, each for an event of its own, ` +
      `over ${aggregates.toLocaleString("en")} aggregates; ${concurrency} invocations at once, batches of 10`,
    figures: [
      { what: "aggregates not read to their head", value: behind, most: 0 },
      { what: "messages waiting when the storm ends", value: waiting },
      { what: "seconds until the queue is empty again", value: drainSeconds, most: maxDrainSeconds },
      { what: "messages handled a second meanwhile", value: waiting / drainSeconds },
      { what: "messages that we sent, for one signal", value: sent / signals, most: 1 },
      { what: "messages in a batch", value: (signals + sent) / batches },
      { what: "queries for a signal", value: requests.queries / signals, most: 1 },
      {
        what: "writes for a signal: acquired, noted, caught up",
        value: (requests.writes - ticks.checks) / signals,
        most: 2.2,
      },
      { what: "writes refused, for a signal", value: requests.refusedWrites / signals, most: 0.5 },
      { what: "writes of documents, for a batch", value: requests.documentWrites / batches, most: 0.1 },
      {
        what: "deliveries that lost against other writers, for a signal",
        value: world.log.of("delivery failed") / signals,
        most: 0.01,
      },
      { what: "dead letters", value: world.deadLetters, most: 0 },
      { what: "checks of ticks", value: ticks.checks },
      { what: "most checks of a tick", value: ticks.maxChecks, most: checksPerTick },
      heapForEach("more for an event, once all is read", heapAfterwards - heapBefore, signals, 0.6),
      ...resources(),
    ],
  };
}
