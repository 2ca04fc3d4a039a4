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
/** Upper bound for a batch: it reads, acquires, opens its streams, reads them and commits. */
const maxBatchSeconds = 0.5;
/** A delivery that fails three tries against other writers returns after the visibility timeout (rule 5). */
const redeliverySeconds = 150;

/** Sends signals, each for its own event, far faster than tasks can run. */
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
  const maxDrainSeconds = (signals / 10 / concurrency) * maxBatchSeconds + redeliverySeconds;
  return {
    scenario: "storm",
    what:
      `${signalsPerSecond.toLocaleString("en")} signals per second for ${stormSeconds} s, each for its own event, ` +
      `over ${aggregates.toLocaleString("en")} aggregates; ${concurrency} invocations at once, batches of 10`,
    figures: [
      { what: "aggregates not read to their head", value: behind, max: 0 },
      { what: "messages waiting when the storm ends", value: waiting },
      { what: "seconds until the queue is empty again", value: drainSeconds, max: maxDrainSeconds },
      { what: "messages handled per second meanwhile", value: waiting / drainSeconds },
      { what: "messages sent by Tailwake per signal", value: sent / signals, max: 1 },
      { what: "messages per batch", value: (signals + sent) / batches },
      { what: "queries per signal", value: requests.queries / signals, max: 1 },
      {
        what: "writes per signal: acquired, recorded, caught up",
        value: (requests.writes - ticks.checks) / signals,
        max: 2.2,
      },
      { what: "refused writes per signal", value: requests.refusedWrites / signals, max: 0.5 },
      { what: "document writes per batch", value: requests.documentWrites / batches, max: 0.1 },
      {
        what: "deliveries per signal that lost against other writers",
        value: world.log.of("delivery failed") / signals,
        max: 0.01,
      },
      { what: "dead letters", value: world.deadLetters, max: 0 },
      { what: "checks of ticks", value: ticks.checks },
      { what: "maximum checks of a tick", value: ticks.maxChecks, max: checksPerTick },
      heapForEach("growth per event, after all are read", heapAfterwards - heapBefore, signals, 0.6),
      ...resources(),
    ],
  };
}
