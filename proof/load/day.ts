import { resources } from "./memory.ts";
import { reader } from "./reader.ts";
import type { LoadReport } from "./report.ts";
import { type Counts, difference } from "./requests.ts";
import { Ticks } from "./ticks.ts";
import { World } from "./world.ts";

export interface DaySize {
  readonly tasks: number;
  readonly wakesPerSecond: number;
  /** Duration of the signals; a whole day without signals follows. */
  readonly wakingSeconds: number;
  readonly concurrency: number;
  readonly probeMinutes: number;
}

/** The counts of a simulated world, to be multiplied. */
export interface DayCounts {
  /** From the first signal until all were handled. */
  readonly waking: Counts & { readonly wakes: number; readonly batches: number; readonly sent: number };
  /** A day with only ticks. */
  readonly idle: Counts & { readonly checks: number; readonly ticks: number; readonly sent: number };
  readonly behind: number;
  readonly drainSeconds: number;
}

const startsPerSecond = 1_000;
const checksPerTick = 10_000;
const dayMinutes = 24 * 60;
/** The grace of a start, plus one tick. */
const firstCheckMinutes = 5;

/**
 * Signals tasks for a while after they have read their streams and had their first check, then leaves them idle for a
 * day.
 */
export async function countDay(size: DaySize): Promise<DayCounts> {
  const { tasks, wakesPerSecond, wakingSeconds, concurrency, probeMinutes } = size;
  const world = new World({ aggregates: tasks, concurrency, checksPerTick, probeMinutes });
  const ticks = new Ticks();
  let tickCount = 0;
  world.tickEachMinute((tick, tookMs) => {
    ticks.add(tick, tookMs);
    tickCount++;
  });
  world.pace(tasks, startsPerSecond, (i) => {
    void world.tasks.start(reader, { id: `a${i}` });
  });
  await world.advance((tasks / startsPerSecond) * 1_000);
  await world.until(() => world.isDrained, 600);
  await world.advance((firstCheckMinutes + tasks / checksPerTick) * 60_000);

  const before = { requests: world.requests.counts, batches: world.batches, sent: world.sent };
  const wakes = wakesPerSecond * wakingSeconds;
  world.pace(wakes, wakesPerSecond, () => {
    const aggregate = world.random.pick(world.aggregates);
    world.append(aggregate);
    world.signal(aggregate);
  });
  await world.advance(wakingSeconds * 1_000);
  const drainSeconds = await world.until(() => world.isDrained, 3_600);
  const behind = await world.behind();
  const between = { requests: world.requests.counts, sent: world.sent, checks: ticks.checks, ticks: tickCount };
  const waking = {
    ...difference(between.requests, before.requests),
    wakes,
    batches: world.batches - before.batches,
    sent: world.sent - before.sent,
  };
  await world.advance(dayMinutes * 60_000);
  const idle = {
    ...difference(world.requests.counts, between.requests),
    checks: ticks.checks - between.checks,
    ticks: tickCount - between.ticks,
    sent: world.sent - between.sent,
  };
  return { waking, idle, behind, drainSeconds };
}

/** A day in two parts, which `docs/scale.md` multiplies: some minutes of signals, and a day of probes. */
export async function loadDay(size: DaySize): Promise<LoadReport> {
  const { tasks, wakesPerSecond, wakingSeconds, probeMinutes } = size;
  const { waking, idle, behind, drainSeconds } = await countDay(size);
  const counts = ({ reads, queries, writes, refusedWrites, dueQueries, documentReads, documentWrites }: Counts) =>
    Object.entries({ reads, queries, writes, refusedWrites, dueQueries, documentReads, documentWrites });
  return {
    scenario: "day",
    what:
      `${tasks.toLocaleString("en")} tasks, ${wakesPerSecond.toLocaleString("en")} signals per second for ${wakingSeconds} s; ` +
      `then an idle day with a probe every ${probeMinutes} minutes`,
    figures: [
      { what: "tasks not at the head of their stream", value: behind, max: 0 },
      { what: "seconds from the last signal until all are handled", value: drainSeconds, max: 60 },
      { what: "wakes", value: waking.wakes },
      { what: "batches", value: waking.batches },
      ...counts(waking).map(([what, value]) => ({ what: `${what}, during the signals`, value })),
      { what: "writes per wake", value: (waking.writes + waking.refusedWrites) / waking.wakes, max: 2.2 },
      { what: "messages sent by Tailwake, during the signals", value: waking.sent, max: 0 },
      ...counts(idle).map(([what, value]) => ({ what: `${what}, in the idle day`, value })),
      { what: "checks per task in the idle day", value: idle.checks / tasks, max: (24 * 60) / probeMinutes + 0.1 },
      { what: "ticks in the idle day", value: idle.ticks },
      { what: "messages in the idle day", value: idle.sent, max: 0 },
      ...resources(),
    ],
  };
}
